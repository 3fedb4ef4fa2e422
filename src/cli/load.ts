import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../app.ts';
import type { Ledger, LedgerEntry } from '../domain/ledger.ts';
import type { PartStatus, Status } from '../domain/status.ts';
import { LogRefused } from '../ports/event-log.ts';
import type { IngestResult } from '../ports/source.ts';
import { createLogger } from '../telemetry/logger.ts';
import {
  ask,
  Busy,
  CommandFailed,
  type CommonOptions,
  environmentOf,
  findRunning,
  print,
  progress,
  progressDone,
  table,
} from './context.ts';
import { BlockMemory, readBlocks } from './read-blocks.ts';

export interface LoadOptions extends CommonOptions {
  dryRun?: boolean;
}

/** Name of loaded lines in the ledger. */
const SOURCE = 'load';
/** How often to look for what holds up a load. */
const PROBLEMS_MS = 5000;

/** Where load sends blocks, and what it asks afterwards. */
interface Target {
  ingest(body: Buffer): Promise<IngestResult>;
  ledger(): Promise<Ledger>;
  parts(): Promise<Record<string, PartStatus>>;
  /** Resolves when all is archived and measured and no window is dirty. */
  settle(onProgress: () => void): Promise<void>;
}

/** `load FILE...`: brings files into the pipeline and waits until they are archived and measured. */
export async function load(files: string[], options: LoadOptions): Promise<void> {
  const environment = await environmentOf(options);
  if (options.dryRun) return dryRun(files, options, environment);
  const run = await findRunning(environment.dataDir);
  if (run) {
    const ledger = () => ask<Ledger>(run, 'GET', '/v1/ledger');
    const target: Target = {
      ingest: (body) =>
        retried(() =>
          ask(run, 'POST', '/v1/events', body, {
            'content-type': 'application/x-ndjson',
            'x-tillstream-source': SOURCE,
          }),
        ),
      ledger,
      parts: async () => (await ask<Status>(run, 'GET', '/v1/status')).parts,
      async settle(onProgress) {
        const { received } = await ledger();
        for (;;) {
          const now = await ask<Ledger>(run, 'POST', '/v1/admin/settle');
          const waiting = Math.max(now.archive.in_flight, now.metrics.in_flight);
          if (now.received - waiting >= received && now.dirty_windows === 0) return;
          onProgress();
        }
      },
    };
    print(options, ...shown(await loadInto(files, target)));
    return;
  }
  const app = await openApp(environment, createLogger('warn'));
  try {
    const target: Target = {
      ingest: (body) => retried(() => app.ingest({ source: SOURCE, body })),
      ledger: async () => app.backend.ledger(),
      parts: async () => app.backend.status().parts,
      settle: (onProgress) => app.settle(onProgress),
    };
    print(options, ...shown(await loadInto(files, target)));
  } finally {
    await app.close(0);
  }
}

interface LoadResult {
  received: number;
  events: number;
  bad_rows: number;
  duplicates: number;
  bad_by_reason: Record<string, number>;
  seconds: number;
  ledger: Ledger;
}

async function loadInto(files: string[], target: Target): Promise<LoadResult> {
  const startedMs = performance.now();
  const before = (await target.ledger()).by_source[SOURCE];
  const reasons: Record<string, number> = {};
  let sent = 0;
  const pending = new Set<Promise<void>>();
  const memory = new BlockMemory();
  let failure: unknown;
  for (const file of files) {
    for await (const block of readBlocks(file, memory)) {
      const sending = target
        .ingest(block)
        .then((result) => {
          sent += result.accepted + result.rejected;
          for (const [reason, lines] of Object.entries(result.reasons))
            reasons[reason] = (reasons[reason] ?? 0) + lines;
          progress(`Loading ${file}: ${sent} lines`);
          memory.giveBack(block);
        })
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => pending.delete(sending));
      pending.add(sending);
      // Two blocks on their way: one is checked while the other is synced.
      if (pending.size >= 2) await Promise.race(pending);
      if (failure) throw failure;
    }
  }
  await Promise.all(pending);
  if (failure) throw failure;
  const tellProblems = problemTeller(target);
  await target.settle(() => {
    progress(`Loaded ${sent} lines; archiving and measuring ...`);
    tellProblems();
  });
  progressDone();
  const ledger = await target.ledger();
  const after = ledger.by_source[SOURCE];
  const grown = (pick: (entry: LedgerEntry) => number) =>
    (after ? pick(after) : 0) - (before ? pick(before) : 0);
  return {
    received: grown((entry) => entry.received),
    events: grown((entry) => entry.archive.events),
    bad_rows: grown((entry) => entry.archive.bad_rows),
    duplicates: grown((entry) => entry.metrics.duplicate),
    bad_by_reason: reasons,
    seconds: Math.round(performance.now() - startedMs) / 1000,
    ledger,
  };
}

/** Tells, once each, why it takes so long: the lines are stored, and wait for a part that does not work. */
function problemTeller(target: Target): () => void {
  const told = new Set<string>();
  let nextMs = Date.now() + PROBLEMS_MS;
  return () => {
    if (Date.now() < nextMs) return;
    nextMs = Date.now() + PROBLEMS_MS;
    target.parts().then(
      (parts) => {
        for (const [part, { state, message }] of Object.entries(parts)) {
          if (state === 'ready' || told.has(message)) continue;
          told.add(message);
          process.stderr.write(`The lines are stored and wait for: ${part}: ${message}\n`);
        }
      },
      () => {},
    );
  };
}

function shown(result: LoadResult): [LoadResult, () => string] {
  return [
    result,
    () =>
      [
        `Loaded ${result.received} lines in ${result.seconds} s: ${result.events} events (${result.duplicates} of them duplicates), ${result.bad_rows} bad rows.`,
        ...Object.entries(result.bad_by_reason).map(([reason, lines]) => `  ${reason}: ${lines}`),
        result.ledger.balanced
          ? 'The ledger balances.'
          : 'THE LEDGER DOES NOT BALANCE: see "tillstream ledger".',
      ].join('\n'),
  ];
}

/** Tries again while the log refuses for now. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isBusy = error instanceof Busy || (error instanceof LogRefused && error.code === 'log_busy');
      if (!isBusy) {
        if (error instanceof LogRefused)
          throw new CommandFailed(`The event log refuses lines: ${error.message}`);
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** The whole pipeline in a folder that is thrown away: nothing of the data folder is touched. */
async function dryRun(
  files: string[],
  options: LoadOptions,
  environment: Awaited<ReturnType<typeof environmentOf>>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tillstream-dry-run-'));
  const { archive: _archive, ...config } = environment.config;
  const app = await openApp(
    { ...environment, config: { ...config, archive: { kind: 'local' } }, dataDir },
    createLogger('warn'),
  );
  try {
    const result = await loadInto(files, {
      ingest: (body) => retried(() => app.ingest({ source: SOURCE, body })),
      ledger: async () => app.backend.ledger(),
      parts: async () => app.backend.status().parts,
      settle: (onProgress) => app.settle(onProgress),
    });
    const metrics: Record<string, unknown> = {};
    for (const name of ['traffic', 'responses', 'latency', 'audience', 'funnel', 'revenue']) {
      const { rows, total, overall } = await app.backend.query({
        metric: name,
        window: '1d',
        fromMs: 0,
        toMs: Date.now() + 86_400_000,
        total: true,
      });
      metrics[name] = { windows: new Set(rows.map((row) => row.start)).size, total, overall };
    }
    const { received, events, bad_rows, duplicates, bad_by_reason } = result;
    const summary = {
      dry_run: true,
      received,
      accepted: events,
      rejected: bad_rows,
      duplicates,
      bad_by_reason,
      metrics,
    };
    print(options, summary, () =>
      [
        `Dry run, nothing was stored: ${received} lines, ${events} would be accepted (${duplicates} duplicates), ${bad_rows} rejected.`,
        ...Object.entries(bad_by_reason).map(([reason, lines]) => `  ${reason}: ${lines}`),
        ...Object.entries(metrics).flatMap(([name, value]) => {
          const { windows, total } = value as { windows: number; total: Record<string, unknown>[] };
          return ['', `${name} (${windows} days)`, table(total ?? [])];
        }),
      ].join('\n'),
    );
  } finally {
    await app.close(0);
    await rm(dataDir, { recursive: true, force: true });
  }
}
