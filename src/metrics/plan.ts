import { type Aggregate, allOf, type Key, type Metric, ofTime } from './definition.ts';
import { WINDOWS, type WindowSize } from './window.ts';

/**
 * How the metrics of a catalogue are computed: in few passes over the rows, each of which serves several metrics. What a pass
 * gives is called aggregates: they are mergeable, and the same whichever engine computes them.
 */
export interface Plan {
  readonly passes: readonly Pass[];
  /** Where the values of each metric are found, by name of the metric. */
  readonly metrics: ReadonlyMap<string, MetricPlan>;
}

interface PassBase {
  /** Unique in the plan; also the name of what the pass gives. */
  readonly name: string;
  readonly input: Metric['input'];
  /** Rows that count; all, without it. */
  readonly where?: string;
  /** Minutes of a slot, the finest time that the result keeps. Days of every time zone begin on a quarter of an hour. */
  readonly slotMinutes: 1 | 15;
  readonly keys: readonly PassKey[];
  /** Windows that are made of the slots. */
  readonly windows: readonly WindowSize[];
}

export interface PassKey {
  readonly column: string;
  readonly sql: string;
}

/** Counts, sums and maxima. */
export interface AdditivePass extends PassBase {
  readonly kind: 'additive';
  readonly values: readonly PassValue[];
}

export interface PassValue {
  readonly column: string;
  readonly of: Additive;
}

/** Number of rows in each bucket of a histogram, for quantiles. */
export interface HistogramPass extends PassBase {
  readonly kind: 'histogram';
  readonly of: string;
  /** Quantiles that are made of it. */
  readonly quantiles: readonly number[];
}

/** Hashes of texts, for their distinct number. */
export interface DistinctPass extends PassBase {
  readonly kind: 'distinct';
  readonly of: string;
}

export type Pass = AdditivePass | HistogramPass | DistinctPass;
export type Additive = Extract<Aggregate, { kind: 'count' | 'sum' | 'max' }>;

export interface MetricPlan {
  readonly additive: AdditivePass;
  /** Column of the additive pass for each key of the metric, in their order. */
  readonly keys: readonly string[];
  /** Of the additive pass, what each count, sum and maximum is made of. */
  readonly values: Readonly<Record<string, PassColumn>>;
  /** The number of the metric's rows: where it is 0 the metric has no such row. */
  readonly rows: PassColumn;
  /** Pass of each quantile and distinct count; its keys are those of the metric, in their order. */
  readonly sketches: Readonly<Record<string, HistogramPass | DistinctPass>>;
}

/** A column of an additive pass. Only rows of the pass for which `where` is true count; it knows `event_type`. */
export interface PassColumn {
  readonly column: string;
  readonly where?: string;
}

/** Most keys of one additive pass: its rows are combinations of their values. */
const KEYS_MAX = 6;

const EVENT_TYPE = 'event_type';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<AdditivePass> & { keys: PassKey[]; values: PassValue[] };

/** The plan of a catalogue. It follows from the definitions alone, whatever the metrics are called. */
export function planOf(catalogue: readonly Metric[]): Plan {
  const drafts: Draft[] = [];
  const members = Map.groupBy(catalogue, (metric) => draftFor(drafts, metric));
  const sketches = new Map<string, HistogramPass | DistinctPass>();
  const metrics = new Map<string, MetricPlan>();
  for (const [draft, ofDraft] of members) {
    draft.windows = inOrder(ofDraft.flatMap(({ windows }) => windows));
    draft.slotMinutes = slotMinutes(draft.windows);
    const [first, ...others] = ofDraft.map(({ where }) => where ?? []);
    const shared = first!.filter((each) => others.every((where) => where.includes(each)));
    const own = ofDraft.map(({ where = [] }) => where.filter((each) => !shared.includes(each)));
    const any = own.some((where) => where.length === 0) ? [] : [own.map(allOf).map(inBrackets).join(' OR ')];
    if (shared.length + any.length > 0) draft.where = allOf([...shared, ...any]);
    for (const [index, metric] of ofDraft.entries()) {
      const sourceOf = (of: Additive, name: string) =>
        sourceIn(draft, own[index]!, of, `${metric.name}_${name}`);
      const values = Object.entries(metric.values);
      metrics.set(metric.name, {
        additive: draft,
        keys: metric.keys.map((key) => keyColumn(draft, key)),
        rows: sourceOf({ kind: 'count', description: '' }, 'rows'),
        values: Object.fromEntries(
          values.flatMap(([name, of]) => (isAdditive(of) ? [[name, sourceOf(of, name)] as const] : [])),
        ),
        sketches: Object.fromEntries(
          values.flatMap(([name, of]) =>
            isAdditive(of) ? [] : [[name, sketchPass(sketches, metric, name, of)] as const],
          ),
        ),
      });
    }
  }
  return { passes: [...drafts, ...sketches.values()], metrics };
}

const inBrackets = (sql: string) => `(${sql})`;

/** The pass that takes the metric: metrics share one where the keys with many values are the same. */
function draftFor(drafts: Draft[], { input, keys }: Metric): Draft {
  const many = keys.filter((key) => !key.few);
  const name = [input, ...many.map((key) => key.name).sort()].join('_by_');
  const same = drafts.filter((draft) => draft.name === name || draft.name.startsWith(`${name}__`));
  const fits = (draft: Draft) =>
    new Set([...draft.keys, ...keys].map(({ sql }) => sql)).size <= Math.max(KEYS_MAX, keys.length);
  let draft = same.find(fits);
  if (!draft) {
    const unique = same.length === 0 ? name : `${name}__${same.length + 1}`;
    draft = { kind: 'additive', name: unique, input, slotMinutes: 15, keys: [], windows: [], values: [] };
    drafts.push(draft);
  }
  for (const key of keys) keyColumn(draft, key);
  return draft;
}

function keyColumn({ keys }: Draft, { name, sql }: Pick<Key, 'name' | 'sql'>): string {
  const known = keys.find((key) => key.sql === sql);
  if (known) return known.column;
  const column = unused(
    name,
    keys.map((key) => key.column),
  );
  keys.push({ column, sql });
  return column;
}

/**
 * What a value is made of, of rows for which all of `where` are true. Conditions on the type of the event alone are applied to
 * rows of the pass, which has it as a key: so values that differ only by them share a column.
 */
function sourceIn(draft: Draft, where: readonly string[], of: Additive, name: string): PassColumn {
  const { where: filter, ...bare } = of;
  const conditions = filter === undefined ? where : [...where, filter];
  const late = ofTime(draft.input) === 'events' ? conditions.filter(isOfType) : [];
  const early = conditions.filter((each) => !late.includes(each));
  const value: Additive = early.length === 0 ? bare : { ...bare, where: allOf(early) };
  if (late.length === 0) return { column: valueColumn(draft, value, name) };
  const column = keyColumn(draft, { name: EVENT_TYPE, sql: EVENT_TYPE });
  return { column: valueColumn(draft, value, name), where: allOf(late).replaceAll(EVENT_TYPE, column) };
}

const SQL_WORDS = new Set(['and', 'or', 'not', 'in', 'like', 'between']);

/** Whether a condition is about the type of the event alone, which each event has. */
function isOfType(condition: string): boolean {
  const words = condition.replaceAll(/'[^']*'/g, '').match(/\w+/g) ?? [];
  return words.every((word) => word === EVENT_TYPE || SQL_WORDS.has(word.toLowerCase()));
}

function valueColumn({ values }: Draft, of: Additive, name: string): string {
  const known = values.find((value) => isSame(value.of, of));
  if (known) return known.column;
  const isAll = of.kind === 'count' && of.where === undefined;
  const column = unused(
    isAll ? 'rows' : name,
    values.map((value) => value.column),
  );
  values.push({ column, of });
  return column;
}

function unused(name: string, used: readonly string[]): string {
  let column = name;
  for (let n = 2; used.includes(column); n++) column = `${name}_${n}`;
  return column;
}

const isSame = ({ description: _a, ...a }: Additive, { description: _b, ...b }: Additive) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

function sketchPass(
  known: Map<string, HistogramPass | DistinctPass>,
  metric: Metric,
  name: string,
  of: Extract<Aggregate, { kind: 'quantile' | 'distinct' }>,
): HistogramPass | DistinctPass {
  const kind = of.kind === 'quantile' ? 'histogram' : 'distinct';
  const { input, where, keys } = metric;
  const id = JSON.stringify([kind, input, where, keys.map(({ sql }) => sql), of.of]);
  const before = known.get(id) as Mutable<HistogramPass | DistinctPass> | undefined;
  const pass = before ?? {
    kind,
    name: kind === 'histogram' ? `${metric.name}_histogram` : `${metric.name}_${name}`,
    input,
    ...(where === undefined ? {} : { where: allOf(where) }),
    slotMinutes: 15,
    keys: keys.map((key) => ({ column: key.name, sql: key.sql })),
    windows: [],
    of: of.of,
    ...(kind === 'histogram' ? { quantiles: [] } : {}),
  };
  known.set(id, pass as HistogramPass | DistinctPass);
  pass.windows = inOrder([...pass.windows, ...metric.windows]);
  pass.slotMinutes = slotMinutes(pass.windows);
  if (of.kind === 'quantile') {
    const histogram = pass as Mutable<HistogramPass>;
    histogram.quantiles = [...new Set([...histogram.quantiles, of.q])].sort((a, b) => a - b);
  }
  return pass as HistogramPass | DistinctPass;
}

const inOrder = (windows: readonly WindowSize[]) => WINDOWS.filter((size) => windows.includes(size));
const slotMinutes = (windows: readonly WindowSize[]) => (windows.includes('1m') ? 1 : 15);

function isAdditive(of: Aggregate): of is Additive {
  return of.kind === 'count' || of.kind === 'sum' || of.kind === 'max';
}
