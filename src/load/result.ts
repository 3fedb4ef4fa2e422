import { countReason } from '../ingest/mapper.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Sent } from './send.ts';

/** All figures are of this load alone, but for `ledger`. */
export interface LoadResult {
  readonly sent: Sent;
  readonly received: number;
  readonly events: number;
  readonly badRows: number;
  /** Records that the mapping left out by its rule. */
  readonly leftOut: number;
  /** Name of the mapping. */
  readonly map: string | undefined;
  readonly duplicates: number;
  /** Stores of the config that lack something, with the reason. */
  readonly storesBehind: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly ledger: Ledger;
}

/** Nothing counts, now or since an earlier load. */
export const isWithoutEvents = ({ sent, received, events }: LoadResult): boolean =>
  events === 0 && (received > 0 || sent.inputs.every(({ storedBefore }) => storedBefore === 0));

/** Whether a load did what was asked for: something counts, and no file could only be read in part. */
export const isSuccess = (result: LoadResult): boolean =>
  !isWithoutEvents(result) && result.sent.inputs.every(({ cutWhy }) => cutWhy === null);

/** What a load gave, as JSON: for `load --json` and for the page. */
export function figuresOf({ sent, received, duplicates, leftOut, map }: LoadResult): Record<string, unknown> {
  const { inputs } = sent;
  return {
    received,
    duplicates,
    ...(map === undefined ? {} : { map, left_out: leftOut, left_out_by: leftOutBy(sent) }),
    bad_by_reason: sent.badByReason,
    invalid_fields: sent.invalidFields,
    findings: sent.tally.list(),
    format: [...new Set(inputs.map(({ format }) => format))].join(', '),
    files: inputs.map((input) => ({
      name: input.name,
      format: input.format,
      description: input.description,
      received: input.received,
      events: input.events,
      bad_rows: input.badRows,
      stored_before: input.storedBefore,
      unused_columns: input.unusedColumns,
      ...(input.cutWhy === null ? {} : { cut: input.cutWhy }),
      errors: input.errors,
    })),
  };
}

/** How many records the mapping left out for which reason, in words; the commonest first. */
export function leftOutBy({ inputs }: LoadResult['sent']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const input of inputs)
    for (const [why, records] of Object.entries(input.leftOutBy)) countReason(counts, why, records);
  return Object.fromEntries(Object.entries(counts).sort((a, b) => b[1] - a[1]));
}
