import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppendError, type AppendResult, type EventLog, type LogBatch } from '../../src/log/event-log.ts';
import { SOURCES_MAX, sumCounts } from '../../src/log/offset.ts';

export interface EventLogUnderTest {
  name: string;
  /** A new, empty log. The suite closes it. */
  open: () => Promise<EventLog>;
  /** Opens the content of a closed log again, where it outlives the process. */
  reopen?: (closed: EventLog) => Promise<EventLog>;
}

const BIG = { bytesMax: 64 * 1024 * 1024, linesMax: 1_000_000 };

/** What every event log must do. Uses the port only, so it fits logs with several partitions as well. */
export function eventLogContract({ name, open, reopen }: EventLogUnderTest): void {
  const withLog = (run: (log: EventLog) => Promise<void>) => async () => {
    const log = await open();
    try {
      await run(log);
    } finally {
      await log.close();
    }
  };

  describe(`event log: ${name}`, () => {
    it(
      'starts empty',
      withLog(async (log) => {
        assert.notEqual(log.id, '');
        assert.ok(log.partitions().length >= 1);
        for (const { partition, start, end } of log.partitions()) {
          assert.equal(start, end);
          assert.deepEqual(await log.read(partition, end, BIG), []);
          assert.equal(sumCounts(await log.receivedBefore({ [partition]: end })), 0);
        }
        assert.deepEqual(log.received(), {});
        const status = log.status();
        assert.equal(status.state, 'ready');
        assert.equal(status.message, '');
        assert.equal(status.lostLines, 0);
      }),
    );

    it(
      'refuses a new source past the bound before anything is written, and continues with those that it has',
      withLog(async (log) => {
        const names = Array.from({ length: SOURCES_MAX }, (_, n) => `${n}_`.padEnd(32, 'x'));
        for (const name of names) await append(log, name, name, 1);
        for (const name of ['one-too-many', 'constructor', 'http']) {
          await assert.rejects(append(log, name, name, 1), (error: AppendError) => {
            assert.ok(error instanceof AppendError);
            assert.equal(error.code, 'too_many_sources');
            assert.match(error.message, new RegExp(name));
            return true;
          });
        }
        for (const name of ['', 'a'.repeat(33), 'Upper', 'ü', 'a b', 'a\n'])
          await assert.rejects(append(log, name, 'bad name', 1), TypeError);
        await append(log, names[7]!, 'again', 3);
        assert.equal(sumCounts(log.received()), SOURCES_MAX + 3);
        assert.equal((await readAll(log)).size, SOURCES_MAX + 3);
      }),
    );

    it(
      'gives back what was appended, byte for byte, as soon as the append resolves',
      withLog(async (log) => {
        const text = '{"a":"é€😀"}\n{"b":"\\n"}\n';
        const result = await log.append({ source: 'http', bytes: [Buffer.from(text)], lines: 2 });
        const [batch, ...others] = await log.read(result.partition, result.firstOffset, BIG);
        assert.deepEqual(others, []);
        assert.equal(batch!.bytes.toString('utf8'), text);
        assert.equal(batch!.lines, 2);
        assert.equal(batch!.firstOffset, result.firstOffset);
        assert.equal(batch!.partition, result.partition);
        assert.equal(batch!.source, 'http');
        assert.equal(batch!.receivedAtMs, result.receivedAtMs);
        assert.equal(batch!.nextOffset, result.firstOffset + (batch!.sharesOffset ? 1 : 2));
        assert.equal(partitionOf(log, result).end, batch!.nextOffset);
      }),
    );

    it(
      'writes several buffers one after the other',
      withLog(async (log) => {
        const bytes = [Buffer.from('{"n"'), Buffer.from(':1}\n{"n":2}'), Buffer.alloc(0), Buffer.from('\n')];
        const result = await log.append({ source: 'file', bytes, lines: 2 });
        assert.deepEqual(linesOf(await log.read(result.partition, result.firstOffset, BIG)), [
          '{"n":1}',
          '{"n":2}',
        ]);
      }),
    );

    it(
      'refuses a block that does not end with a newline',
      withLog(async (log) => {
        await assert.rejects(log.append({ source: 'http', bytes: [Buffer.from('{"n":1}')], lines: 1 }));
        await assert.rejects(log.append({ source: 'http', bytes: [], lines: 1 }));
        assert.deepEqual(log.received(), {});
      }),
    );

    it(
      'keeps concurrent appends whole, in order and apart',
      withLog(async (log) => {
        const appends = Array.from({ length: 60 }, (_, n) => ({ n, lines: 1 + (n % 5) }));
        const results = await Promise.all(appends.map(({ n, lines }) => append(log, 'http', `w${n}`, lines)));
        const all = await readAll(log);
        for (const [index, result] of results.entries()) {
          const { n, lines } = appends[index]!;
          for (let line = 0; line < lines; line += 1) {
            const found = lineOf(all, result, line);
            assert.equal(found?.text, `{"id":"w${n}-${line}"}`);
            assert.equal(found?.receivedAtMs, result.receivedAtMs);
          }
        }
        assert.equal(
          all.size,
          appends.reduce((sum, { lines }) => sum + lines, 0),
        );
        // One caller's appends, one after the other, come in that order wherever they share a partition.
        for (const { partition } of log.partitions()) {
          const times = [...all.values()]
            .filter((line) => line.partition === partition)
            .map((l) => l.receivedAtMs);
          assert.deepEqual(
            times,
            times.toSorted((a, b) => a - b),
          );
        }
      }),
    );

    it(
      'starts at the offset asked for, cutting a batch',
      withLog(async (log) => {
        const result = await append(log, 'http', 'cut', 5);
        await append(log, 'http', 'next', 1);
        const [whole] = await log.read(result.partition, result.firstOffset, BIG);
        // Lines of one record stay together.
        const skips = whole!.sharesOffset ? [0] : [0, 1, 2, 3, 4];
        for (const skip of skips) {
          const [batch] = await log.read(result.partition, result.firstOffset + skip, BIG);
          assert.equal(batch!.firstOffset, result.firstOffset + skip);
          assert.equal(linesOf([batch!])[0], `{"id":"cut-${skip}"}`);
          assert.equal(batch!.receivedAtMs, result.receivedAtMs);
          assert.equal(batch!.bytes.toString().split('\n').length - 1, batch!.lines);
        }
      }),
    );

    it(
      'stays near the limits of a read, but gives at least one batch',
      withLog(async (log) => {
        for (let n = 0; n < 20; n += 1) await append(log, 'http', `b${n}`, 3);
        const small = await readAll(log, { bytesMax: 1, linesMax: 1 });
        const medium = await readAll(log, { bytesMax: 1000, linesMax: 7 });
        const big = await readAll(log, BIG);
        assert.equal(big.size, 60);
        assert.deepEqual([...small], [...big]);
        assert.deepEqual([...medium], [...big]);
        for (const { partition, start, end } of log.partitions()) {
          if (start === end) continue;
          const batches = await log.read(partition, start, { bytesMax: 1_000_000, linesMax: 7 });
          const lines = batches.reduce((sum, batch) => sum + batch.lines, 0);
          assert.ok(batches.length >= 1 && (batches.length === 1 || lines <= 7), `${lines} lines`);
        }
      }),
    );

    it(
      'throws RangeError past the end',
      withLog(async (log) => {
        const result = await append(log, 'http', 'end', 2);
        const { end } = partitionOf(log, result);
        assert.deepEqual(await log.read(result.partition, end, BIG), []);
        await assert.rejects(log.read(result.partition, end + 1, BIG), RangeError);
      }),
    );

    it(
      'wakes a waiting reader on append',
      withLog(async (log) => {
        const { partition, end } = log.partitions()[0]!;
        assert.equal(await log.waitPast({ [partition]: end }, 20), false);
        const aborted = new AbortController();
        aborted.abort();
        assert.equal(await log.waitPast({ [partition]: end }, 60_000, aborted.signal), false);
        const later = new AbortController();
        const stopped = log.waitPast({ [partition]: end }, 60_000, later.signal);
        later.abort();
        assert.equal(await stopped, false);

        const waits = log.partitions().map((each) => log.waitPast({ [each.partition]: each.end }, 60_000));
        const result = await append(log, 'http', 'wake', 1);
        const index = log.partitions().findIndex((each) => each.partition === result.partition);
        assert.equal(await waits[index], true);
        assert.equal(await log.waitPast({ [result.partition]: result.firstOffset }, 0), true);
        assert.equal(await log.waitPast({ [result.partition]: partitionOf(log, result).end }, 20), false);
      }),
    );

    it(
      'counts lines by source, in total and before any offset',
      withLog(async (log) => {
        // Names that every object has already are names like any other.
        const sources = ['http', 'poll', 'constructor', 'a-b_9', 'http'];
        const results: AppendResult[] = [];
        for (const [index, source] of sources.entries()) {
          results.push(await append(log, source, `s${index}`, index + 1));
        }
        assert.deepEqual({ ...log.received() }, { http: 6, poll: 2, constructor: 3, 'a-b_9': 4 });
        const all = await readAll(log);
        for (const { partition, start, end } of log.partitions()) {
          const expected: Record<string, number> = Object.create(null);
          for (let offset = start; offset <= end; offset += 1) {
            assert.deepEqual({ ...(await log.receivedBefore({ [partition]: offset })) }, { ...expected });
            for (const line of all.values()) {
              if (line.partition === partition && line.offset === offset)
                expected[line.source] = (expected[line.source] ?? 0) + 1;
            }
          }
        }
        assert.equal(results.length, sources.length);
      }),
    );

    it(
      'deletes nothing that a reader still needs',
      withLog(async (log) => {
        const result = await append(log, 'http', 'keep', 3);
        const { partition, start } = partitionOf(log, result);
        log.retain('archive', { [partition]: start });
        assert.equal(partitionOf(log, result).start, start);
        assert.equal((await readAll(log)).size, 3);
      }),
    );

    it('refuses everything after close, and ends waits', async () => {
      const log = await open();
      const { partition, end } = log.partitions()[0]!;
      const appended = append(log, 'http', 'last', 1);
      const waiting = log.waitPast({ [partition]: end + 1000 }, 60_000);
      await log.close();
      await appended;
      assert.equal(await waiting, false);
      await assert.rejects(append(log, 'http', 'late', 1), (error) => {
        return error instanceof AppendError && error.code === 'log_closed';
      });
      await assert.rejects(log.read(partition, end, BIG));
      await assert.rejects(log.waitPast({ [partition]: end }, 10));
      await assert.rejects(log.receivedBefore({ [partition]: end }));
    });

    // What ends with its process promises nothing here.
    if (reopen === undefined) return;
    it('keeps everything over a restart', async () => {
      let log = await open();
      const { id } = log;
      await Promise.all(
        Array.from({ length: 10 }, (_, n) => append(log, n % 2 ? 'http' : 'poll', `r${n}`, 3)),
      );
      try {
        for (let round = 0; round < 3; round += 1) {
          const before = await readAll(log);
          const received = log.received();
          const partitions = log.partitions();
          await log.close();
          log = await reopen(log);
          assert.equal(log.id, id);
          assert.deepEqual(log.partitions(), partitions);
          assert.deepEqual({ ...log.received() }, { ...received });
          assert.deepEqual([...(await readAll(log))], [...before]);
          const result = await append(log, 'http', `after${round}`, 2);
          assert.equal(result.firstOffset, partitions.find((p) => p.partition === result.partition)!.end);
          const last = log.status().lastReceivedAtMs;
          assert.ok(last !== null && last >= result.receivedAtMs);
        }
      } finally {
        await log.close();
      }
    });
  });
}

interface Line {
  partition: number;
  offset: number;
  text: string;
  source: string;
  receivedAtMs: number;
}

function append(log: EventLog, source: string, id: string, lines: number): Promise<AppendResult> {
  const text = Array.from({ length: lines }, (_, line) => `{"id":"${id}-${line}"}\n`).join('');
  return log.append({ source, bytes: [Buffer.from(text)], lines });
}

function partitionOf(log: EventLog, result: AppendResult) {
  return log.partitions().find(({ partition }) => partition === result.partition)!;
}

/** A line of an append without keys, by its number: it has an offset of its own, or shares that of the record. */
function lineOf(all: Map<string, Line>, { partition, firstOffset }: AppendResult, line: number) {
  return all.get(`${partition}/${firstOffset}/${line}`) ?? all.get(`${partition}/${firstOffset + line}/0`);
}

function linesOf(batches: LogBatch[]): string[] {
  return batches.flatMap((batch) => batch.bytes.toString('utf8').slice(0, -1).split('\n'));
}

/** All lines by "partition/offset/line", checking on the way that offsets have no gap and times do not fall. */
async function readAll(log: EventLog, limits = BIG): Promise<Map<string, Line>> {
  const all = new Map<string, Line>();
  for (const { partition, start, end } of log.partitions()) {
    let offset = start;
    let lastMs = 0;
    while (offset < end) {
      const batches = await log.read(partition, offset, limits);
      assert.ok(batches.length > 0, `nothing at ${offset} of ${end}`);
      for (const batch of batches) {
        assert.equal(batch.partition, partition);
        assert.equal(batch.firstOffset, offset);
        assert.ok(batch.receivedAtMs >= lastMs);
        lastMs = batch.receivedAtMs;
        const texts = linesOf([batch]);
        assert.equal(texts.length, batch.lines);
        const { source, receivedAtMs } = batch;
        for (const [index, text] of texts.entries()) {
          const at = batch.sharesOffset ? offset : offset + index;
          const line = batch.sharesOffset ? index : 0;
          all.set(`${partition}/${at}/${line}`, { partition, offset: at, text, source, receivedAtMs });
        }
        assert.equal(batch.nextOffset, offset + (batch.sharesOffset ? 1 : batch.lines));
        offset = batch.nextOffset;
      }
    }
  }
  return all;
}
