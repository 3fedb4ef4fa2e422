import { REASONS, type Reason } from '../event/reasons.ts';
import type { ShownMetric } from '../load/dry-run.ts';
import { figuresOf, isWithoutEvents, type LoadResult, leftOutBy } from '../load/result.ts';
import type { InputResult } from '../load/send.ts';
import { printable } from '../telemetry/printable.ts';
import { counted } from '../telemetry/words.ts';
import { table } from './context.ts';
import { findingLines, hanging, wrapped } from './finding-lines.ts';

/** Rejected records that are shown with their line. */
const SHOWN_ERRORS = 3;

interface Report {
  readonly json: Record<string, unknown>;
  readonly text: string;
}

/** What `load` prints at its end. */
export function loadReport(result: LoadResult): Report {
  const { received, events, badRows, duplicates, seconds } = result;
  const lines = [
    ...result.sent.inputs.flatMap(inputLines),
    '',
    `Loaded ${counted(received, 'record')} in ${seconds} s: ${counted(events, 'event')} (${counted(duplicates, 'duplicate')}), ${counted(badRows, 'bad row')}.`,
    ...leftOutLines(result),
    ...detailLines(result),
    ...(isWithoutEvents(result) ? ['', nothingCounts(result)] : []),
    ...Object.entries(result.storesBehind).map(
      ([store, reason]) => `The store ${store} is behind, and gets the rest when it can: ${reason}`,
    ),
    '',
    result.ledger.balanced ? 'The ledger balances.' : 'THE LEDGER DOES NOT BALANCE: see "tillstream ledger".',
  ];
  const json = {
    ...figuresOf(result),
    bad_rows: badRows,
    events,
    stores_behind: result.storesBehind,
    seconds,
    ledger: result.ledger,
  };
  return { json, text: lines.join('\n').trimStart() };
}

/** What `load --dry-run` prints. */
export function dryRunReport(result: LoadResult, metrics: Readonly<Record<string, ShownMetric>>): Report {
  const { received, events, badRows, duplicates } = result;
  const lines = [
    ...result.sent.inputs.flatMap(inputLines),
    '',
    `Dry run, nothing was stored: ${counted(received, 'record')}, ${events} would be accepted (${counted(duplicates, 'duplicate')}), ${badRows} rejected.`,
    ...leftOutLines(result),
    ...detailLines(result),
    ...(isWithoutEvents(result) ? ['', nothingWouldCount(result)] : shownMetrics(metrics)),
  ];
  const json = { dry_run: true, ...figuresOf(result), accepted: events, rejected: badRows, metrics };
  return { json, text: lines.join('\n').trimStart() };
}

/** The metrics that have rows: what the dashboard would show. */
function shownMetrics(metrics: Readonly<Record<string, ShownMetric>>): string[] {
  return Object.entries(metrics)
    .filter(([, { total }]) => total.length > 0)
    .flatMap(([name, { windows, total }]) => ['', `${name} (${counted(windows, 'day')})`, table(total)]);
}

function nothingWouldCount(result: LoadResult): string {
  return result.received > 0
    ? 'Nothing would be counted: none of the records is an event.'
    : nothingCounts(result);
}

function nothingCounts({ received, leftOut, sent }: LoadResult): string {
  if (received > 0)
    return 'None of the records is an event, so nothing was counted. "tillstream bad list" shows them.';
  if (leftOut > 0)
    return 'The mapping left out all records, so nothing was counted. Is it the right one? "tillstream map guess" proposes one.';
  const isOne = sent.inputs.length === 1;
  return `Nothing was counted: ${isOne ? 'the file has' : 'the files have'} no records.`;
}

/** Reasons that are shown. */
const REASONS_SHOWN = 3;

function leftOutLines({ leftOut, map, sent }: LoadResult): string[] {
  if (leftOut === 0) return [];
  const reasons = Object.entries(leftOutBy(sent)).map(([why, records]) => `${printable(why)} (${records})`);
  const shown = [...reasons.slice(0, REASONS_SHOWN), ...(reasons.length > REASONS_SHOWN ? ['...'] : [])];
  const why = shown.length === 0 ? '' : `: ${shown.join(', ')}`;
  return [`The mapping ${map} left out ${counted(leftOut, 'record')} by its rule${why}.`];
}

/** An input: what it was read as, a record before and after, and what is special about it. */
function inputLines(input: InputResult): string[] {
  const { name, description, example, unusedColumns, storedBefore, received, cutWhy } = input;
  let lines = ['', `${printable(name)}: ${printable(description)}`];
  if (example !== null) {
    lines = [
      ...lines,
      '  First record',
      ...wrapped(example.record.replaceAll(/\s+/g, ' ')),
      '  as an event',
      ...wrapped(example.event),
    ];
  }
  if (unusedColumns.length > 0)
    lines = [
      ...lines,
      '  Columns that are not fields, kept in `extra`',
      ...wrapped(unusedColumns.join(', ')),
    ];
  if (storedBefore > 0 && received === 0)
    lines.push(
      `  ${storedBefore === 1 ? 'Its one record was' : `All ${storedBefore} records were`} loaded before. --again loads ${storedBefore === 1 ? 'it' : 'them'} once more.`,
    );
  else if (storedBefore > 0)
    lines.push(
      `  ${counted(storedBefore, 'record')} ${storedBefore === 1 ? 'was' : 'were'} loaded before; reading continued after that.`,
    );
  if (cutWhy !== null)
    lines.push(
      `  It can't be read to the end: ${cutWhy}. Only the part before that was read.`,
      '  Load the complete file under any name: only the rest is added.',
    );
  return lines;
}

function detailLines({ sent }: LoadResult): string[] {
  const rejected = Object.entries(sent.badByReason).sort((a, b) => b[1] - a[1]);
  const invalid = Object.entries(sent.invalidFields).sort((a, b) => b[1] - a[1]);
  return [
    ...(rejected.length > 0 ? ['', 'Rejected'] : []),
    ...rejected.flatMap(([reason, rows]) => [
      ...hanging(`  ${reason}: ${rows}`, REASONS[reason as Reason]),
      ...errorsOf(sent.inputs, reason).flatMap(wrapped),
    ]),
    ...(invalid.length > 0 ? ['', 'Values that could not be read (the events count)'] : []),
    ...invalid.map(([field, rows]) => `  ${printable(field)}: ${rows}`),
    ...findingLines(
      'Findings',
      sent.tally.list().filter(({ code }) => code !== 'invalid_field'),
    ),
  ];
}

function errorsOf(inputs: readonly InputResult[], reason: string): string[] {
  const found = inputs.flatMap(({ name, errors }) =>
    errors
      .filter(({ code }) => code === reason)
      .map(({ line, field, example = '' }) => {
        const value = field === undefined ? example : `${field} ${example}`;
        return `${printable(name)}, line ${line}: ${value}`;
      }),
  );
  return found.slice(0, SHOWN_ERRORS);
}
