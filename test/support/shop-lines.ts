import { startBefore, stream } from '../../tools/simulator/index.ts';
import { testNow } from './clock.ts';

/** Lines of a shop in the last minutes, with late, very late, repeated and malformed ones. */
export function shopLines(count: number, seed: number): (string | Buffer)[] {
  const rates = {
    late: 0.02,
    veryLate: 0.002,
    duplicate: 0.02,
    malformed: 0.01,
    refund: 0.2,
    segmentNames: 0.2,
  };
  const eventsPerSecond = count / 1200;
  const startMs = startBefore(testNow(), count, eventsPerSecond);
  return [...stream({ seed, startMs, eventsPerSecond, count, rates })].map(({ line }) => line);
}
