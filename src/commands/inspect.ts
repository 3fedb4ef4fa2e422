import type { BadRow } from '../archive/archive.ts';
import { REASON_CODES } from '../event/reasons.ts';
import type { MetricResult } from '../metrics/metrics-store.ts';
import { OPTIONS, parseMetricQuery, QUERY_WINDOWS_MAX } from '../query/metric-query.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import type { Ledger, LedgerEntry } from '../telemetry/ledger.ts';
import { didYouMean } from '../telemetry/nearest.ts';
import { printable } from '../telemetry/printable.ts';
import { ROLES } from '../telemetry/roles.ts';
import type { Status } from '../telemetry/status.ts';
import { counted } from '../telemetry/words.ts';
import {
  ask,
  CommandError,
  type CommonOptions,
  dataDirOf,
  findRunning,
  onData,
  print,
  refuseHolder,
  table,
} from './context.ts';
import { findingLines } from './finding-lines.ts';
import { wholeNumber, wholeNumberIfGiven } from './numbers.ts';
import { type RunFile, requestOwner } from './owner.ts';
import { say, writeJson, writeOut } from './terminal.ts';

/** `status`: the state of each component, or that nothing is running. */
export async function status(options: CommonOptions): Promise<void> {
  const dataDir = dataDirOf(options);
  const run = await findRunning(dataDir);
  if (!run) {
    await refuseHolder(dataDir);
    print(
      options,
      { running: false, data: dataDir },
      () => `Tillstream is not running on ${dataDir}. Start it with ./start-pipeline.sh.`,
    );
    return;
  }
  const current = await ask<Status>(run, 'GET', '/v1/status');
  print(options, current, () => {
    const parts = Object.entries(current.parts).map(([part, { state, message }]) => ({
      component: part,
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
      // One process has all of them, unless it is told otherwise.
      ...(current.roles.length < ROLES.length ? [`Roles: ${current.roles.join(', ')}`] : []),
      `Data: ${current.data}, time zone ${current.time_zone}, windows to recompute: ${current.dirty_windows}`,
      '',
      table(parts),
      '',
      table(stages),
      ...current.findings.flatMap(({ source, findings }) => findingLines(`Findings of ${source}`, findings)),
    ].join('\n');
  });
}

/** `ledger`: accounts for every line. Exit code 1 if it does not balance. */
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
    excluded: entry.metrics.excluded,
    bad: entry.metrics.bad,
    'to measure': entry.metrics.in_flight,
    balanced: entry.balanced ? 'yes' : 'NO',
  });
  print(options, current, () => {
    const rows = Object.entries(current.by_source).map(([source, entry]) => row(source, entry));
    const notes = [`Windows to recompute: ${current.dirty_windows}`];
    const { deleted = 0, added = 0 } = current.archive;
    if (deleted > 0) notes.push(`Archived rows that other programs have deleted since: ${deleted}`);
    if (added > 0) notes.push(`Rows of the archive that other programs have added: ${added}`);
    if (current.lost > 0)
      notes.push(`Lines lost to damage of the log files: ${current.lost} (kept in quarantine)`);
    if (current.expired > 0)
      notes.push(
        `Lines that the topic of the log deleted before they were read: ${current.expired} (expired)`,
      );
    return `${table([...rows, row('all', current)])}\n${notes.join('\n')}`;
  });
  if (!current.balanced) process.exitCode = 1;
}

interface QueryCommandOptions extends CommonOptions {
  window?: string;
  from?: string;
  to?: string;
  total?: boolean;
  top?: string;
}

type QueryOutput = MetricResult & { metric: string; window: string; time_zone: string; in_flight: number };

/** `query METRIC`: rows of a metric; with --total only the total is shown, and --json has both. */
export async function query(metric: string | undefined, options: QueryCommandOptions): Promise<void> {
  const { window, from, to, total, top } = options;
  const parsed = ({ metrics, time_zone: timeZone }: Pick<Status, 'metrics' | 'time_zone'>) => {
    if (metric === undefined)
      throw new UsageError(
        `Name a metric:\n${metrics.map(({ name, title }) => `  ${name.padEnd(10)} ${title}`).join('\n')}`,
      );
    return parseMetricQuery(
      { metric, window, from, to, total: total ?? false, top },
      {
        metrics,
        timeZone,
        nowMs: now(),
        defaultWindow: '1d',
        defaultWindows: QUERY_WINDOWS_MAX,
        wording: OPTIONS,
      },
    );
  };
  const result = await onData<QueryOutput>(options, {
    remote: async (run) => {
      const { fromMs, toMs, ...rest } = parsed(await ask<Status>(run, 'GET', '/v1/status'));
      const parameters = new URLSearchParams({ window: rest.window, from: String(fromMs), to: String(toMs) });
      if (rest.top !== undefined) parameters.set('top', String(rest.top));
      if (rest.total) parameters.set('total', 'true');
      return ask(run, 'GET', `/v1/metrics/${rest.metric}?${parameters}`);
    },
    local: async (app) => {
      const asked = parsed(app.backend.status());
      await app.waitUntilIdle();
      const found = await app.backend.query(asked);
      return { metric: asked.metric, window: asked.window, time_zone: app.backend.timeZone, ...found };
    },
  });
  const { in_flight: waiting } = result;
  if (waiting > 0)
    say(
      `${counted(waiting, 'line')} ${waiting === 1 ? 'was' : 'were'} received but not counted yet, so the rows may not include them. Ask again in a moment.`,
    );
  print(options, result, () => {
    const folded = Object.entries(result.folded ?? {}).map(
      ([key, n]) =>
        `\nother: ${counted(n, 'more value', 'more values')} of ${key}, added up. The archive has each of them.`,
    );
    return [table(result.total ?? result.rows), ...folded].join('');
  });
}

export interface BadOptions extends CommonOptions {
  limit: string;
  reason?: string;
}

/** `bad list`: the newest bad rows. */
export async function badList(options: BadOptions): Promise<void> {
  const { reason } = options;
  if (reason !== undefined && !(REASON_CODES as readonly string[]).includes(reason))
    throw new UsageError(
      `There is no reason "${reason}".${didYouMean(reason, REASON_CODES)} The reasons: ${REASON_CODES.join(', ')}.`,
    );
  const rows = await badRows(options, {
    limit: wholeNumber('--limit', options.limit, 1, 1000),
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
  if (!row) throw new CommandError(`There is no bad row ${id}. "tillstream bad list" shows the newest.`);
  print(options, row, () =>
    Object.entries(row)
      .map(([name, value]) => `${name.padEnd(12)} ${printable(String(value ?? '-'))}`)
      .join('\n'),
  );
}

async function badRows(
  options: CommonOptions,
  filter: { limit: number; reason?: string; id?: string },
): Promise<BadRow[]> {
  return onData(options, {
    remote: async (run) => {
      const parameters = new URLSearchParams(
        Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]),
      );
      return (await ask<{ bad_rows: BadRow[] }>(run, 'GET', `/v1/bad?${parameters}`)).bad_rows;
    },
    local: async (app) => {
      await app.waitUntilIdle();
      return app.backend.badRows(filter);
    },
  });
}

/** `tap`: lines as the running process stores them, until interrupted or `--count` is reached. */
export async function tap(options: CommonOptions & { count?: string }): Promise<void> {
  const count = wholeNumberIfGiven('--count', options.count, 1) ?? Number.POSITIVE_INFINITY;
  const dataDir = dataDirOf(options);
  const run = await findRunning(dataDir);
  if (!run) throw new CommandError(`Tillstream is not running on ${dataDir}, so there is nothing to tap.`);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  let lines = 0;
  if (options.json) writeJson('[');
  try {
    for await (const { source, line } of tappedLines(run, abort.signal)) {
      lines++;
      const json = `${lines === 1 ? '' : ','}\n${JSON.stringify({ source, line })}`;
      if (options.json) writeJson(json);
      else writeOut(`${source.padEnd(10)} ${printable(line)}\n`);
      if (lines >= count) return;
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    return;
  } finally {
    if (options.json) writeJson(lines === 0 ? ']\n' : '\n]\n');
  }
  throw new CommandError(`Process ${run.pid} has ended the stream of lines.`);
}

async function* tappedLines(
  run: RunFile,
  signal: AbortSignal,
): AsyncGenerator<{ source: string; line: string }> {
  const answer = await requestOwner(run, 'GET', '/v1/tap', { signal });
  if (!answer.ok) throw new CommandError(`The running process refused to show its lines (${answer.status}).`);
  let rest = '';
  for await (const chunk of answer.body.setEncoding('utf8') as AsyncIterable<string>) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      // A dot would end at U+2028, which JSON leaves as it is.
      const data = /^event: line\ndata: ([^\n]*)/.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}
