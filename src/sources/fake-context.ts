import { allAccepted, bodyLines } from '../../test/support/body-lines.ts';
import { testNow } from '../../test/support/clock.ts';
import type { IngestRequest, IngestResult, SourceContext } from './source.ts';

/** For tests of sources: an ingest that keeps the lines, and can be told to refuse. */
export interface FakeContext extends SourceContext {
  /** All lines taken, in order. */
  lines: string[];
  inputs: IngestRequest[];
  warnings: string[];
  /** Called before each ingest; may throw to refuse. */
  beforeIngest: (input: IngestRequest) => void | Promise<void>;
}

export function fakeContext(stateDir: string): FakeContext {
  const context: FakeContext = {
    lines: [],
    inputs: [],
    warnings: [],
    beforeIngest: () => {},
    async ingest(input): Promise<IngestResult> {
      await context.beforeIngest(input);
      const lines = bodyLines(input.body, 'latin1');
      context.inputs.push(input);
      for (const line of lines) context.lines.push(line);
      return allAccepted(lines);
    },
    stateDir,
    log: {
      info: () => {},
      warn: (fields, message) => context.warnings.push(`${message} ${JSON.stringify(fields)}`),
      error: (fields, message) => context.warnings.push(`${message} ${JSON.stringify(fields)}`),
    },
    now: testNow,
    random: Math.random,
  };
  return context;
}

/** Waits until `condition` holds; fails with `what` after 20 seconds: other tests run at the same time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
