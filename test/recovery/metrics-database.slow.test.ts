/** The metrics database fails once, or is damaged: it is opened again, and goes on by itself with the same numbers. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalArchive } from '../../src/archive/storage/local/local-archive.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { sumCounts } from '../../src/log/offset.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { duckDbConfig } from '../../src/metrics/duckdb/config.ts';
import { type DuckDb, type DuckDbOptions, openDuckDb } from '../../src/metrics/duckdb/open-duckdb.ts';
import { batchOf } from '../support/decode-lines.ts';
import { externalLines } from '../support/external-lines.ts';
import { temporaryDir } from '../support/product.ts';
import { randomFrom, testSeed } from '../support/seed.ts';

const HOUR_MS = 3_600_000;

/** What is done to the next statement that matches. */
interface Fault {
  sql: RegExp;
  message: string;
  /** Whether the statement does its work before it fails. */
  isDone?: boolean;
  times?: number;
}

/** Log, archive and metrics in a folder, where statements can be let fail. */
class Rig {
  readonly dir = temporaryDir();
  readonly log = openMemoryLog({ now: () => this.nowMs });
  readonly #ingestor = new Ingestor({
    log: this.log,
    settings: { time_zone: 'UTC' },
    lineBytesMax: 65_536,
    now: () => this.nowMs,
  });
  nowMs = Date.UTC(2026, 5, 2, 12);
  duckdb!: DuckDb;
  archive!: Awaited<ReturnType<typeof openLocalArchive>>;
  fault: Fault | null = null;
  readonly lost: string[] = [];

  static async open(): Promise<Rig> {
    const rig = new Rig();
    await rig.start();
    return rig;
  }

  get file(): string {
    return join(this.dir, 'metrics', 'metrics.duckdb');
  }

  async start(options: Partial<DuckDbOptions> = {}): Promise<void> {
    const archiveDir = join(this.dir, 'archive');
    const now = () => this.nowMs;
    this.duckdb = await openDuckDb({
      dir: join(this.dir, 'metrics'),
      archiveDirs: [archiveDir],
      catalogue: CATALOGUE,
      timeZone: 'UTC',
      validateExternal: externalLines(),
      logId: this.log.id,
      config: duckDbConfig.parse({ threads: 2 }),
      now,
      intercept: (sql, run) => this.#intercept(sql, run),
      onStateLost: (message) => this.lost.push(message),
      ...options,
    });
    this.archive = await openLocalArchive(archiveDir, {
      parquet: this.duckdb.parquet,
      logId: this.log.id,
      now,
    });
    await this.duckdb.engine.restore(this.archive);
  }

  async #intercept<T>(sql: string, run: () => Promise<T>): Promise<T> {
    const { fault } = this;
    if (!fault?.sql.test(sql)) return run();
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) this.fault = null;
    if (fault.isDone) await run();
    throw new Error(fault.message);
  }

  async receive(count: number): Promise<void> {
    const lines = Array.from({ length: count }, (_, n) => {
      const id = this.log.partitions()[0]!.end + n;
      const timestamp = this.nowMs - (n % 50) * HOUR_MS;
      return `{"timestamp":${timestamp},"event_type":"purchase","event_id":"e${id}","order_id":"o${id}","amount":"10.00","currency":"EUR"}\n`;
    });
    await this.#ingestor.ingest('http', Buffer.from(lines.join('')));
  }

  /** One step of each reader of the log, as far as they are not at its end. */
  async step(readers: readonly ('archive' | 'metrics')[] = ['archive', 'metrics']): Promise<void> {
    for (const reader of readers) {
      const { engine, decoder, deduplicator } = this.duckdb;
      const from = (reader === 'archive' ? this.archive : engine).position(0);
      if (from >= this.log.partitions()[0]!.end) continue;
      const batches = await this.log.read(0, from, { linesMax: 100_000, bytesMax: 1e8 });
      const decoded = await decoder.decode(() => [batches]);
      const batch = batchOf(decoded, from, batches);
      const keepFrom = { 0: Math.min(this.archive.position(0), engine.position(0)) };
      try {
        await deduplicator.decide(batch, this.archive, keepFrom);
        await (reader === 'archive' ? this.archive.append(batch) : engine.apply(batch));
      } finally {
        await decoder.release(decoded).catch(() => {});
      }
    }
  }

  /** What a pipeline does: tries until all is done. Gives the number of steps that failed. */
  async waitUntilIdle(): Promise<number> {
    const { engine } = this.duckdb;
    let failures = 0;
    const end = this.log.partitions()[0]!.end;
    while (engine.position(0) < end || this.archive.position(0) < end || engine.invalidatedWindows() > 0) {
      try {
        if (engine.mustRestore()) await engine.restore(this.archive);
        await this.step();
        await engine.recompute(this.archive);
      } catch (error) {
        assert.ok(++failures < 20, `it does not go on: ${error}`);
      }
    }
    return failures;
  }

  async assertSound(): Promise<void> {
    const end = this.log.partitions()[0]!.end;
    const { engine, store } = this.duckdb;
    assert.equal(sumCounts(engine.ledger().counted), end);
    assert.equal(sumCounts(this.archive.counts().events), end);
    const range = { fromMs: 0, toMs: Date.UTC(2100, 0, 1) };
    const { total } = await store.query({ metric: 'revenue', window: '1d', ...range, total: true });
    assert.equal(total?.[0]?.orders, end);
    assert.equal(Number(total?.[0]?.revenue), 10 * end);
    const { differences } = await engine.rebuild(this.archive, null, true);
    assert.equal(differences, 0);
  }

  close(): Promise<void> {
    return this.duckdb.close();
  }
}

const FATAL = 'FATAL Error: fsync failed!';

for (const [what, fault] of Object.entries({
  'a commit whose fsync fails': { sql: /^COMMIT/, message: FATAL },
  'a commit that is done, but reported as failed': { sql: /^COMMIT/, message: FATAL, isDone: true },
  'three failing commits in a row': { sql: /^COMMIT/, message: FATAL, times: 3 },
  'a failure in the middle of a transaction': { sql: /^UPDATE metrics\.engine/, message: FATAL },
  'a failure while it is decided what is a duplicate': {
    sql: /^INSERT INTO metrics\.identities/,
    message: FATAL,
  },
  'a decision that is stored, but reported as failed': {
    sql: /^INSERT INTO metrics\.identities/,
    message: FATAL,
    isDone: true,
  },
  'a failure while the archive is written': { sql: /^COPY/, message: FATAL },
  'a failure while lines are decoded': {
    sql: /^CREATE OR REPLACE TABLE memory\.batch/,
    message: FATAL,
    times: 2,
  },
} satisfies Record<string, Fault>)) {
  test(`${what}: the database is opened again, and each line is counted once`, async () => {
    const rig = await Rig.open();
    try {
      await rig.receive(60);
      await rig.waitUntilIdle();
      await rig.receive(60);
      rig.fault = fault;
      assert.ok((await rig.waitUntilIdle()) > 0);
      await rig.receive(60);
      assert.equal(await rig.waitUntilIdle(), 0);
      await rig.assertSound();
      assert.deepEqual(rig.lost, []);
    } finally {
      await rig.close();
    }
    await rig.start();
    await rig.assertSound();
    await rig.close();
  });
}

test('the archive continues while no commit of the metrics works, and all is closed at the end', async () => {
  const rig = await Rig.open();
  await rig.receive(60);
  await rig.waitUntilIdle();
  await rig.receive(60);
  rig.fault = { sql: /^COMMIT|^CHECKPOINT/, message: FATAL, times: 1000 };
  await assert.rejects(
    rig.step(['metrics']),
    /DuckDB failed and is opened again: FATAL Error: fsync failed!/,
  );
  await rig.step(['archive']);
  assert.equal(rig.archive.position(0), 120);
  await assert.rejects(rig.step(['metrics']), /fsync failed/);
  await assert.rejects(rig.close(), /fsync failed/);
  rig.fault = null;
  await rig.start();
  await rig.waitUntilIdle();
  await rig.assertSound();
  await rig.close();
});

test('what can fail after the rows of a batch were written is part of its transaction', async () => {
  const rig = await Rig.open();
  try {
    await rig.receive(60);
    await rig.waitUntilIdle();
    for (const sql of [
      /SELECT DISTINCT win, start FROM metrics\.dirty/,
      /bool_or/,
      /^UPDATE metrics\.engine/,
    ]) {
      await rig.receive(60);
      rig.fault = { sql, message: 'IO Error: something failed once' };
      await assert.rejects(rig.step(), /failed once/);
      assert.equal(rig.fault, null);
      await rig.waitUntilIdle();
      await rig.assertSound();
    }
  } finally {
    await rig.close();
  }
});

/** Where the first block of data is; before it are the headers. */
const DATA_AT = 3 * 4096;

async function damaged(rig: Rig, at: number): Promise<void> {
  const bytes = readFileSync(rig.file);
  for (let n = 0; n < 4; n++) bytes[at + n]! ^= 0x5a;
  writeFileSync(rig.file, bytes);
}

test('bytes flipped anywhere in the metrics file are found at the start, and it is filled again from the archive', async () => {
  const random = randomFrom(testSeed('metrics-database'));
  const rig = await Rig.open();
  await rig.receive(2000);
  await rig.waitUntilIdle();
  await rig.close();
  let found = 0;
  for (let n = 0; n < 12; n++) {
    const size = readFileSync(rig.file).length;
    const at = n === 0 ? 4100 : DATA_AT + Math.floor(random() * (size - DATA_AT - 4));
    await damaged(rig, at);
    await rig.start();
    if (rig.duckdb.message) found++;
    await rig.waitUntilIdle();
    await rig.assertSound();
    await rig.close();
  }
  // Some bytes belong to nothing.
  assert.ok(found > 0);
});

test('damage that is found while it runs is reported, and the metrics are filled again from the archive', async () => {
  const rig = await Rig.open();
  try {
    await rig.receive(500);
    await rig.waitUntilIdle();
    const range = { fromMs: 0, toMs: Date.UTC(2100, 0, 1) };
    // The file is as DuckDB finds it after the error: flipped where its data are.
    await rig.duckdb.close();
    await rig.start();
    await damaged(rig, DATA_AT + 100);
    rig.fault = {
      sql: /p_revenue|points_revenue|revenue/,
      message: 'IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2',
    };
    await assert.rejects(rig.duckdb.store.query({ metric: 'revenue', window: '1d', ...range }), /Corrupt/);
    await rig.receive(10);
    await rig.waitUntilIdle();
    await rig.assertSound();
    assert.match(rig.lost.join('\n'), /damaged .*filled again from the archive/);
  } finally {
    await rig.close();
  }
});

for (const reason of [
  'Too many open files',
  'Input/output error',
  'Could not set lock on file',
  'Permission denied',
]) {
  test(`a metrics file that does not open for "${reason}" is not deleted`, async () => {
    const rig = await Rig.open();
    await rig.receive(60);
    await rig.waitUntilIdle();
    await rig.close();
    const intercept = <T>(sql: string, run: () => Promise<T>): Promise<T> =>
      /duckdb_tables/.test(sql) ? Promise.reject(new Error(`IO Error: ${reason}`)) : run();
    const before = readFileSync(rig.file);
    await assert.rejects(rig.start({ intercept }), (error: Error) => {
      assert.ok(error.message.includes(rig.file) && error.message.includes(reason), error.message);
      return true;
    });
    assert.ok(existsSync(rig.file));
    assert.deepEqual(readFileSync(rig.file), before);
    await rig.start();
    assert.equal(rig.duckdb.message, '');
    await rig.assertSound();
    await rig.close();
  });
}
