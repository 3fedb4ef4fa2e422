import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MetricQuery, MetricResult } from '../metrics/metrics-store.ts';
import { now } from '../system/clock.ts';
import type { LoadResult } from './result.ts';
import { type LoadWork, loadInputs } from './run.ts';
import { localTarget, type OpenData } from './target.ts';

const DAY_MS = 86_400_000;

/** A whole pipeline in a folder of its own. */
export interface Scratch extends OpenData {
  readonly backend: OpenData['backend'] & { query(query: MetricQuery): Promise<MetricResult> };
  close(drainMsMax: number): Promise<unknown>;
}

export interface DryRunOptions {
  /** Opens a pipeline with the shop's settings in a folder; nothing else that the config names is touched. */
  readonly open: (dataDir: string) => Promise<Scratch>;
  /** Where the folder is made that is thrown away. */
  readonly parentDir: string;
  readonly source: string;
  /** The metrics to show, and of which only the best keys (`top`). */
  readonly metrics: Readonly<Record<string, { readonly top?: number }>>;
}

/** A metric over all days. */
export interface ShownMetric {
  /** Days that have values, the first and the last of them. */
  readonly windows: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly total: readonly Record<string, unknown>[];
  readonly overall?: unknown;
}

/** Loads inputs into a pipeline that is thrown away: what would come of them, with the numbers of the dashboard. */
export async function dryRun(
  work: Omit<LoadWork, 'dataDir'>,
  { open, parentDir, source, metrics }: DryRunOptions,
): Promise<{ result: LoadResult; metrics: Record<string, ShownMetric> }> {
  const dataDir = await mkdtemp(join(parentDir, 'tillstream-dry-run-'));
  try {
    const data = await open(dataDir);
    try {
      const result = await loadInputs(localTarget(data, source), { ...work, dataDir });
      return { result, metrics: await shownMetrics(data, metrics) };
    } finally {
      await data.close(0);
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function shownMetrics(
  { backend }: Scratch,
  wanted: DryRunOptions['metrics'],
): Promise<Record<string, ShownMetric>> {
  const shown: Record<string, ShownMetric> = {};
  for (const [metric, { top }] of Object.entries(wanted)) {
    const range = { fromMs: 0, toMs: now() + DAY_MS };
    const query = {
      metric,
      window: '1d',
      ...range,
      total: true,
      ...(top === undefined ? {} : { top }),
    } as const;
    const { rows, total, overall } = await backend.query(query);
    const days = [...new Set(rows.map((row) => row.start))].sort();
    shown[metric] = {
      windows: days.length,
      first: days[0] ?? null,
      last: days.at(-1) ?? null,
      total: total ?? [],
      overall,
    };
  }
  return shown;
}
