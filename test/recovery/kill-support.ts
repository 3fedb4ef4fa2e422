import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testNow } from '../support/clock.ts';
import { type Product, spawnUp, startProduct } from '../support/product.ts';
import { readArchive } from '../support/read-archive.ts';
import { randomFrom } from '../support/seed.ts';

/** So that the rows at the end can be compared one by one in reasonable time. */
const SEND_EVERY_MS = 20;
/** A killed product has ended after this time. */
const END_MS_MAX = 5000;

/** A batch that the client sends until it is acknowledged, always with the same lines. */
interface Batch {
  lines: string[];
  attempts: number;
}

/** What the client knows of each line, by its id. */
interface Known {
  /** Times it was sent in a request that may have been stored. */
  attempts: number;
  good: boolean;
}

/**
 * A client as a shop would have it: it sends batches, remembers each 2xx, and sends again what was not acknowledged.
 * It knows at any time which lines must be stored, and how often each may be.
 */
class RememberingClient {
  readonly acknowledged = new Map<string, Known>();
  readonly #random: () => number;
  readonly #sendEveryMs: number;
  #waiting: Batch[] = [];
  #next = 0;
  #unbalanced: string[] = [];
  /** What failed while the product went on running: no kill explains it. */
  #unexplained: string[] = [];
  /** Ledgers that were seen. */
  observed = 0;

  constructor(random: () => number, sendEveryMs: number) {
    this.#random = random;
    this.#sendEveryMs = sendEveryMs;
  }

  /** Sends until the product is gone or `signal` aborts. */
  async run(product: Product, signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#sender(product, signal),
      this.#sender(product, signal),
      this.#watchLedger(product, signal),
    ]);
  }

  /** Sends what was never acknowledged. */
  async finish(product: Product): Promise<void> {
    for (const batch of this.#waiting.splice(0)) assert.ok(await this.#send(product, batch));
    assert.deepEqual(this.#unbalanced, [], 'the ledger did not balance while running');
    assert.deepEqual(this.#unexplained, [], 'requests failed while the product was running');
  }

  async #sender(product: Product, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && product.isRunning()) {
      const batch = this.#waiting.shift() ?? this.#make();
      if (!(await this.#send(product, batch))) {
        this.#waiting.push(batch);
      }
      await sleep(this.#sendEveryMs);
    }
  }

  async #watchLedger(product: Product, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && product.isRunning()) {
      try {
        const ledger = await product.ledger();
        assert.ok(Number.isInteger(ledger.received), `no ledger: ${JSON.stringify(ledger)}`);
        this.observed++;
        if (!ledger.balanced) this.#unbalanced.push(JSON.stringify(ledger));
      } catch (error) {
        await this.#explain(product, 'ledger', error);
      }
      await sleep(20);
    }
  }

  /** A request that fails is explained by the end of the product, which the kill brings at once. */
  async #explain(product: Product, request: string, error: unknown): Promise<void> {
    const isOver = await Promise.race([
      product.exited.then(() => true),
      sleep(END_MS_MAX, false, { ref: false }),
    ]);
    if (!isOver)
      this.#unexplained.push(`${request}: ${String(error)} ${String((error as Error).cause ?? '')}`);
  }

  #make(): Batch {
    const lines = Array.from({ length: 1 + Math.floor(this.#random() * 300) }, (_, index) => {
      const id = `k${this.#next++}-`;
      // A body in which nothing is an event is refused.
      const kind = index === 0 ? 1 : this.#random();
      if (kind < 0.03) return `garbage ${id}`;
      if (kind < 0.05) return `{"timestamp":"someday","event_type":"purchase","event_id":"${id}"}`;
      const time = testNow() - Math.floor(this.#random() ** 4 * 3 * 86_400_000);
      return `{"timestamp":${time},"event_type":"view_product","event_id":"${id}","user_id":"u${Math.floor(this.#random() * 500)}","product_id":"p1","response_time":${Math.floor(this.#random() * 900)},"status_code":200}`;
    });
    return { lines, attempts: 0 };
  }

  async #send(product: Product, batch: Batch): Promise<boolean> {
    batch.attempts++;
    try {
      const { status, json, text } = await product.send(batch.lines.join('\n'));
      if (status === 503) {
        batch.attempts--;
        return false;
      }
      assert.equal(status, 200, text);
      assert.equal(json.accepted + json.rejected, batch.lines.length);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      await this.#explain(product, 'send', error);
      return false;
    }
    for (const line of batch.lines) {
      const id = /k\d+-/.exec(line)![0];
      this.acknowledged.set(id, { attempts: batch.attempts, good: line.includes('view_product') });
    }
    return true;
  }
}

/** Compares the archive, read by other programs, the metrics and the ledger with what the client knows. */
async function judge(product: Product, client: RememberingClient): Promise<string> {
  const ledger = await product.settled();
  assert.ok(ledger.balanced, JSON.stringify(ledger));
  assert.ok(ledger.by_source.http?.balanced, JSON.stringify(ledger));
  assert.equal(ledger.lost, 0);

  const { events, bad_rows } = await readArchive(join(product.dataDir, 'archive'), ['rows']);
  assert.equal(events.rows, ledger.archive.events);
  assert.equal(bad_rows.rows, ledger.archive.bad_rows);
  const rows = [events, bad_rows].flatMap(({ columns, data }) => {
    const at = ['log_partition', 'log_offset', 'log_line'].map((name) => columns.indexOf(name));
    return data.map((row) => {
      const [partition, offset, line] = at.map((index) => Number(row[index])) as [number, number, number];
      return { partition, offset, line };
    });
  });
  assert.equal(rows.length, ledger.received, 'rows in both tables and lines received');
  for (const ofPartition of Map.groupBy(rows, ({ partition }) => partition).values()) {
    let next = { offset: 0, line: 0 };
    for (const { offset, line } of ofPartition.toSorted((a, b) => a.offset - b.offset || a.line - b.line)) {
      // A record of several lines ends where the next one begins.
      const isNext = offset === next.offset ? line === next.line : offset === next.offset + 1 && line === 0;
      assert.ok(isNext, `${offset}.${line} is archived where ${next.offset}.${next.line} should be`);
      next = { offset, line: line + 1 };
    }
  }

  const stored = new Map<string, { good: number; bad: number }>();
  const count = (id: string, kind: 'good' | 'bad') => {
    const counts = stored.get(id) ?? { good: 0, bad: 0 };
    counts[kind]++;
    stored.set(id, counts);
  };
  const idColumn = events.columns.indexOf('event_id');
  for (const row of events.data) count(String(row[idColumn]), 'good');
  const rawColumn = bad_rows.columns.indexOf('raw');
  for (const row of bad_rows.data) count(/k\d+-/.exec(String(row[rawColumn]))![0], 'bad');
  let repeated = 0;
  for (const [id, { attempts, good }] of client.acknowledged) {
    const counts = stored.get(id);
    assert.ok(counts, `line ${id} was acknowledged and is missing`);
    const [rows, wrong] = good ? [counts.good, counts.bad] : [counts.bad, counts.good];
    assert.equal(wrong, 0, `line ${id} is in the wrong table`);
    assert.ok(
      rows >= 1 && rows <= attempts,
      `line ${id} was sent ${attempts} times and is stored ${rows} times`,
    );
    if (good) repeated += rows - 1;
  }
  for (const id of stored.keys())
    assert.ok(client.acknowledged.has(id), `line ${id} is stored but was never sent`);
  assert.equal(
    ledger.metrics.duplicate,
    repeated,
    'duplicates in the metrics are the repeats in the archive',
  );
  assert.equal(ledger.metrics.counted, events.event_ids);
  await compareWithRebuild(product);
  return `${ledger.received} lines, ${client.acknowledged.size} acknowledged, ${repeated} stored again by a retry`;
}

export async function compareWithRebuild(product: Product): Promise<void> {
  const { status, json, text } = await product.request<{ windows: number; differences: number }>(
    'POST',
    '/v1/admin/rebuild?diff=true',
    { timeoutMs: 120_000 },
  );
  assert.equal(status, 200, text);
  assert.equal(json.differences, 0, text);
  assert.ok(json.windows > 0);
}

/** A moment at which to kill: resolves when it has come, or after `msMax` in any case. */
export type Moment = (product: Product, msMax: number) => Promise<unknown>;

/** Resolves at a change of a file below `folder` whose name matches, the `nth` of them. */
function atChange(folder: string, name: RegExp, nth = 1): Moment {
  return async (product, msMax) => {
    const dir = join(product.dataDir, folder);
    await mkdir(dir, { recursive: true });
    await new Promise<void>((resolve) => {
      let left = nth;
      const done = () => {
        clearTimeout(timer);
        watcher.close();
        resolve();
      };
      const timer = setTimeout(done, msMax);
      const watcher = watch(dir, { recursive: true }, (_event, file) => {
        if (file && name.test(file) && --left === 0) done();
      });
      watcher.on('error', () => {});
    });
  };
}

/** Resolves as soon as a merge of small files, asked for here, changes a file whose path matches. */
function atCompaction(folder: string, name: RegExp): Moment {
  return async (product, msMax) => {
    const changed = atChange(folder, name)(product, msMax);
    product.request('POST', '/v1/admin/compact').catch(() => {});
    await changed;
  };
}

export interface KillOptions {
  seed: number;
  kills: number;
  dataDir: string;
  /** The log, where it is not that of files. */
  log?: object;
  /** The engine, where it is not the built-in one. */
  engine?: object;
  /** The product runs for up to so long before the moment of a kill is waited for. */
  aliveMsMax?: number;
  sendEveryMs?: number;
  /** It is ready at the latest so long after its start. */
  readyMsMax?: number;
}

/** Small steps, so that in a short time much happens that a kill can interrupt. */
const CONFIG = {
  batch: { archive_every_ms: 100, metrics_every_ms: 50 },
  log: { segment_bytes_max: 4_000_000 },
};

/** Kills the product at random and at chosen moments under load, judges it after the last start. */
export async function killLoop({
  seed,
  kills,
  dataDir,
  log = CONFIG.log,
  engine = { kind: 'duckdb' },
  aliveMsMax = 300,
  sendEveryMs = SEND_EVERY_MS,
  readyMsMax = 60_000,
}: KillOptions): Promise<string> {
  const random = randomFrom(seed);
  const options = { dataDir, config: { ...CONFIG, log, engine }, readyMsMax };
  const anyNth = () => 1 + Math.floor(random() * 6);
  const moments: [string, () => Moment][] = [
    ['any time', () => (_product, msMax) => sleep(random() * msMax)],
    ['Parquet file published', () => atChange('archive/events', /event_date=.*\.parquet$/, anyNth())],
    ['events committed', () => atChange('archive/events', /_delta_log.*\.json$/, anyNth())],
    ['bad rows committed', () => atChange('archive/bad_rows', /_delta_log.*\.json$/, anyNth())],
    ['Parquet file being written', () => atChange('archive/_staging', /parquet/, anyNth())],
    ['metrics committed', () => atChange('metrics', /\.wal$/, anyNth() * 5)],
    ['metrics checkpointed', () => atChange('metrics', /metrics\.duckdb$/, anyNth())],
    ['merge being written', () => atCompaction('archive/_staging', /parquet/)],
    ['merge published', () => atCompaction('archive/events', /event_date=.*\.parquet$/)],
    ['merge committed', () => atCompaction('archive/events', /_delta_log.*\.json$/)],
    ['segment rolled', () => atChange('log', /\.ndjson$|\.seg/, anyNth())],
  ];
  const client = new RememberingClient(random, sendEveryMs);
  const done: Record<string, number> = {};
  let loads = 0;
  for (let kill = 0; kill < kills; kill++) {
    if (kill < 2 || kill % 7 === 0) {
      // While it starts, and while it fills the metrics from the archive.
      if (kill % 2 === 0) await forgetMetrics(dataDir);
      const { child, exited } = spawnUp(options);
      await sleep(150 + random() * 900);
      child.kill('SIGKILL');
      await exited;
      done['while starting'] = (done['while starting'] ?? 0) + 1;
      continue;
    }
    if (kill % 10 === 3) await forgetMetrics(dataDir);
    const product = await startProduct(options);
    const abort = new AbortController();
    const load = client.run(product, abort.signal);
    loads++;
    const [name, moment] = moments[kill % moments.length]!;
    await sleep(random() * aliveMsMax);
    await moment()(product, 1500);
    await product.kill();
    abort.abort();
    await load;
    done[name] = (done[name] ?? 0) + 1;
  }
  const product = await startProduct(options);
  await client.finish(product);
  assert.ok(client.observed >= loads, `the ledger was seen ${client.observed} times in ${loads} loads`);
  const outcome = await judge(product, client);
  assert.equal(await product.stop(), 0, product.output());
  return `${outcome}; ledgers seen while running: ${client.observed}; kills: ${JSON.stringify(done)}`;
}

async function forgetMetrics(dataDir: string): Promise<void> {
  for (const file of ['metrics.duckdb', 'metrics.duckdb.wal'])
    await rm(join(dataDir, 'metrics', file), { force: true });
}
