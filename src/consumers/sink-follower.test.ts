import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangedRow, ChangeFeed, Changes, ChangesPage } from '../metrics/metrics-store.ts';
import { type MetricsSink, SinkError } from '../sinks/sink.ts';
import type { StateFile } from '../system/state-file.ts';
import { SinkFollower } from './sink-follower.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A metric of one window a minute, each with the version of its last change as its value. */
class FakeStore implements ChangeFeed {
  id = 'store 1';
  readonly windows = new Map<number, number>();
  #version = 0;
  pages = 0;

  change(...minutes: number[]): void {
    this.#version++;
    for (const minute of minutes) this.windows.set(minute, this.#version);
  }

  /** As an older copy of the state would. */
  goBack(version: number): void {
    this.#version = version;
  }

  version(): number {
    return this.#version;
  }

  async changes(version: number, _m: unknown, _w: unknown, page?: ChangesPage): Promise<Changes> {
    this.pages++;
    const now = page?.after?.version ?? this.#version;
    const changed = [...this.windows]
      .filter(([minute, changedAt]) => changedAt > version && minute > (page?.after?.startMinutes ?? -1))
      .sort(([a], [b]) => a - b);
    const points = changed.slice(0, page?.pointsMax).map(([minute, value]): ChangedRow => {
      return { metric: 'm', window: '1m', row: { start: new Date(minute * 60_000).toISOString(), value } };
    });
    const last = changed[points.length - 1];
    const isCut = points.length < changed.length;
    const next = isCut ? { version: now, metric: 'm', window: '1m' as const, startMinutes: last![0] } : null;
    return { version: now, points, next };
  }
}

class FakeSink implements MetricsSink {
  id = 'sink 1';
  readonly rows = new Map<string, number>();
  writes = 0;
  failure: Error | null = null;
  onWrite = () => {};

  async writeMetrics(points: readonly ChangedRow[]): Promise<void> {
    this.writes++;
    this.onWrite();
    if (this.failure) throw this.failure;
    for (const { row } of points) this.rows.set(row.start, Number(row.value));
  }
}

class FakeFile implements StateFile {
  content: unknown = null;
  async read(): Promise<unknown> {
    return this.content;
  }
  async write(value: object): Promise<void> {
    this.content = structuredClone(value);
  }
}

function rig() {
  const [store, sink, file] = [new FakeStore(), new FakeSink(), new FakeFile()];
  const follower = (pagePointsMax = 10) =>
    new SinkFollower({
      name: 'f',
      store,
      sink,
      file,
      metrics: ['m'],
      logger: silent,
      pagePointsMax,
      lookEveryMs: 5,
    });
  const assertSame = () =>
    assert.deepEqual(
      [...sink.rows].sort(),
      [...store.windows]
        .map(([minute, value]) => [new Date(minute * 60_000).toISOString(), value] as const)
        .sort(),
    );
  /** Starts a follower, lets it catch up, stops it. */
  const followOnce = async (pagePointsMax?: number) => {
    const one = follower(pagePointsMax);
    await one.start();
    await one.stop(5000);
  };
  return { store, sink, file, follower, followOnce, assertSame };
}

const minutes = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe('A follower', () => {
  it('takes one huge version in pages, then only changes', async () => {
    const { store, sink, followOnce, assertSame } = rig();
    store.change(...minutes(95));
    await followOnce();
    assert.equal(sink.writes, 10);
    assertSame();
    await followOnce();
    assert.equal(sink.writes, 10, 'nothing is new');
    store.change(3, 100);
    await followOnce();
    assert.equal(sink.writes, 11);
    assertSame();
  });

  it('resumes in the middle of a walk after a stop without missing a change', async () => {
    const { store, sink, follower, followOnce, assertSame } = rig();
    store.change(...minutes(60));
    const first = follower();
    sink.onWrite = () => {
      if (sink.writes === 3) store.change(1, 2, 55, 70);
      if (sink.writes === 4) sink.failure = new SinkError('away');
    };
    await first.start();
    while (first.status().state === 'ready') await sleep(1);
    await first.stop(1000);
    assert.equal(sink.rows.size, 30);
    sink.failure = null;
    sink.onWrite = () => {};
    sink.writes = 0;
    await followOnce();
    assert.ok(sink.writes <= 5, 'what it has is not written again');
    assertSame();
  });

  it('starts over if its file is missing, damaged, or belongs to another sink or store', async () => {
    const { store, sink, file, followOnce, assertSame } = rig();
    store.change(...minutes(20));
    await followOnce();
    const good = file.content as object;
    const others = [
      null,
      'text',
      {},
      { ...good, version: 'x' },
      { ...good, cursor: {} },
      { ...good, sink: 'sink 2' },
    ];
    for (const content of [...others, { ...good, store: 'store 2' }]) {
      file.content = content;
      sink.rows.clear();
      await followOnce();
      assertSame();
    }
  });

  it('starts over if the store was recreated or restored, even while running', async () => {
    const { store, sink, follower, assertSame } = rig();
    store.change(...minutes(20));
    store.change(1);
    const running = follower();
    await running.start();
    const caughtUp = async () => {
      await sleep(20);
      while (running.behindSeconds() > 0) await sleep(1);
    };
    await caughtUp();
    for (const spoil of [() => (store.id = 'store 2'), () => store.goBack(1)]) {
      spoil();
      sink.rows.clear();
      await caughtUp();
      assert.equal(sink.rows.size, 20);
    }
    assertSame();
    await running.stop(1000);
  });

  it('waits as long as the other side asks, reports the reason and retries', async () => {
    const { store, sink, follower, assertSame } = rig();
    store.change(1);
    sink.failure = new SinkError('busy, ask later', 300);
    const running = follower();
    await running.start();
    await sleep(150);
    assert.deepEqual(running.status(), { state: 'waiting', message: 'busy, ask later' });
    assert.equal(sink.writes, 1);
    assert.ok(running.behindSeconds() > 0);
    sink.failure = null;
    while (running.behindSeconds() > 0) await sleep(5);
    assert.deepEqual(running.status(), { state: 'ready', message: '' });
    assertSame();
    await running.stop(0);
  });
});
