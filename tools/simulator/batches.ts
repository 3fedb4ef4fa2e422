import { setImmediate } from 'node:timers/promises';
import { sleep } from '../../src/system/sleep.ts';
import type { SimulatedLine } from './stream.ts';

export interface BatchOptions {
  linesMax: number;
  /** True: a line comes when its time of receipt has come; false: as fast as they can be made. */
  live: boolean;
  now: () => number;
  signal: AbortSignal;
  /** live: how often to look. */
  intervalMs?: number;
}

const BYTES_MAX = 1024 * 1024;

/** Groups a stream's lines to batches, in wall-clock time where wanted. Ends when the stream ends or at the signal. */
export async function* batches(
  lines: Iterator<SimulatedLine, void>,
  options: BatchOptions,
): AsyncGenerator<SimulatedLine[], void, undefined> {
  let next = lines.next();
  while (!next.done && !options.signal.aborted) {
    const dueMs = options.live ? options.now() : Number.POSITIVE_INFINITY;
    const batch: SimulatedLine[] = [];
    let bytes = 0;
    while (
      !next.done &&
      next.value.receivedAtMs <= dueMs &&
      batch.length < options.linesMax &&
      bytes < BYTES_MAX
    ) {
      batch.push(next.value);
      bytes += next.value.line.length;
      next = lines.next();
    }
    if (batch.length > 0) yield batch;
    // Lets signals and requests in, also while the lines come as fast as they can.
    await setImmediate();
    if (!options.live || next.done || next.value.receivedAtMs <= options.now()) continue;
    await sleep(options.intervalMs ?? 100, options.signal);
  }
}

/** The lines as NDJSON. */
export function toNdjson(lines: readonly SimulatedLine[]): Buffer {
  const parts: Buffer[] = [];
  let text = '';
  for (const { line } of lines) {
    if (typeof line === 'string') text += `${line}\n`;
    else {
      parts.push(Buffer.from(text), line);
      text = '\n';
    }
  }
  return Buffer.concat([...parts, Buffer.from(text)]);
}
