import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppendError } from '../../src/log/event-log.ts';
import type { IngestRequest, Source, SourceContext } from '../../src/sources/source.ts';
import { allAccepted, bodyLines } from '../support/body-lines.ts';
import { testNow } from '../support/clock.ts';
import { temporaryDir, until } from '../support/product.ts';
import { randomFrom, testSeed } from '../support/seed.ts';

/** What a source reads from, for one test. */
export interface OtherSide {
  /** Adds lines behind those that are there. */
  add(lines: readonly string[]): Promise<void>;
  /** A source of it, with short waits after a fault. */
  source(context: SourceContext): Source;
  /** A source of what is not there at all. */
  lostSource(context: SourceContext): Source;
  close(): Promise<void>;
}

export interface SourceUnderTest {
  kind: string;
  /** What is there for all tests. */
  setUp?(): Promise<void>;
  /** A new one that holds nothing. */
  open(): Promise<OtherSide>;
}

const STOP_MS_MAX = 5000;

/** The log, and what it does to what it is offered. */
class Log {
  readonly lines: string[] = [];
  readonly offered: string[] = [];
  readonly sources = new Set<string>();
  readonly stateDir = temporaryDir();
  hook: (input: IngestRequest) => Promise<void> | void = () => {};
  /** Called when the lines are stored, before the source hears of it. */
  stored: () => Promise<void> | void = () => {};

  context(): SourceContext {
    const quiet = () => {};
    return {
      ingest: async (input) => {
        const lines = bodyLines(input.body);
        this.offered.push(lines.join('\n'));
        await this.hook(input);
        this.sources.add(input.source);
        this.lines.push(...lines);
        await this.stored();
        return allAccepted(lines);
      },
      stateDir: this.stateDir,
      log: { info: quiet, warn: quiet, error: quiet },
      now: testNow,
      random: Math.random,
    };
  }
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `{"event_type":"search","n":${from + n}}`);
const files = (dir: string) =>
  readdirSync(dir, { recursive: true })
    .map((name) => join(dir, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => [path, readFileSync(path, 'latin1')]);

/** What every source must do, with what it reads from and a log that is told what to do. */
export function sourceContract({ kind, setUp, open }: SourceUnderTest): void {
  describe(`source: ${kind}`, () => {
    before(async () => setUp?.());
    // A fault in the background ends no process.
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    before(() => void process.on('unhandledRejection', note));
    after(() => {
      process.off('unhandledRejection', note);
      assert.deepEqual(unhandled, []);
    });

    const withSide = (run: (side: OtherSide, log: Log, start: () => Source) => Promise<void>) => async () => {
      const [side, log] = [await open(), new Log()];
      const started: Source[] = [];
      const start = () => {
        const source = side.source(log.context());
        started.push(source);
        assert.equal(source.start(), undefined);
        return source;
      };
      try {
        await run(side, log, start);
      } finally {
        log.hook = () => {};
        log.stored = () => {};
        for (const source of started) await source.stop();
        await side.close();
      }
    };
    const has = (log: Log, count: number) =>
      until(() => log.lines.length >= count, `${count} lines, ${log.lines.length} came`);

    it(
      'delivers existing and new lines in order, once and under its name',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 50));
        const source = start();
        await has(log, 50);
        await side.add(lines(50, 60));
        await has(log, 60);
        await source.stop();
        assert.deepEqual(log.lines, lines(0, 60));
        assert.deepEqual([...log.sources], [source.name]);
        const status = source.status();
        assert.deepEqual([status.kind, status.state, status.message], [kind, 'ready', '']);
        assert.ok(Math.abs(status.lastEventAtMs! - testNow()) < 60_000);
        for (const [name, count] of Object.entries(status.counters))
          assert.ok(Number.isInteger(count) && count >= 0, name);
      }),
    );

    it(
      'sends the same bytes again while the log refuses them, reports it, and continues',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 5));
        let refusing = true;
        log.hook = () => {
          if (refusing) throw new AppendError('log_busy', 'The log is busy.', 0.01);
        };
        const source = start();
        await until(() => log.offered.length >= 4, 'offers');
        assert.equal(new Set(log.offered).size, 1, 'the same bytes');
        assert.equal(source.status().state, 'waiting');
        assert.match(source.status().message, /busy/);
        refusing = false;
        await has(log, 5);
        await side.add(lines(5, 6));
        await has(log, 6);
        await until(() => source.status().state === 'ready', 'ready again');
        assert.deepEqual(log.lines, lines(0, 6));
      }),
    );

    it(
      'waits as long as the log asks for',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 1));
        const at: number[] = [];
        log.hook = () => {
          at.push(performance.now());
          if (at.length === 1) throw new AppendError('log_busy', 'The log is busy.', 0.5);
        };
        start();
        await has(log, 1);
        assert.ok(at[1]! - at[0]! >= 490, `offered again after ${at[1]! - at[0]!} ms`);
      }),
    );

    it(
      'sends the bytes again after any other error of the log',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 3));
        let faults = 0;
        log.hook = () => {
          if (faults++ < 3) throw new TypeError('a fault');
        };
        start();
        await has(log, 3);
        assert.deepEqual(log.lines, lines(0, 3));
      }),
    );

    it(
      'resumes where it was after a stop and a start',
      withSide(async (side, log, start) => {
        for (let round = 0; round < 3; round++) {
          await side.add(lines(10 * round, 10 * round + 10));
          const source = start();
          await has(log, 10 * round + 10);
          await source.stop();
        }
        await sleep(100);
        assert.deepEqual(log.lines, lines(0, 30));
      }),
    );

    it(
      'nothing runs after stop',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 3));
        const source = start();
        await has(log, 3);
        await source.stop();
        const [offers, state] = [log.offered.length, files(log.stateDir)];
        await side.add(lines(3, 6));
        await sleep(300);
        assert.equal(log.offered.length, offers);
        assert.deepEqual(files(log.stateDir), state, 'the cursor is on disk');
        start();
        await has(log, 6);
        assert.deepEqual(log.lines, lines(0, 6));
      }),
    );

    it(
      'stop ends the wait for a log that refuses, and what was refused comes after the next start',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 4));
        log.hook = () => {
          throw new AppendError('log_full', 'The log is full.', 3600);
        };
        const source = start();
        await until(() => source.status().state === 'waiting', 'the refusal');
        const began = performance.now();
        await source.stop();
        assert.ok(performance.now() - began < STOP_MS_MAX, 'stop did not wait for the log');
        assert.deepEqual(log.lines, []);
        log.hook = () => {};
        start();
        await has(log, 4);
        assert.deepEqual(log.lines, lines(0, 4));
      }),
    );

    it(
      'stop while the log accepts lines: they are not sent again',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 4));
        const took = Promise.withResolvers<void>();
        log.hook = () => took.promise;
        const source = start();
        await until(() => log.offered.length === 1, 'the offer');
        const stopped = source.stop();
        await sleep(50);
        took.resolve();
        await stopped;
        assert.deepEqual(log.lines, lines(0, 4));
        await side.add(lines(4, 5));
        start();
        await has(log, 5);
        assert.deepEqual(log.lines, lines(0, 5));
      }),
    );

    it(
      'killed between storing the lines and the cursor: they are sent again, and none is missing',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 5));
        const first = start();
        await has(log, 5);
        await first.stop();
        await side.add(lines(5, 8));
        // Nobody tells this one that its lines are stored: to the next one it is as if it had been killed.
        const killed = Promise.withResolvers<void>();
        log.stored = () => killed.promise;
        start();
        await has(log, 8);
        log.stored = () => {};
        start();
        await has(log, 11);
        assert.deepEqual(log.lines, [...lines(0, 8), ...lines(5, 8)]);
        log.hook = () => {
          throw new AppendError('log_closed', 'The log is closed.', 3600);
        };
        killed.reject(new Error('killed'));
      }),
    );

    it(
      'any sequence of events: no line is missing, and lines accepted before a stop are sent once',
      withSide(async (side, log, start) => {
        const random = randomFrom(testSeed(`source ${kind}`));
        let [source, added]: [Source | null, number] = [start(), 0];
        for (let step = 0; step < 40; step++) {
          const draw = random();
          if (draw < 0.5) {
            const count = 1 + Math.floor(random() * 20);
            await side.add(lines(added, added + count));
            added += count;
          } else if (draw < 0.65) {
            let left = Math.floor(random() * 3);
            log.hook = () => {
              if (left-- > 0) throw new AppendError('log_busy', 'The log is busy.', 0.005);
            };
          } else if (draw < 0.8) {
            await source?.stop();
            source = null;
          } else {
            source ??= start();
            await sleep(random() * 60);
          }
        }
        source ??= start();
        await has(log, added);
        await source.stop();
        assert.deepEqual(log.lines, lines(0, added));
      }),
    );

    it(
      'without the other side it waits, with a reason, and stops at once',
      withSide(async (side, log) => {
        const source = side.lostSource(log.context());
        source.start();
        await until(() => source.status().state !== 'ready', 'a state');
        const { state, message } = source.status();
        assert.equal(state, 'waiting');
        assert.ok(message.length > 10, message);
        const began = performance.now();
        await source.stop();
        assert.ok(performance.now() - began < STOP_MS_MAX);
        assert.deepEqual(log.offered, []);
      }),
    );

    it(
      'check reports what it found, and stores nothing: all lines come after it',
      withSide(async (side, log, start) => {
        await side.add(lines(0, 3));
        mkdirSync(log.stateDir, { recursive: true });
        const state = files(log.stateDir);
        const found = await side.source(log.context()).check();
        assert.ok(found.length > 5, found);
        assert.deepEqual(log.offered, []);
        assert.deepEqual(files(log.stateDir), state);
        start();
        await has(log, 3);
        const between = await side.source(log.context()).check();
        assert.ok(between.length > 5, between);
        await side.add(lines(3, 5));
        await has(log, 5);
        assert.deepEqual(log.lines, lines(0, 5));
      }),
    );

    it(
      'check without the other side rejects with what a person can do',
      withSide(async (side, log) => {
        await assert.rejects(side.lostSource(log.context()).check(), (error: Error) => {
          assert.match(error.message, /Check|check|Give/);
          assert.doesNotMatch(error.message, /\n {4}at /);
          return true;
        });
        assert.deepEqual(log.offered, []);
      }),
    );
  });
}
