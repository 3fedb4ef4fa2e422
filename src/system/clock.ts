/**
 * The time as this program has it: all that wires the parts together takes it from here and hands it on. Tests that must hold
 * at any hour set TILLSTREAM_TEST_CLOCK_MS, by which the clock is then ahead (or behind, below 0) for as long as the
 * process runs; so time passes as usual, and several processes agree. What comes from elsewhere (a Kafka broker's times, times of
 * files) is not moved.
 */
const aheadMs = readAheadMs(process.env.TILLSTREAM_TEST_CLOCK_MS);

/** Milliseconds since 1970. */
export function now(): number {
  return Date.now() + aheadMs;
}

function readAheadMs(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const ms = Number(text);
  if (Number.isSafeInteger(ms)) return ms;
  throw new Error(`TILLSTREAM_TEST_CLOCK_MS="${text}" is not a whole number of milliseconds. Unset it.`);
}
