import { FILE_HASH_DIGITS } from '../event/given-id.ts';
import { FindingTally } from '../ingest/finding-tally.ts';
import type { LineValidator } from '../ingest/line-validator.ts';
import { countReason, type Mapper, mapDecoded } from '../ingest/mapper.ts';
import { Observer } from '../ingest/observer.ts';
import { OrderReports } from '../ingest/order-reports.ts';
import type { ValidationResult } from '../ingest/validation-result.ts';
import type { Withdrawals } from '../ingest/withdrawals.ts';
import { addCounts } from '../log/offset.ts';
import { now } from '../system/clock.ts';
import { ComponentError, UsageError } from '../telemetry/errors.ts';
import { counted } from '../telemetry/words.ts';
import { fittingMapping } from './fitting.ts';
import type { LoadInput } from './inputs.ts';
import { LoadError } from './load-error.ts';
import { ContentHash, type LoadProgress, type LoadRegistry } from './registry.ts';
import { type LoadTarget, NotStoredError, type StoredLines } from './target.ts';

/** Progress is stored this often: what is sent again after a crash is known by its ids. */
const SAVE_MS = 200;
const ERRORS_MAX = 20;

/** What one input gave. */
export interface InputResult {
  readonly name: string;
  readonly description: string;
  readonly format: string;
  /** Bytes of the file that were read; null where it is not read in order. */
  bytesRead: number | null;
  received: number;
  events: number;
  badRows: number;
  /** Records that the mapping left out by its rule. */
  leftOut: number;
  /** How many of them for which reason, in words. */
  leftOutBy: Record<string, number>;
  /** Records that an earlier load had stored. */
  storedBefore: number;
  /** Bad rows with their line, the first of them. */
  errors: ValidationResult['errors'];
  /** A record, and the event that it became. */
  example: ValidationResult['example'];
  /** Columns that are not fields; their values are kept in `extra`. */
  unusedColumns: string[];
  /** Why the content ended early; null where it did not. */
  cutWhy: string | null;
}

/** What was sent of all inputs. */
export interface Sent {
  readonly inputs: InputResult[];
  readonly badByReason: Record<string, number>;
  readonly invalidFields: Record<string, number>;
  readonly tally: FindingTally;
  /** Orders that are said to be cancelled, and of which this load knows nothing else. */
  readonly withdrawn: Set<string>;
  /** What each input said of orders that were cancelled or given back; not in the tally yet. */
  readonly withdrawals: Withdrawals[];
}

export interface SendOptions {
  createValidator: () => LineValidator;
  /** Makes events of the records; without it they are events. */
  mapper: Mapper | undefined;
  timeZone: string;
  /** Currencies that the shop sells in, where it has declared them. */
  currencies: readonly string[] | undefined;
  registry: LoadRegistry;
  /** How values are read, as text. */
  settings: string;
  /** Loads what was loaded before once more. */
  again: boolean;
  /** How the user asks for that: ends the sentence "use the same options, or". */
  againHint: string;
  /** Where it goes on after a failure: begins the sentence that ends "goes on from there". */
  resumeHint: string;
  /** Called with what the input at work has given so far. */
  onProgress?: ((input: InputResult) => void) | undefined;
  /** Ends the load early; what is stored by then stays. */
  signal?: AbortSignal | undefined;
}

/** Sends all inputs, one after the other. When that fails, what had been stored until then is in the message. */
export async function sendInputs(
  inputs: readonly LoadInput[],
  target: LoadTarget,
  options: SendOptions,
): Promise<Sent> {
  const sent: Sent = {
    inputs: [],
    badByReason: {},
    invalidFields: {},
    tally: new FindingTally(),
    withdrawn: new Set(),
    withdrawals: [],
  };
  const orders = new OrderReports();
  for (const order of options.registry.withdrawn()) orders.cancel(order, null);
  for (const input of inputs) await new InputSender(input, target, options, sent, orders).send();
  return sent;
}

/** Its records have the same columns, and lack the members whose cells are empty. */
const TABLE_FORMAT = 'csv';

/** Whoever asked for the load has ended it. */
export class LoadCancelledError extends LoadError {}

/** How far an input is stored. */
type Reached = Omit<LoadProgress, 'events' | 'updatedAt'>;

/** Sends one input, two blocks at a time: one is validated while the other is synced. */
class InputSender {
  readonly #input: LoadInput;
  readonly #target: LoadTarget;
  readonly #options: SendOptions;
  /** All that the user set about reading: with other settings it is another load. */
  readonly #settings: string;
  readonly #sent: Sent;
  readonly #result: InputResult;
  readonly #observer: Observer;
  readonly #hash = new ContentHash();
  readonly #pending = new Set<Promise<void>>();
  /** What the blocks that are stored say of the progress, in order. */
  #stored: Reached | null = null;
  #eventsBefore = 0;
  /** Records without a field that each event needs. */
  #unnamed = 0;
  #savedMs = now();
  #failure: { error: unknown } | null = null;

  constructor(input: LoadInput, target: LoadTarget, options: SendOptions, sent: Sent, orders: OrderReports) {
    this.#input = input;
    this.#target = target;
    this.#options = options;
    this.#settings = `${options.settings} ${input.declared}`;
    this.#sent = sent;
    this.#observer = new Observer({
      zone: options.timeZone,
      currencies: options.currencies,
      isWhole: true,
      isTable: input.format === TABLE_FORMAT,
      orders,
    });
    this.#result = {
      name: input.name,
      description: input.description,
      format: input.format,
      bytesRead: 0,
      received: 0,
      events: 0,
      badRows: 0,
      leftOut: 0,
      leftOutBy: {},
      storedBefore: 0,
      errors: [],
      example: null,
      unusedColumns: [],
      cutWhy: null,
    };
  }

  async send(): Promise<void> {
    const { registry, again, createValidator } = this.#options;
    const input = this.#input;
    const settings = this.#settings;
    let found = again ? null : await registry.find(() => input.chunks());
    if (found !== null && found.progress.settings !== settings) {
      if (found.progress.events > 0) throw this.#otherSettings(found.progress);
      found = null;
    }
    this.#sent.inputs.push(this.#result);
    if (found?.isAll) {
      this.#result.storedBefore = found.progress.allRecords;
      return;
    }
    const skip = found?.progress.records ?? 0;
    this.#eventsBefore = found?.progress.events ?? 0;
    const entry: Pick<LoadProgress, 'id' | 'file' | 'withdrawn'> =
      found?.progress ?? registry.begin(input.name, settings);
    const validator = createValidator();
    let [records, chunks, recordsBefore] = [0, 0, 0];
    try {
      for await (const pieces of input.records((chunk) => {
        this.#hash.update(chunk);
        chunks++;
      })) {
        this.#result.bytesRead = input.fileBytesRead();
        if (this.#options.signal?.aborted) throw new LoadCancelledError('It was cancelled.');
        const at = this.#hash.at();
        recordsBefore = records;
        const mapped = await mapDecoded(this.#options.mapper, pieces);
        this.#result.leftOut += mapped.leftOut;
        for (const [why, left] of Object.entries(mapped.leftOutBy))
          countReason(this.#result.leftOutBy, why, left);
        const result = validator.validate(mapped.decoded, this.#observer, {
          withdrawn: mapped.withdrawn,
          skip: Math.max(0, skip - records),
          ids: { prefix: at.head.slice(0, FILE_HASH_DIGITS), next: records + 1 },
        });
        records += result.records;
        this.#result.storedBefore += result.skipped;
        const { id, file } = entry;
        const progress = { id, file, settings, ...at, records, allRecords: records, isComplete: false };
        // What an earlier load has stored is known further than this.
        await this.#store(result, chunks > 0 && records >= skip ? progress : null);
        this.#options.onProgress?.(this.#result);
      }
      await Promise.all(this.#pending);
      if (this.#failure) throw this.#failure.error;
      await this.#complete(entry, recordsBefore, records);
      await this.#suggestMapping();
      this.#observer.summarize(this.#sent.tally);
      this.#sent.withdrawals.push(this.#observer.withdrawals);
      for (const order of this.#observer.withdrawals.unknown) this.#sent.withdrawn.add(order);
      this.#result.unusedColumns = [...this.#observer.unusedColumns];
    } catch (error) {
      await Promise.all(this.#pending);
      if (this.#stored) await this.#save();
      throw this.#withStored(error);
    }
  }

  /** Where most records lack a time or a type by our names, a mapping may find them. */
  async #suggestMapping(): Promise<void> {
    const { mapper, timeZone } = this.#options;
    if (mapper !== undefined || this.#unnamed === 0 || this.#unnamed * 2 < this.#result.received) return;
    const guess = await fittingMapping((detecting) => this.#input.reopened(detecting), timeZone);
    if (guess !== null)
      this.#sent.tally.add('mapping_fits', this.#input.name, guess.preset ?? '', '', this.#unnamed);
  }

  /** A record without a line end may have been cut: it is not among those that a longer file is known by. */
  async #complete(
    entry: Pick<LoadProgress, 'id' | 'file' | 'withdrawn'>,
    records: number,
    allRecords: number,
  ): Promise<void> {
    const ending = this.#input.ending();
    if (ending.cut) this.#result.cutWhy = ending.whyText;
    const settings = this.#settings;
    const { id, file } = entry;
    const isComplete = !ending.cut;
    const withdrawn = [
      ...new Set([...(entry.withdrawn ?? []), ...this.#observer.withdrawals.unknownLeftOut]),
    ];
    const ofOrders = withdrawn.length === 0 ? {} : { withdrawn };
    this.#stored = { id, file, settings, ...this.#hash.at(), records, allRecords, isComplete, ...ofOrders };
    await this.#save();
  }

  async #store(result: ValidationResult, reached: Reached | null): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    const before = [...this.#pending];
    const storing = (async () => {
      try {
        if (result.accepted + result.rejected > 0) this.#count(result, await this.#target.store(result));
        await Promise.all(before);
        // Not past a block that failed.
        if (reached && !this.#failure) this.#stored = reached;
      } catch (error) {
        this.#failure ??= { error };
      }
    })().finally(() => this.#pending.delete(storing));
    this.#pending.add(storing);
    while (this.#pending.size >= 2) await Promise.race(this.#pending);
    if (this.#stored && now() - this.#savedMs >= SAVE_MS) await this.#save();
  }

  async #save(): Promise<void> {
    this.#savedMs = now();
    const events = this.#eventsBefore + this.#result.events;
    const updatedAt = new Date(now()).toISOString();
    await this.#options.registry.save({ ...this.#stored!, events, updatedAt });
  }

  #count(block: ValidationResult, stored: StoredLines): void {
    const [result, sent] = [this.#result, this.#sent];
    result.received += stored.accepted + stored.rejected;
    result.events += stored.accepted;
    result.badRows += stored.rejected;
    result.example ??= block.example;
    for (const error of block.errors) if (result.errors.length < ERRORS_MAX) result.errors.push(error);
    this.#unnamed += stored.reasons.missing_field ?? 0;
    addCounts(sent.badByReason, stored.reasons);
    addCounts(sent.invalidFields, block.invalidFields);
    sent.tally.merge(block.tally);
  }

  #otherSettings({ file, updatedAt }: LoadProgress): UsageError {
    return new UsageError(
      `${this.#input.name} was loaded on ${updatedAt.slice(0, 10)} (as ${file}) with other options. ` +
        `Loading it again would count most of its events twice: use the same options, or ${this.#options.againHint}. ` +
        this.#storedText(false),
    );
  }

  /** The error, with what of the load is stored. */
  #withStored(error: unknown): unknown {
    if (!(error instanceof UsageError || error instanceof ComponentError)) return error;
    // What was refused as a whole is not stored, and its message says what to change.
    if (error instanceof UsageError && this.#sent.inputs.every(({ received }) => received === 0))
      return error;
    const kind = error instanceof LoadCancelledError ? LoadCancelledError : LoadError;
    return new kind(
      `${error.message}\n${this.#storedText(this.#failure?.error === error && !(error instanceof NotStoredError))}`,
    );
  }

  /** `isUnsure`: some of the block that failed may be stored, too. */
  #storedText(isUnsure: boolean): string {
    const { inputs } = this.#sent;
    const sum = (pick: (input: InputResult) => number) =>
      inputs.reduce((total, each) => total + pick(each), 0);
    const received = sum((each) => each.received);
    if (received === 0 && !isUnsure) return 'Nothing was stored.';
    const isWhole = (each: InputResult) => each !== this.#result && each.cutWhy === null;
    const isInPart = (each: InputResult) =>
      !isWhole(each) && (each.received > 0 || (isUnsure && each === this.#result));
    const namesOf = (is: (each: InputResult) => boolean) =>
      inputs
        .filter(is)
        .map(({ name }) => name)
        .join(', ');
    const of = [
      ...(inputs.some(isWhole) ? [`all of ${namesOf(isWhole)}`] : []),
      ...(inputs.some(isInPart) ? [`a part of ${namesOf(isInPart)}`] : []),
    ];
    return (
      `Stored before that: ${isUnsure ? 'at least ' : ''}${counted(received, 'record')} (${counted(
        sum((each) => each.events),
        'event',
      )}, ` +
      `${counted(
        sum((each) => each.badRows),
        'bad row',
      )}), ${of.join(' and ')}. What is stored is archived and counted like anything else. ` +
      `${this.#options.resumeHint} continues from there.`
    );
  }
}
