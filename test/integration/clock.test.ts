/** The product goes by the clock that a test gives it, and so does all that it starts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/telemetry/status.ts';
import { realNow } from '../support/clock.ts';
import { childEnv, cli, PROJECT_DIR, startProduct, temporaryDir } from '../support/product.ts';

const HOUR_MS = 3_600_000;

test('a moved clock moves received-at, the range of a query and the status, and resumes from there after a restart', async () => {
  const dataDir = temporaryDir();
  const aheadMs = 31 * HOUR_MS;
  const env = { TILLSTREAM_TEST_CLOCK_MS: String(aheadMs) };
  const isMoved = (time: string) => {
    const offMs = Date.parse(time) - realNow() - aheadMs;
    assert.ok(Math.abs(offMs) < 60_000, `${time} is ${offMs} ms off`);
  };
  for (const lines of [1, 2]) {
    const product = await startProduct({ dataDir, env });
    await product.send(`{"timestamp":${realNow() + aheadMs},"event_type":"purchase","user_id":"${lines}"}`);
    await product.settled();
    const status = (await product.request<Status>('GET', '/v1/status')).json;
    isMoved(status.now);
    isMoved(status.started_at!);
    isMoved(status.freshness.log!);
    const answer = await product.request<{ to: string }>('GET', '/v1/metrics/traffic?window=1m');
    assert.equal(answer.status, 200, answer.text);
    isMoved(answer.json.to);
    assert.equal(await product.stop(), 0);
  }
});

test('a clock that is not a number is refused', async () => {
  const result = await cli(['ledger', '--data', temporaryDir()], {
    env: { TILLSTREAM_TEST_CLOCK_MS: 'noon' },
  });
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /TILLSTREAM_TEST_CLOCK_MS="noon" is not a whole number/);
});

test('tests begin at TILLSTREAM_TEST_NOW, and hand their clock on', () => {
  const script = `
    const clock = await import('${join(PROJECT_DIR, 'test', 'support', 'clock.ts')}');
    console.log(JSON.stringify({ now: clock.testNow(), env: clock.clockEnv(), moved: clock.isClockMoved() }));
    clock.useRealClock();
    console.log(JSON.stringify({ now: clock.testNow(), env: clock.clockEnv(), moved: clock.isClockMoved() }));`;
  const run = (env: Record<string, string>) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...childEnv(), TILLSTREAM_TEST_CLOCK_MS: '', ...env },
      encoding: 'utf8',
      stdio: 'pipe',
    })
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const time = '2031-03-04T23:30:00Z';
  const [moved, real] = run({ TILLSTREAM_TEST_NOW: time });
  const lateMs = moved.now - Date.parse(time);
  assert.ok(lateMs >= 0 && lateMs < 60_000);
  assert.ok(Math.abs(Number(moved.env.TILLSTREAM_TEST_CLOCK_MS) + realNow() - Date.parse(time)) < 60_000);
  assert.equal(moved.moved, true);
  assert.ok(Math.abs(real.now - realNow()) < 60_000);
  assert.deepEqual([real.env, real.moved], [{}, false]);
  assert.deepEqual(run({})[0].env, {});
  // A process of a test has the clock of the test, not one that starts again.
  assert.equal(
    run({ TILLSTREAM_TEST_CLOCK_MS: '5000', TILLSTREAM_TEST_NOW: time })[0].env.TILLSTREAM_TEST_CLOCK_MS,
    '5000',
  );
  for (const wrong of ['noon', '2031-03-04T23:30', '2031-03-04'])
    assert.throws(() => run({ TILLSTREAM_TEST_NOW: wrong }), /TILLSTREAM_TEST_NOW=\S+ is not a time/);
});
