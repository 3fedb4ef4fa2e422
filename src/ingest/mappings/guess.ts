import { parse } from 'yaml';
import { counted } from '../../telemetry/words.ts';
import type { Finding } from '../finding.ts';
import type { FindingCode } from '../finding-catalogue.ts';
import type { Decoded } from '../format.ts';
import { LineValidator } from '../line-validator.ts';
import type { Mapper } from '../mapper.ts';
import { recordsOf } from '../mapping/collect-events.ts';
import { compileMapping } from '../mapping/compile.ts';
import { mapperOf } from '../mapping/map-records.ts';
import { mappingSchema } from '../mapping/schema.ts';
import { Normalizer } from '../normalize.ts';
import { Observer } from '../observer.ts';
import { createEventTypeReader } from '../values/read-event-type.ts';
import { isProposableName } from './fields.ts';
import { allLeftOutText, listed, rejectedText, whyNoProposal } from './no-guess.ts';
import { proposeMapping } from './propose.ts';
import { presetNames, readMapping } from './read.ts';

/** What a mapping would make of a sample. */
export interface Guess {
  /** A preset; null for a proposal, or for no mapping at all. */
  readonly preset: string | null;
  /** The proposed mapping, YAML; null for a preset, or where none is needed. */
  readonly proposal: string | null;
  readonly events: number;
  readonly rejected: number;
  readonly leftOut: number;
  /** Sentences about what its events lack; none where it fits. */
  readonly doubts: readonly string[];
}

/** Why nothing was proposed: what most records lack, in a sentence. */
export async function whyNoGuess(options: GuessOptions): Promise<string> {
  const decoded = await options.decode(UNKNOWN_SHOP);
  const proposal = proposeMapping(...sampleOf(decoded));
  if (proposal === null) return whyNoProposal(decoded);
  const mapper = mapperOf(compileMapping('proposal', mappingSchema.parse(parse(proposal))));
  const { leftOut, leftOutBy, result } = await validate(mapper, decoded, options);
  const { accepted, rejected, reasons } = result;
  if (accepted + rejected === 0 && leftOut > 0)
    return `${allLeftOutText(leftOut, leftOutBy)}${await readerOf(options)}`;
  return rejectedText(rejected, accepted + rejected, reasons);
}

/** The preset that knows the orders which were cancelled, where it is one. */
async function readerOf(options: GuessOptions): Promise<string> {
  const readers: string[] = [];
  for (const name of presetNames()) {
    const mapper = mapperOf(readMapping(name, ''));
    const decoded = await decodedFor(mapper, options);
    if (decoded === null) continue;
    const mapped = await mapper.map(decoded);
    // A preset for a table knows its columns; others find orders in whatever has a number.
    if (mapped.withdrawn.length > 0 && mapped.withdrawn.length >= mapped.leftOut / 2) readers.push(name);
  }
  const [reader] = readers;
  return reader === undefined || readers.length > 1
    ? ''
    : ` The mapping ${reader} reads such files: --map ${reader} (map).`;
}

export interface GuessOptions {
  /** The records of the sample, as they are found with what a mapping knows of them. */
  readonly decode: (detecting: Mapper['detecting']) => Promise<readonly Decoded[]> | readonly Decoded[];
  readonly timeZone: string;
  readonly now: () => number;
  /** Awaited between two mappings, so that a process that has more to do can do it. */
  readonly pause?: () => Promise<void>;
}

/** How a table of an unknown shop is recognized. */
const UNKNOWN_SHOP: Mapper['detecting'] = { isKnownName: isProposableName };

/** Fields that tell most about whether records were understood; others weigh 1. */
const WEIGHTS: Readonly<Record<string, number>> = {
  order_id: 2,
  amount: 2,
  currency: 2,
  items: 3,
  user_id: 2,
  visitor_id: 2,
};
/** A type that means something to the metrics weighs as much as several fields. */
const TYPE_WEIGHT = 4;
/** A mapping of which hardly anything becomes an event is none; what a preset leaves out by its rule is not held against it. */
const SHARE_MIN = 0.5;
const SHARE_OF_ALL_MIN = 0.1;
/** What is left of a score for each doubt: another mapping that reads what this one lacks is better. */
const DOUBTED = 0.5;

/** What is known of most events: of several fields one is enough. */
const CORE: readonly (readonly string[])[] = [
  ['amount', 'price'],
  ['order_id'],
  ['currency'],
  ['user_id', 'visitor_id'],
  ['items', 'product_id', 'product_name'],
];

interface Candidate {
  readonly guess: Guess;
  readonly score: number;
  /** Indexes in CORE. */
  readonly core: ReadonlySet<number>;
}

/**
 * The mapping that makes most of a sample: none, a preset, or a proposal. Null where nothing makes events of it. Throws what `decode` throws
 * where no mapping can read it.
 */
export async function guessMapping(options: GuessOptions): Promise<Guess | null> {
  let best: Candidate | null = null;
  const tried = async (
    mapper: Mapper | null,
    of: Pick<Guess, 'preset' | 'proposal'>,
  ): Promise<Candidate | null> => {
    await options.pause?.();
    return tryMapper(mapper, of, options);
  };
  const consider = (candidate: Candidate | null) => {
    // The first of equals stays: no mapping before a preset, and that before a proposal.
    if (candidate !== null && candidate.score > (best?.score ?? 0)) best = candidate;
  };
  consider(await tried(null, { preset: null, proposal: null }));
  for (const name of presetNames())
    consider(await tried(mapperOf(readMapping(name, '')), { preset: name, proposal: null }));
  const found = best as Candidate | null;
  const proposal = await proposalFor(options).catch((error) => {
    // Some tables have no names of columns but those that a preset knows.
    if (found === null) throw error;
    return null;
  });
  if (proposal === null) return found?.guess ?? null;
  const spec = mappingSchema.parse(parse(proposal));
  const proposed = await tried(mapperOf(compileMapping('proposal', spec)), { preset: null, proposal });
  // A preset knows what else there is to know of its system; a proposal is better where it reads what matters, and the preset doesn't.
  const isKnown = found !== null && found.guess.preset !== null && found.guess.doubts.length === 0;
  const readsMore = proposed !== null && [...proposed.core].some((each) => !found?.core.has(each));
  if (!isKnown || readsMore) consider(proposed);
  return (best as Candidate | null)?.guess ?? null;
}

async function proposalFor({ decode }: GuessOptions): Promise<string | null> {
  return proposeMapping(...sampleOf(await decode(UNKNOWN_SHOP)));
}

/** The records of a sample, and whether they are rows of a table. */
function sampleOf(decoded: readonly Decoded[]): Parameters<typeof proposeMapping> {
  return [
    recordsOf(decoded).flatMap((piece) => ('fields' in piece ? [piece.fields] : [])),
    decoded.some(({ kind }) => kind === 'records'),
  ];
}

/** The records as a mapping finds them; null where it can't read the file. */
async function decodedFor(
  mapper: Mapper | null,
  { decode }: GuessOptions,
): Promise<readonly Decoded[] | null> {
  try {
    return await decode(mapper?.detecting ?? {});
  } catch {
    // The mapping is for files of another format, so it is not the one.
    return null;
  }
}

async function tryMapper(
  mapper: Mapper | null,
  of: Pick<Guess, 'preset' | 'proposal'>,
  options: GuessOptions,
): Promise<Candidate | null> {
  const decoded = await decodedFor(mapper, options);
  if (decoded === null) return null;
  const { result, leftOut, observer } = await validate(mapper, decoded, options);
  const { accepted, rejected } = result;
  const read = accepted + rejected;
  if (read === 0 || accepted / read < SHARE_MIN || accepted / (read + leftOut) < SHARE_OF_ALL_MIN)
    return null;
  const events = result.bytes.flatMap(eventsIn);
  const weight = events.reduce((sum, event) => sum + weightOf(event), 0);
  observer.summarize(result.tally);
  const found = result.tally.list();
  const doubts = [...doubtsOf(events), ...found.flatMap(doubtOfFinding(AGAINST))];
  const score = ((weight - rejected * TYPE_WEIGHT) / read) * DOUBTED ** doubts.length;
  const isOfMost = (names: readonly string[]) =>
    events.filter((event) => names.some((name) => Object.hasOwn(event, name))).length >=
    events.length * SHARE_MIN;
  return {
    guess: {
      ...of,
      events: accepted,
      rejected,
      leftOut,
      doubts: [...doubts, ...found.flatMap(doubtOfFinding(BESIDE))],
    },
    score,
    core: new Set(CORE.flatMap((names, at) => (isOfMost(names) ? [at] : []))),
  };
}

/** Findings by which a mapping takes for sales what is none. */
const AGAINST: readonly string[] = ['refund_document'] satisfies FindingCode[];
/** Findings that no other mapping settles by itself. */
const BESIDE: readonly string[] = ['minor_units'] satisfies FindingCode[];
const doubtOfFinding =
  (codes: readonly string[]) =>
  ({ code, rows, message }: Finding) =>
    codes.includes(code) ? [`${message.replace(/\.$/, '')} (${counted(rows, 'row')}).`] : [];

/** What a mapping makes of records, and how many of them are events. */
async function validate(mapper: Mapper | null, decoded: readonly Decoded[], { timeZone, now }: GuessOptions) {
  const mapped = mapper === null ? { decoded, leftOut: 0, leftOutBy: {} } : await mapper.map(decoded);
  const validator = new LineValidator({
    normalizer: new Normalizer({ time_zone: timeZone, ...mapper?.settings }),
    timeZone: mapper?.settings.time_zone ?? timeZone,
    lineBytesMax: 1 << 20,
    storedBytesMax: Number.POSITIVE_INFINITY,
    now,
  });
  // The bytes may be changed, and are tried again.
  const copies = mapped.decoded.map((piece) =>
    piece.kind === 'json' ? { ...piece, bytes: Buffer.from(piece.bytes) } : piece,
  );
  const observer = new Observer({ zone: timeZone });
  const result = validator.validate(copies, observer);
  return { result, leftOut: mapped.leftOut, leftOutBy: mapped.leftOutBy, observer };
}

type Event = Readonly<Record<string, unknown>>;
const readType = createEventTypeReader({});

/** The events of canonical NDJSON. */
function eventsIn(bytes: Buffer): Event[] {
  return bytes
    .toString()
    .split('\n')
    .flatMap((text) => (text === '' ? [] : [JSON.parse(text) as Event]))
    .filter((event) => event.tillstream_bad === undefined);
}

/** How much is known of an event. */
function weightOf(event: Event): number {
  let weight = readType(String(event.event_type)).isKnown ? TYPE_WEIGHT : 0;
  for (const name in event) if (name !== 'extra') weight += WEIGHTS[name] ?? 1;
  return weight;
}

/** What the sales lack that metrics need, though there are sales. */
function doubtsOf(events: readonly Event[]): string[] {
  const sales = events.filter(({ event_type: type }) => type === 'purchase');
  const without = (names: readonly string[]) =>
    sales.filter((sale) => !names.some((name) => Object.hasOwn(sale, name))).length;
  const lacks: readonly (readonly [number, string])[] = [
    [without(['amount', 'price']), 'have no amount: they would count as orders without revenue'],
    [without(['order_id']), 'have no order_id: each would count as a separate order'],
  ];
  const unknown = events.filter(({ event_type: type }) => !readType(String(type)).isKnown);
  const types = [...new Set(unknown.map(({ event_type: type }) => String(type)))];
  return [
    ...lacks.flatMap(([count, what]) =>
      count > 0 && count >= sales.length * SHARE_MIN
        ? [`${count} of ${sales.length} purchases ${what}.`]
        : [],
    ),
    ...(unknown.length > 0 && unknown.length >= events.length * SHARE_MIN
      ? [
          `${unknown.length} of ${events.length} events have types that no metric but traffic uses: ${listed(types)}.`,
        ]
      : []),
  ];
}
