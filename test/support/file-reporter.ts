import { writeFileSync } from 'node:fs';

/** A reporter of tests: when all has run, the files that took longest. Those that failed go into the file TILLSTREAM_TEST_FAILED. */
interface Event {
  type: string;
  data: { file?: string; duration_ms?: number; success?: boolean };
}

const SHOWN = 25;

export default async function* fileReporter(events: AsyncIterable<Event>): AsyncGenerator<string> {
  const seconds = new Map<string, number>();
  const failed = new Set<string>();
  for await (const { type, data } of events) {
    if (data?.file === undefined) continue;
    // There is a summary for each file, and one without a file for all.
    if (type === 'test:summary' && data.duration_ms !== undefined)
      seconds.set(data.file, data.duration_ms / 1000);
    if (type === 'test:fail' || (type === 'test:summary' && data.success === false)) failed.add(data.file);
  }
  const { TILLSTREAM_TEST_FAILED: list } = process.env;
  if (list !== undefined) writeFileSync(list, [...failed].map((file) => `${file}\n`).join(''));
  if (seconds.size < 2) return;
  const slowest = [...seconds].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  yield `\nslowest of ${seconds.size} test files:\n`;
  for (const [file, took] of slowest)
    yield `${took.toFixed(1).padStart(8)} s  ${file.replace(`${process.cwd()}/`, '')}\n`;
}
