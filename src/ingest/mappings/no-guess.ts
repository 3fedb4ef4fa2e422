import { REASONS, type Reason } from '../../event/reasons.ts';
import { printable } from '../../telemetry/printable.ts';
import { counted } from '../../telemetry/words.ts';
import type { Decoded } from '../format.ts';
import { recordsOf } from '../mapping/collect-events.ts';
import { type Columns, columnsOf } from './columns.ts';
import { fieldColumns, rankOf } from './fields.ts';

/** Names and values that a sentence shows. */
const NAMES_MAX = 20;
const VALUE_MAX = 40;
const MANY = 500;

/** A sentence or two about why nothing could be proposed for the records of a file: the first cause, and what to do. */
export function whyNoProposal(decoded: readonly Decoded[]): string {
  const pieces = recordsOf(decoded);
  const rows = pieces.flatMap((piece) => ('fields' in piece ? [piece.fields] : []));
  const rejected = decoded.flatMap((piece) => (piece.kind === 'rejected' ? [piece.reason] : []));
  if (rows.length === 0 && rejected.length === 0) return 'it has no records.';
  if (rejected.length > rows.length)
    return rejectedText(rejected.length, rows.length + rejected.length, countedReasons(rejected));
  const columns = columnsOf(rows);
  const fields = fieldColumns(columns);
  if (!fields.has('timestamp')) return noTime(columns);
  return (
    'nothing says what happened: no column is a type of event, an order number, an amount, a product or an address. ' +
    'Write a mapping with `event_type: {from: COLUMN, values: {...}}`, or `event_type: {value: purchase}` if each record is one. ' +
    columnsText(columns)
  );
}

/** Why most records would be rejected, whatever reads them. */
export function rejectedText(
  rejected: number,
  all: number,
  reasons: Readonly<Record<string, number>>,
): string {
  const [reason, records] = Object.entries(reasons).sort((a, b) => b[1] - a[1])[0] ?? [
    'bad_record',
    rejected,
  ];
  return `${rejected} of its first ${counted(all, 'record')} would be rejected, ${records} of them as ${reason}. ${REASONS[reason as Reason]}`;
}

/** Why nothing would count of records that were all left out. */
export function allLeftOutText(leftOut: number, leftOutBy: Readonly<Record<string, number>>): string {
  const why = Object.entries(leftOutBy).map(([reason, records]) => `${printable(reason)} (${records})`);
  const records = leftOut === 1 ? 'its first record' : `all of its first ${leftOut} records`;
  return `the proposed mapping leaves out ${records}, because they are not sales: ${why.join(', ')}.`;
}

function countedReasons(reasons: readonly Reason[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

function noTime(columns: Columns): string {
  const byName = columns.names
    .map((name) => ({ name, rank: rankOf(name, 'timestamp'), value: columns.valuesOf(name)[0] }))
    .filter(({ rank, value }) => rank !== null && value !== undefined)
    .sort((a, b) => a.rank! - b.rank!)[0];
  if (byName === undefined)
    return `no column is a time. Every event needs one: export it too, or name its column in a mapping. ${columnsText(columns)}`;
  const { name, value } = byName;
  return (
    `the column ${printable(name)} is a time by its name, but values such as ${shown(value)} can't be read as times. ` +
    `Write a mapping with their format in Luxon's tokens, \`timestamp: {from: ${columns.pathText(name)}, format: "dd.MM.yy HH:mm"}\`, or the unit of numbers, \`unit: s\`.`
  );
}

function shown(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return printable(text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);
}

const columnsText = ({ names }: Columns) => `Its columns: ${listed(names)}.`;

/** Names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  const list = names.slice(0, NAMES_MAX).map(printable).join(', ');
  if (more <= 0) return list;
  // Of a very wide table not all names were looked at.
  return `${list}, and ${more < MANY ? more : 'many'} more`;
}
