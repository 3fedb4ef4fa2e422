/** What `load --json` reports, as far as it is looked at. */
export interface LoadResult {
  received: number;
  events: number;
  bad_rows: number;
  duplicates: number;
  bad_by_reason: Record<string, number>;
  files: { name: string; stored_before: number; cut?: string }[];
  ledger: { balanced: boolean };
}

/** So many purchases of 19.90 EUR, a second apart, with ids of this name. */
export const events = (name: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({
    timestamp: 1_790_000_000_000 + n * 1000,
    event_type: 'purchase',
    event_id: `${name}-${n}`,
    amount: '19.90',
    currency: 'EUR',
  }));
export const ndjson = (name: string, count: number) =>
  events(name, count)
    .map((event) => `${JSON.stringify(event)}\n`)
    .join('');
