import { UsageError } from '../domain/errors.ts';
import type { Ledger, LedgerEntry } from '../domain/ledger.ts';
import type { Status } from '../domain/status.ts';
import type { WindowSize } from '../domain/window.ts';
import type { BadRow } from '../ports/batch.ts';
import type { MetricResult } from '../ports/metrics-store.ts';
import {
  ask,
  CommandFailed,
  type CommonOptions,
  environmentOf,
  findRunning,
  onData,
  print,
  type RunFile,
  table,
} from './context.ts';

/** `status`: the state of each part, or that nothing runs. */
export async function status(options: CommonOptions): Promise<void> {
  const { dataDir } = await environmentOf(options);
  const run = await findRunning(dataDir);
  if (!run) {
    print(
      options,
      { running: false, data: dataDir },
      () => `Nothing runs on ${dataDir}. Start it with ./start-pipeline.sh.`,
    );
    return;
  }
  const current = await ask<Status>(run, 'GET', '/v1/status');
  print(options, current, () => {
    const parts = Object.entries(current.parts).map(([part, { state, message }]) => ({
      part,
      state,
      message: message || '',
    }));
    const stages = Object.entries(current.freshness).map(([stage, at]) => ({
      stage,
      newest: at ?? 'nothing yet',
      waiting: current.lag[stage] ?? '',
    }));
    return [
      `Running: ${current.url} (process ${current.pid}, version ${current.version}, since ${current.started_at})`,
      `Data: ${current.data}, time zone ${current.time_zone}, windows to recompute: ${current.dirty_windows}`,
      '',
      table(parts),
      '',
      table(stages),
    ].join('\n');
  });
}

/** `ledger`: what became of every line. Exit code 1 when it does not balance. */
export async function ledger(options: CommonOptions): Promise<void> {
  const current = await onData<Ledger>(options, {
    remote: (run) => ask(run, 'GET', '/v1/ledger'),
    local: async (app) => app.backend.ledger(),
  });
  const row = (source: string, entry: LedgerEntry) => ({
    source,
    received: entry.received,
    'archived events': entry.archive.events,
    'bad rows': entry.archive.bad_rows,
    'to archive': entry.archive.in_flight,
    counted: entry.metrics.counted,
    duplicate: entry.metrics.duplicate,
    bad: entry.metrics.bad,
    'to measure': entry.metrics.in_flight,
    balanced: entry.balanced ? 'yes' : 'NO',
  });
  print(options, current, () => {
    const rows = Object.entries(current.by_source).map(([source, entry]) => row(source, entry));
    const notes = [`Windows to recompute: ${current.dirty_windows}`];
    if (current.lost > 0)
      notes.push(`Lines lost to damage of the log files: ${current.lost} (kept in quarantine)`);
    return `${table([...rows, row('all', current)])}\n${notes.join('\n')}`;
  });
  if (!current.balanced) process.exitCode = 1;
}

export interface QueryOptions extends CommonOptions {
  window: string;
  from?: string;
  to?: string;
  total?: boolean;
  top?: string;
}

const WINDOW_MS: Record<string, number> = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 };
/** Without --from, so many windows back: the most that the API gives at once. */
const WINDOWS_MAX = 50_000;

/** `query METRIC`: rows of a metric. */
export async function query(metric: string, options: QueryOptions): Promise<void> {
  const toMs = time(options.to, Date.now() + 86_400_000);
  const windowMs = WINDOW_MS[options.window] ?? 60_000;
  const fromMs = time(options.from, Math.max(0, toMs - WINDOWS_MAX * windowMs));
  if (fromMs >= toMs) throw new UsageError('--from is not before --to.');
  const result = await onData<MetricResult & { metric: string; window: string; time_zone: string }>(options, {
    remote: (run) => {
      const range = { from: String(fromMs), to: String(toMs) };
      const parameters = new URLSearchParams({ window: options.window, ...range });
      if (options.top !== undefined) parameters.set('top', options.top);
      if (options.total) parameters.set('total', 'true');
      return ask(run, 'GET', `/v1/metrics/${encodeURIComponent(metric)}?${parameters}`);
    },
    local: async (app) => {
      const known = app.backend.status().metrics.find(({ name }) => name === metric);
      if (!known) {
        throw new UsageError(
          `There is no metric "${metric}". There are: ${app.backend
            .status()
            .metrics.map(({ name }) => name)
            .join(', ')}.`,
        );
      }
      if (!known.windows.includes(options.window as WindowSize)) {
        throw new UsageError(
          `The metric ${metric} has the windows ${known.windows.join(', ')}, not ${options.window}.`,
        );
      }
      await app.settle();
      const result = await app.backend.query({
        metric,
        window: options.window as WindowSize,
        fromMs,
        toMs,
        ...(options.total ? { total: true } : {}),
        ...(options.top === undefined ? {} : { top: wholeNumber('--top', options.top) }),
      });
      return { metric, window: options.window, time_zone: app.backend.timeZone, ...result };
    },
  });
  print(options, result, () =>
    [table(result.rows), ...(result.total ? ['', 'Total', table(result.total)] : [])].join('\n'),
  );
}

function time(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(value))
    throw new UsageError(`"${text}" is no time: use ISO 8601 or milliseconds since 1970.`);
  return value;
}

export interface BadOptions extends CommonOptions {
  limit: string;
  reason?: string;
}

/** `bad list`: the newest bad rows. */
export async function badList(options: BadOptions): Promise<void> {
  const rows = await badRows(options, {
    limit: Number(options.limit),
    ...(options.reason ? { reason: options.reason } : {}),
  });
  print(options, { bad_rows: rows }, () =>
    table(
      rows.map(({ id, received_at, source, reason, field, raw }) => ({
        id,
        received_at,
        source,
        reason: field ? `${reason} (${field})` : reason,
        line: (raw ?? '').slice(0, 60),
      })),
    ),
  );
}

/** `bad show ID`: one bad row, whole. */
export async function badShow(id: string, options: CommonOptions): Promise<void> {
  const row = (await badRows(options, { limit: 1, id }))[0];
  if (!row) throw new CommandFailed(`There is no bad row ${id}. "tillstream bad list" shows the newest.`);
  print(options, row, () =>
    Object.entries(row)
      .map(([name, value]) => `${name.padEnd(12)} ${value ?? '-'}`)
      .join('\n'),
  );
}

async function badRows(
  options: CommonOptions,
  filter: { limit: number; reason?: string; id?: string },
): Promise<BadRow[]> {
  if (!Number.isInteger(filter.limit) || filter.limit < 1 || filter.limit > 1000) {
    throw new UsageError('--limit is a whole number from 1 to 1000.');
  }
  return onData(options, {
    remote: async (run) => {
      const parameters = new URLSearchParams(
        Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]),
      );
      return (await ask<{ bad_rows: BadRow[] }>(run, 'GET', `/v1/bad?${parameters}`)).bad_rows;
    },
    local: async (app) => {
      await app.settle();
      return app.backend.badRows(filter);
    },
  });
}

/** `tap`: lines as they pass the door of the running process, until interrupted or `--count` is reached. */
export async function tap(options: CommonOptions & { count?: string }): Promise<void> {
  const { dataDir } = await environmentOf(options);
  const run = await findRunning(dataDir);
  if (!run) throw new CommandFailed(`Nothing runs on ${dataDir}, so there is nothing to tap.`);
  const count =
    options.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--count', options.count);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  let lines = 0;
  if (options.json) process.stdout.write('[');
  try {
    for await (const { source, line } of tappedLines(run, abort.signal)) {
      lines++;
      const json = `${lines === 1 ? '' : ','}\n${JSON.stringify({ source, line })}`;
      process.stdout.write(options.json ? json : `${source.padEnd(10)} ${line}\n`);
      if (lines >= count) return;
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    return;
  } finally {
    if (options.json) process.stdout.write(lines === 0 ? ']\n' : '\n]\n');
  }
  throw new CommandFailed(`Process ${run.pid} has ended the stream of lines.`);
}

async function* tappedLines(
  run: RunFile,
  signal: AbortSignal,
): AsyncGenerator<{ source: string; line: string }> {
  const answer = await fetch(`${run.url}/v1/tap`, {
    headers: { authorization: `Bearer ${run.token}` },
    signal,
  });
  if (!answer.ok || !answer.body)
    throw new CommandFailed(`The running process does not let its lines be tapped (${answer.status}).`);
  let rest = '';
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^event: line\ndata: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new UsageError(`${name} is a whole number, 1 or more.`);
  return Number(text);
}
