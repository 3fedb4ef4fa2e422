import { it, type TestContext } from 'node:test';

/** Whether it is `./test.sh --all` that runs. */
export const isThorough = process.env.TILLSTREAM_TEST_ALL === '1';

/**
 * `it` for what takes long and differs little from what is always run: more kinds of the same outage, the same on one more
 * server. Without `--all` it is not there.
 */
export const itThorough: (name: string, run: (t: TestContext) => Promise<void>) => void = isThorough
  ? it
  : () => {};
