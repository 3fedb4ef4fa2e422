/** The one place where commands write to the terminal: what others have sent is shown there, never acted on. */

import { once } from 'node:events';
import { createLogger } from '../telemetry/pino-logger.ts';
import { printableJson, printableLines } from '../telemetry/printable.ts';
import { reasonOf } from '../telemetry/system-error.ts';

let hasOutput = false;

/** Whether something has been written to stdout. */
export function wroteOutput(): boolean {
  return hasOutput;
}

/** Writes text to stdout. A value that has line ends of its own must have been made `printable` before. */
export function writeOut(text: string): void {
  hasOutput = true;
  process.stdout.write(printableLines(text));
}

/** Writes a piece of JSON to stdout. */
export function writeJson(json: string): void {
  hasOutput = true;
  process.stdout.write(printableJson(json));
}

/** Writes lines of our own making to stdout as they are, for another program; resolves when there is room for more. */
export async function writeLines(lines: Buffer): Promise<void> {
  hasOutput = true;
  if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
}

/** Writes text to stderr. */
export function writeError(text: string): void {
  process.stderr.write(printableLines(text));
}

/** A line on stderr of what is going on. */
export function say(line: string): void {
  writeError(`${line}\n`);
}

/** Logs to stderr: lines for people on a terminal, JSON for whatever else reads it. */
export function terminalLogger(level: string): ReturnType<typeof createLogger> {
  return createLogger(level, isTerminal());
}

/** Whether a person reads stderr. */
export const isTerminal = (): boolean => process.stderr.isTTY === true;

/** One line on stderr that is rewritten, only on a terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${printableLines(text)}`);
}

export function progressDone(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
}

/** Whoever reads our output may stop early, as `head` does; a device may be full. */
export function endOnBrokenOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    writeError(
      `The output can't be written: ${error.code === 'ENOSPC' ? 'the device is full' : reasonOf(error)}.\n`,
    );
    process.exit(1);
  });
  // There is nowhere left to report it.
  process.stderr.on('error', () => process.exit(1));
}
