import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { openApp } from '../app/app.ts';
import { parseTimeBound } from '../event/time-bound.ts';
import { makeFolder } from '../system/make-folder.ts';
import { UsageError } from '../telemetry/errors.ts';
import { reasonOf } from '../telemetry/system-error.ts';
import { counted } from '../telemetry/words.ts';
import { type CommonOptions, findRunning, print, refuseMissing, runtimeOf } from './context.ts';
import { progress, progressDone, terminalLogger } from './terminal.ts';

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && parseTimeBound(text, 'from', 'UTC') !== null;
}

/**
 * `export`: the archived events as NDJSON that `load` reads, one file for each UTC date: to move them to another log, or to
 * tools that read no Parquet. Received-at is not in it; it is new where the events are loaded.
 */
export async function exportEvents(
  options: CommonOptions & { out: string; from?: string; to?: string },
): Promise<void> {
  const { out, from = '', to = '9999-12-31' } = options;
  for (const [name, date] of Object.entries({ from: options.from, to: options.to }))
    if (date !== undefined && !isDate(date))
      throw new UsageError(`--${name} "${date}" is not a date, such as 2026-11-23.`);
  if (from > to) throw new UsageError(`--from "${from}" is after --to "${to}".`);
  if (out === '-')
    throw new UsageError(
      '--out must be a folder, because each date has its own file: "-" for stdout is not possible.',
    );
  const runtime = await runtimeOf(options);
  const run = await findRunning(runtime.dataDir);
  if (run)
    throw new UsageError(
      `Process ${run.pid} has the data folder open. Stop it before the export: events that it receives meanwhile would be missing.`,
    );
  refuseMissing(runtime.dataDir);
  const cannot = (error: unknown) => {
    throw new UsageError(`The folder ${out} can't be used: ${reasonOf(error)}.`);
  };
  try {
    makeFolder(out);
  } catch (error) {
    cannot(error);
  }
  if ((await readdir(out).catch(cannot)).length > 0) throw new UsageError(`The folder ${out} is not empty.`);
  const app = await openApp(runtime, terminalLogger('warn'));
  const result = { events: 0, files: 0, out };
  try {
    await app.waitUntilIdle();
    for (const { date, rows } of app.dates()) {
      if (date < from || date > to) continue;
      const file = createGzip();
      const done = finished(
        file.pipe(createWriteStream(join(out, `events-${date}.ndjson.gz`), { flags: 'wx' })),
      );
      await app.exportDate(date, async (text) => {
        if (!file.write(text)) await once(file, 'drain');
      });
      file.end();
      await done;
      result.events += rows;
      result.files++;
      progress(`Exported ${counted(result.events, 'event')}, up to ${date}`);
    }
  } finally {
    await app.close(0);
    progressDone();
  }
  print(
    options,
    result,
    () =>
      `Wrote ${counted(result.events, 'event')} to ${counted(result.files, 'file')} in ${out}. Load them with "tillstream load".`,
  );
}
