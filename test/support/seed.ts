import type { TestContext } from 'node:test';
import { testNow } from './clock.ts';

/** Seeds fit in 31 bits, which is what fast-check takes. */
const SEEDS = 2 ** 31 - 1;

/**
 * Seed of this run, printed together with the time, so that a failure can be had again:
 * TILLSTREAM_TEST_SEED=n TILLSTREAM_TEST_NOW=... ./test.sh
 */
export function testSeed(where: TestContext | string): number {
  const text = process.env.TILLSTREAM_TEST_SEED;
  const seed = text ? Number(text) : Math.floor(Math.random() * SEEDS);
  if (!Number.isSafeInteger(seed)) throw new Error(`TILLSTREAM_TEST_SEED="${text}" is not a whole number.`);
  const line = `TILLSTREAM_TEST_SEED=${seed} TILLSTREAM_TEST_NOW=${new Date(testNow()).toISOString()}`;
  if (typeof where === 'string') console.log(`${where}: ${line}`);
  else where.diagnostic(line);
  return seed;
}

/** Random numbers in [0, 1) that depend on the seed only (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
