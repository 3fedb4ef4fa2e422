import { z } from 'zod';
import type { Sink } from '../../src/sinks/sink.ts';
import type { SinkKind } from '../../src/sinks/sink-kind.ts';

const configSchema = z.strictObject({ shelf: z.string() });

/** What is on each shelf: rows by metric, window, start and keys, so that a row written twice is there once. */
export const SHELVES = new Map<string, Map<string, Record<string, unknown>>>();

export const shelfSink: SinkKind<typeof configSchema> = {
  schema: configSchema,
  async create({ shelf }, { metrics }): Promise<Sink> {
    const rows = new Map<string, Record<string, unknown>>();
    const keysOf = new Map(metrics.map(({ name, keys }) => [name, keys.map((key) => key.name)]));
    let points = 0;
    SHELVES.set(shelf, rows);
    return {
      id: shelf,
      events: null,
      async writeMetrics(changed) {
        for (const { metric, window, row } of changed) {
          const keys = keysOf.get(metric)!.map((key) => row[key]);
          rows.set([metric, window, row.start, ...keys].join(' '), row);
        }
        points += changed.length;
      },
      check: async () => `the shelf ${shelf} is there`,
      counters: () => ({ points }),
    };
  },
};
