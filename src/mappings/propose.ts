import { FIELDS } from '../domain/fields.ts';
import { targetOf } from '../ingest/names.ts';
import { createEventTypeReader } from '../ingest/values/read-event-type.ts';
import { createTimeReader } from '../ingest/values/read-time.ts';
import { eventTypeFor } from './event-words.ts';
import { fieldsFor } from './words.ts';

/** Lines of an order stand beside the fields in a mapping. */
const ITEMS = 'items';

type Row = Readonly<Record<string, unknown>>;

/** Of the values of a column so many must be what the field needs. */
const SHARE_MIN = 0.9;
const TYPES_MAX = 50;
/** 1.234,50 or 39,80: the comma is the decimal separator. */
const DECIMAL_COMMA = /^[^\d-]*-?\d{1,3}(?:\.\d{3})*,\d{1,2}\D*$/;
const NUMBER = /^[^\d-]{0,4}-?[\d.,\u00a0' ]+[^\d]{0,4}$/;

/**
 * Proposes a mapping for records of an unknown shop, by the names of their columns and by their values; null where no column is a time. The
 * text is YAML, for a person to look at.
 */
export function proposeMapping(rows: readonly Row[]): string | null {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const valuesOf = (name: string) => rows.map((row) => row[name]).filter(isGiven);
  const fields = new Map<string, string>();
  for (const field of FIELDS) {
    const candidates = names
      .map((name) => ({ name, rank: rankOf(name, field.name) }))
      .filter(
        ({ name, rank }) =>
          rank !== null && ![...fields.values()].includes(name) && fits(field.name, valuesOf(name)),
      )
      .sort((a, b) => a.rank! - b.rank!);
    if (candidates[0]) fields.set(field.name, candidates[0].name);
  }
  if (!fields.has('timestamp')) return null;
  const lines = ['fields:'];
  for (const [field, name] of fields)
    if (field !== ITEMS) lines.push(`  ${field}: ${specOf(field, name, valuesOf(name))}`);
  if (!fields.has('event_type')) {
    const type = typeWithout(fields);
    if (type === null) return null;
    lines.splice(
      2,
      0,
      `  # No column says what happened: each row is taken for this.`,
      `  event_type: {value: ${type}}`,
    );
  }
  if (fields.has(ITEMS)) lines.push(`items: ${JSON.stringify(fields.get(ITEMS))}`);
  const left = names.filter((name) => ![...fields.values()].includes(name));
  if (left.length > 0) lines.push(`# Kept in extra: ${left.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

const isGiven = (value: unknown) => value !== undefined && value !== null && String(value).trim() !== '';

/** Whether a column with this name may be one of our fields: a table that has one can be proposed a mapping for. */
export function isProposableName(name: string): boolean {
  return targetOf(name).index >= 0 || fieldsFor(name).length > 0;
}

/** How likely a column with this name holds the field, 0 the likeliest; null where it doesn't. */
function rankOf(name: string, field: string): number | null {
  const { index, rank } = targetOf(name);
  if (index >= 0) return FIELDS[index]!.name === field ? rank : null;
  const at = fieldsFor(name).indexOf(field);
  return at < 0 ? null : 100 + at;
}

/** Whether the values of a column can be those of the field. */
function fits(field: string, values: readonly unknown[]): boolean {
  if (values.length === 0) return false;
  const share = (is: (value: unknown) => boolean) => values.filter(is).length / values.length;
  const kind = FIELDS.find(({ name }) => name === field)!.kind;
  if (kind === 'timestamp') {
    const read = createTimeReader({ zone: 'UTC', dateOrder: orderOf(values) });
    return share((value) => typeof read(value) !== 'string') >= SHARE_MIN;
  }
  if (kind === 'money' || kind === 'decimal' || kind === 'integer')
    return share((value) => typeof value === 'number' || NUMBER.test(String(value).trim())) >= SHARE_MIN;
  if (field === 'event_type') return new Set(values.map(String)).size <= TYPES_MAX;
  if (field === 'currency') return share((value) => String(value).trim().length <= 12) >= SHARE_MIN;
  return true;
}

function specOf(field: string, name: string, values: readonly unknown[]): string {
  const from = JSON.stringify(name);
  if (field === 'timestamp') {
    const order = orderOf(values);
    return order === undefined ? from : `{from: ${from}, order: ${order}}`;
  }
  if (field === 'event_type') {
    const read = createEventTypeReader({});
    const types = [...new Set(values.map(String))].filter((type) => !read(type).isKnown);
    const known = types.flatMap((type) => {
      const ours = eventTypeFor(type);
      return ours === undefined ? [] : [`${JSON.stringify(type)}: ${ours}`];
    });
    return known.length === 0 ? from : `{from: ${from}, values: {${known.join(', ')}}}`;
  }
  const kind = FIELDS.find(({ name: each }) => each === field)!.kind;
  const isMoney = kind === 'money' || kind === 'decimal';
  if (isMoney && values.some((value) => DECIMAL_COMMA.test(String(value).trim())))
    return `{from: ${from}, decimal: ","}`;
  return from;
}

/** Day or month first, where a value tells it: a number above 12. */
function orderOf(values: readonly unknown[]): 'dmy' | 'mdy' | undefined {
  let order: 'dmy' | 'mdy' | undefined;
  for (const value of values) {
    const found = /^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}/.exec(String(value));
    if (!found) continue;
    if (Number(found[1]) > 12) order = 'dmy';
    else if (Number(found[2]) > 12) order = 'mdy';
    else if (order === undefined && String(value).includes('.')) order = 'dmy';
  }
  return order;
}

/** What rows are that say nothing of what happened. */
function typeWithout(fields: ReadonlyMap<string, string>): string | null {
  if (fields.has('order_id') || fields.has('amount') || (fields.has('price') && fields.has('quantity')))
    return 'purchase';
  if (fields.has('search_term')) return 'search';
  return fields.has('product_id') ? 'view_product' : fields.has('url') ? 'view_page' : null;
}
