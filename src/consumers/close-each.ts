import { messageOf } from '../telemetry/system-error.ts';

/** What must be closed, the last opened last. */
export type Closers = (() => Promise<unknown>)[];

/** Closes all, the last opened first, also where some fail; rejects with what failed. Empties the list. */
export async function closeEach(closers: Closers): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) {
    const reasons = failures.map((error) => messageOf(error));
    throw new AggregateError(failures, `closing failed: ${reasons.join('; ')}`);
  }
}
