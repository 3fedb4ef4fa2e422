import type { OrderReport } from '../event/order-report.ts';
import type { LogBatch, LogWriter } from '../log/event-log.ts';
import type { Offset } from '../log/offset.ts';
import type { IngestRequest, IngestResult } from '../sources/source.ts';
import { validateExternal } from './external-lines.ts';
import type { SourceFindings } from './finding.ts';
import { FindingTally } from './finding-tally.ts';
import type { Decoded } from './format.ts';
import { LineValidator } from './line-validator.ts';
import { type MapOptions, type Mapper, mapDecoded } from './mapper.ts';
import { Normalizer } from './normalize.ts';
import type { NormalizeSettingsInput } from './normalize-settings.ts';
import { Observer } from './observer.ts';
import { OrderReports } from './order-reports.ts';
import type { ValidateOptions } from './validate-options.ts';
import type { ValidationResult } from './validation-result.ts';

export interface IngestorOptions {
  log: LogWriter;
  /** How values are read where a source sets nothing else. */
  settings: NormalizeSettingsInput;
  /** Whether the shop has named its time zone, so that nothing is assumed where times name none. */
  isZoneSet?: boolean;
  /** Currencies that the shop sells in, where it has declared them. */
  currencies?: readonly string[] | undefined;
  lineBytesMax: number;
  now: () => number;
  /** Called once per input that was stored. */
  onStored?: (source: string, result: ValidationResult, come: Come) => void;
  /** Called with the orders that a mapping left out as cancelled, before its input is answered. */
  onLeftOut?: (source: string, orders: readonly string[]) => Promise<void>;
}

/** How the records of an input become lines. */
interface PrepareOptions
  extends Pick<IngestRequest, 'settings' | 'ids'>,
    Pick<MapOptions, 'beside'>,
    Pick<ValidateOptions, 'linesMax' | 'takesMarked'> {
  readonly mapper?: Mapper | undefined;
}

/** How an input came, besides its lines. */
export interface Come {
  /** Records that a mapping left out by its rule. */
  readonly leftOut?: number;
  /** The address or protocol, where a source has several. */
  readonly way?: string | undefined;
}

/** Status is asked for often, and to look over all that was observed takes a while. */
const FINDINGS_MS = 1000;

interface SourceState {
  readonly observer: Observer;
  readonly tally: FindingTally;
}

/** The one way into the log: validates each line, and stores all of them, rejected ones with their reason. */
export class Ingestor {
  readonly #options: IngestorOptions;
  readonly #validator: LineValidator;
  readonly #timeZone: string;
  #findings: { atMs: number; list: SourceFindings[] } = { atMs: Number.NEGATIVE_INFINITY, list: [] };
  readonly #validators = new Map<string, LineValidator>();
  readonly #sources = new Map<string, SourceState>();
  readonly #orders = new OrderReports();
  #external: LineValidator | undefined;
  /** By partition the offset after the external lines that were observed: what is read once more shows nothing new. */
  readonly #observed = new Map<number, Offset>();

  constructor(options: IngestorOptions) {
    this.#options = options;
    this.#timeZone = options.settings.time_zone ?? 'UTC';
    this.#validator = this.#createValidator();
  }

  #createValidator(settings: NormalizeSettingsInput = {}): LineValidator {
    const { log, lineBytesMax } = this.#options;
    return this.#validatorWithin(lineBytesMax, log.lineBytesMax ?? Number.POSITIVE_INFINITY, settings);
  }

  #validatorWithin(
    lineBytesMax: number,
    storedBytesMax: number,
    settings: NormalizeSettingsInput = {},
  ): LineValidator {
    const { now, isZoneSet = false } = this.#options;
    return new LineValidator({
      normalizer: new Normalizer(
        { ...this.#options.settings, ...settings },
        { isZoneSet: isZoneSet || settings.time_zone !== undefined },
      ),
      timeZone: settings.time_zone ?? this.#timeZone,
      lineBytesMax,
      storedBytesMax,
      now,
    });
  }

  /** Maps, validates and stores; resolves when durable. Takes over the bytes and may change them. */
  async ingest(
    source: string,
    input: Buffer | readonly Decoded[],
    options: Pick<IngestRequest, 'settings' | 'mapper' | 'ids'> = {},
  ): Promise<IngestResult> {
    const { result, leftOut } = await this.prepare(source, input, options);
    return this.store(source, result, { leftOut });
  }

  /** Maps and validates, as `ingest` does before it stores. */
  async prepare(
    source: string,
    input: Buffer | readonly Decoded[],
    { settings, mapper, ids, beside, ...options }: PrepareOptions = {},
  ): Promise<{ result: ValidationResult; leftOut: number }> {
    const mapped = await mapDecoded(mapper, decodedOf(input), { ids, beside });
    if (mapped.withdrawn.length > 0) await this.#options.onLeftOut?.(source, mapped.withdrawn);
    // What is set for the source is about this source, and the mapping about all of its kind.
    const all = mapper === undefined ? settings : mergedSettings(mapper.settings, settings);
    const result = this.validate(source, mapped.decoded, {
      ...options,
      ...(all === undefined ? {} : { settings: all }),
      withdrawn: mapped.withdrawn,
      ...(mapped.ids === undefined ? {} : { ids: mapped.ids }),
    });
    return { result, leftOut: mapped.leftOut };
  }

  /** Validates NDJSON, or what a format or a mapper gave, as lines of the source. */
  validate(
    source: string,
    input: Buffer | readonly Decoded[],
    { settings, ...options }: ValidateOptions & Pick<IngestRequest, 'settings'> = {},
  ): ValidationResult {
    const { observer } = this.#stateOf(source, settings?.time_zone);
    return this.#validatorFor(settings).validate(decodedOf(input), observer, options);
  }

  /** Stores lines that were validated. */
  async store(source: string, result: ValidationResult, come: Come = {}): Promise<IngestResult> {
    const lines = result.accepted + result.rejected;
    const { bytes, fields } = result;
    if (lines > 0) await this.#options.log.append({ source, bytes, lines, fields });
    this.#stateOf(source).tally.merge(result.tally);
    this.#options.onStored?.(source, result, come);
    return ingestResultOf(result, come.leftOut);
  }

  /**
   * Validates lines that are in the log, but did not come by `store`: other programs wrote them, or an old version. Gives them as `store`
   * would have written them, one for each line. The lines are whole, and within the limits of the log.
   */
  validateExternal({ partition, nextOffset, source, receivedAtMs, bytes }: LogBatch): Buffer {
    // The log has them already, so none is too long.
    this.#external ??= this.#validatorWithin(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    const validator = this.#external;
    const isFresh = nextOffset > (this.#observed.get(partition) ?? 0);
    if (isFresh) this.#observed.set(partition, nextOffset);
    const { observer, tally } = isFresh ? this.#stateOf(source) : this.#createState(this.#timeZone);
    const results = validateExternal(bytes, (lines) =>
      validator.validate(decodedOf(lines), observer, { nowMs: receivedAtMs }),
    );
    for (const result of isFresh ? results : []) {
      tally.merge(result.tally);
      this.#options.onStored?.(source, result, {});
    }
    const pieces = results.flatMap((result) => result.bytes);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** Takes what an earlier process has stored of orders, the oldest first: what comes from now on is compared with it. */
  recall(sales: readonly (OrderReport & { readonly isRefund: boolean })[]): void {
    for (const { isRefund, ...sale } of sales)
      if (isRefund) this.#orders.refund(sale);
      else this.#orders.take(sale);
  }

  /** Takes orders that an earlier process has left out as cancelled, after `recall`: no event says it. */
  recallLeftOut(source: string, orders: readonly string[]): void {
    const { withdrawals } = this.#stateOf(source).observer;
    for (const order of orders) withdrawals.takeOrder(order);
    // The inputs that said so were answered then.
    withdrawals.reportFresh(new FindingTally());
  }

  /** What was found doubtful since the start, by source; up to a second old. */
  findings(): SourceFindings[] {
    const nowMs = this.#options.now();
    if (Math.abs(nowMs - this.#findings.atMs) >= FINDINGS_MS)
      this.#findings = { atMs: nowMs, list: this.#summarize() };
    return this.#findings.list;
  }

  #summarize(): SourceFindings[] {
    return [...this.#sources].flatMap(([source, { observer, tally }]) => {
      const all = new FindingTally();
      all.merge(tally);
      observer.summarize(all);
      observer.withdrawals.report(all);
      return all.isEmpty ? [] : [{ source, findings: all.list() }];
    });
  }

  /** One validator for equal settings: they come from the config, so there are few. */
  #validatorFor(settings: NormalizeSettingsInput | undefined): LineValidator {
    if (settings === undefined) return this.#validator;
    const key = JSON.stringify(settings);
    let validator = this.#validators.get(key);
    if (validator === undefined) {
      validator = this.#createValidator(settings);
      this.#validators.set(key, validator);
    }
    return validator;
  }

  #stateOf(source: string, timeZone?: string): SourceState {
    let state = this.#sources.get(source);
    if (state === undefined) {
      state = this.#createState(timeZone ?? this.#timeZone, this.#orders);
      this.#sources.set(source, state);
    } else if (timeZone !== undefined) state.observer.zone = timeZone;
    return state;
  }

  #createState(zone: string, orders?: OrderReports): SourceState {
    const { currencies } = this.#options;
    return { observer: new Observer({ zone, currencies, orders }), tally: new FindingTally() };
  }
}

/** What is set for a source, and else what its mapping says. */
function mergedSettings(
  ofMapper: NormalizeSettingsInput,
  ofSource?: NormalizeSettingsInput,
): NormalizeSettingsInput {
  const types = { ...ofMapper.event_types, ...ofSource?.event_types };
  return { ...ofMapper, ...ofSource, ...(Object.keys(types).length === 0 ? {} : { event_types: types }) };
}

/** NDJSON as what a format gives. */
function decodedOf(input: Buffer | readonly Decoded[]): readonly Decoded[] {
  return Buffer.isBuffer(input) ? [{ kind: 'json', bytes: input, places: { first: 1 } }] : input;
}

export function ingestResultOf(result: ValidationResult, leftOut = 0): IngestResult {
  const { accepted, rejected, errors, reasons, invalidFields } = result;
  const findings = new FindingTally();
  findings.merge(result.tally);
  findings.merge(result.late);
  return { accepted, rejected, leftOut, errors, reasons, invalidFields, findings: findings.list() };
}
