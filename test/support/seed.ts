import type { TestContext } from 'node:test';

/** Seed of this run, printed so that a failure can be had again with TILLSTREAM_TEST_SEED. */
export function testSeed(context: TestContext): number {
  const seed = Number(process.env.TILLSTREAM_TEST_SEED ?? Date.now() % 1_000_000_007);
  context.diagnostic(`TILLSTREAM_TEST_SEED=${seed}`);
  return seed;
}
