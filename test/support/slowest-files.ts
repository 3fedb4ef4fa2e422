/** A reporter for `node --test`: when all has run, the files that took longest. */
interface Event {
  type: string;
  data: { file?: string; duration_ms?: number; success?: boolean };
}

const SHOWN = 20;

export default async function* slowestFiles(events: AsyncIterable<Event>): AsyncGenerator<string> {
  const seconds = new Map<string, number>();
  for await (const { type, data } of events) {
    // There is one for each file, and one without a file for all.
    if (type === 'test:summary' && data.file && data.duration_ms !== undefined)
      seconds.set(data.file, data.duration_ms / 1000);
  }
  if (seconds.size < 2) return;
  const slowest = [...seconds].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  yield `\nslowest of ${seconds.size} test files:\n`;
  for (const [file, took] of slowest)
    yield `${took.toFixed(1).padStart(8)} s  ${file.replace(`${process.cwd()}/`, '')}\n`;
}
