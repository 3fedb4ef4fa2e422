/**
 * One clock for all tests: what they send and expect depends on `testNow`, so that a run can be had again at the same hour with
 * TILLSTREAM_TEST_NOW (ISO 8601). Time that only passes is measured with performance.now().
 *
 * The clock starts at TILLSTREAM_TEST_NOW in each test file and goes on from there. Processes of ours that a test starts
 * have the same one: `clockEnv`. A real Kafka broker stamps records by its own clock, which no variable moves: a file that
 * starts one has the real time (`useRealClock`), and nothing in it may depend on the hour.
 */
let aheadMs = readAheadMs();

/** Time of this test, ms since 1970: the real one, or that of TILLSTREAM_TEST_NOW. */
export function testNow(): number {
  return Date.now() + aheadMs;
}

/** Time as files, browsers and servers that are not ours have it. */
export function realNow(): number {
  return Date.now();
}

/** From here on this file has the time of the servers that are not ours. */
export function useRealClock(): void {
  aheadMs = 0;
}

/** Whether this test has another time than the machine. */
export function isClockMoved(): boolean {
  return aheadMs !== 0;
}

/** Variables that give a process of ours the clock of this test. */
export function clockEnv(): Record<string, string> {
  return isClockMoved() ? { TILLSTREAM_TEST_CLOCK_MS: String(aheadMs) } : {};
}

function readAheadMs(): number {
  // A process that a test has started goes on with the clock of the test.
  const { TILLSTREAM_TEST_CLOCK_MS: ahead, TILLSTREAM_TEST_NOW: start } = process.env;
  if (ahead) return Number(ahead);
  if (!start) return 0;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(start);
  const startMs = isTime ? Date.parse(start) : Number.NaN;
  if (Number.isNaN(startMs))
    throw new Error(
      `TILLSTREAM_TEST_NOW="${start}" is not a time like 2026-11-28T23:30:00Z; it needs its zone.`,
    );
  return startMs - Date.now();
}
