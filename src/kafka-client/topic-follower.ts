import { Backoff } from '../system/backoff.ts';
import { sleep } from '../system/sleep.ts';
import type { KafkaClient } from './client.ts';
import { asKafkaError, CODE, errorOfCode, type KafkaError, missingTopic } from './errors.ts';
import { type FetchedPartition, fetchApi } from './fetch.ts';

interface TopicFollowerOptions {
  client: KafkaClient;
  /** Offset to go on at; null: this partition not now. */
  position(partition: number): number | null;
  /** Takes what came; the position must have moved when this resolves, unless nothing came. */
  take(fetched: FetchedPartition): Promise<void> | void;
  /** The position is not in the partition (any more): must move it, or reject. */
  outOfRange(partition: number): Promise<void>;
  /** The error that keeps the partition from being read, or null when it was read. */
  onError(partition: number, error: KafkaError | null): void;
  /** Bytes of one answer for each partition, as they are stored. */
  bytesMax: number;
}

/** A broker with nothing new holds the request so long. */
const WAIT_MS = 250;
/** A partition that may not be read now is looked at again after this. */
const PAUSE_MS = 10;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 3000;
/** How often the cluster is asked for who leads, without a reason. */
const REFRESH_MS = 30_000;

/**
 * Reads all partitions of the topic as they grow, with one loop for each broker that leads some. Any error leads to a
 * wait with back-off and to a new look at who leads; nothing but `stop` ends it.
 */
export class TopicFollower {
  private readonly options: TopicFollowerOptions;
  private readonly stopping = new AbortController();
  private readonly loops = new Map<number, Promise<void>>();
  private supervising: Promise<void> = Promise.resolve();
  private turn = 0;

  constructor(options: TopicFollowerOptions) {
    this.options = options;
  }

  start(): void {
    this.startLoops();
    this.supervising = this.supervise();
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.supervising, ...this.loops.values()]);
  }

  private async supervise(): Promise<void> {
    const { client } = this.options;
    let refreshedMs = Date.now();
    while (await this.pause(500)) {
      this.startLoops();
      const { partitions } = client.known!;
      const isLeaderless = partitions.some(({ leader }) => leader < 0);
      if (!isLeaderless && Date.now() - refreshedMs < REFRESH_MS) continue;
      refreshedMs = Date.now();
      await this.lookAgain(partitions.filter(({ leader }) => leader < 0).map(({ partition }) => partition));
    }
  }

  /** Asks who leads; what goes wrong is the error of the partitions. */
  private async lookAgain(partitions: readonly number[]): Promise<void> {
    const { client, onError } = this.options;
    try {
      const topic = await client.refresh();
      if (topic === null) throw missingTopic(client.topic);
      this.startLoops();
    } catch (error) {
      for (const partition of partitions) onError(partition, asKafkaError(error, `topic ${client.topic}`));
    }
  }

  private startLoops(): void {
    if (this.stopping.signal.aborted) return;
    for (const { leader } of this.options.client.known!.partitions) {
      if (leader < 0 || this.loops.has(leader)) continue;
      const loop = this.follow(leader).finally(() => this.loops.delete(leader));
      this.loops.set(leader, loop);
    }
  }

  private ledBy(node: number): number[] {
    const led = this.options.client.known!.partitions.filter(({ leader }) => leader === node);
    // The broker fills its answer in this order, so each must be first in its turn.
    const turn = this.turn++ % Math.max(1, led.length);
    return [...led.slice(turn), ...led.slice(0, turn)].map(({ partition }) => partition);
  }

  private async follow(node: number): Promise<void> {
    const { position, onError } = this.options;
    const backoff = new Backoff(BACKOFF_MS_MIN, BACKOFF_MS_MAX);
    for (let led = this.ledBy(node); led.length > 0; led = this.ledBy(node)) {
      const open = led.filter((partition) => position(partition) !== null);
      if (open.length === 0) {
        if (!(await this.pause(PAUSE_MS))) return;
        continue;
      }
      let isWell = false;
      try {
        isWell = await this.fetch(node, open);
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        for (const partition of open)
          onError(partition, asKafkaError(error, `topic ${this.options.client.topic}`));
      }
      if (this.stopping.signal.aborted) return;
      if (isWell) {
        backoff.reset();
        continue;
      }
      if (!(await this.pause(backoff.next()))) return;
      await this.lookAgain(open);
    }
  }

  /** False when a partition could not be read, perhaps as another broker leads it now. */
  private async fetch(node: number, open: readonly number[]): Promise<boolean> {
    const { client, position, take, outOfRange, onError, bytesMax } = this.options;
    const partitions = open.map((partition) => ({
      partition,
      leaderEpoch: client.leaderOf(partition)?.leaderEpoch ?? -1,
      from: position(partition)!,
      bytesMax,
    }));
    const request = { topic: client.topic, waitMs: WAIT_MS, bytesMax: bytesMax * open.length, partitions };
    const answers = await client.call('follow', node, fetchApi, request);
    let isWell = true;
    for (const fetched of answers) {
      const { partition, errorCode } = fetched;
      try {
        if (errorCode === CODE.OFFSET_OUT_OF_RANGE) await outOfRange(partition);
        else if (errorCode === 0) await take(fetched);
        else throw errorOfCode(errorCode, `partition ${partition} of ${client.topic}`);
        onError(partition, null);
      } catch (error) {
        isWell = false;
        onError(partition, asKafkaError(error, `partition ${partition} of ${client.topic}`));
      }
    }
    return isWell;
  }

  /** False when stopped. */
  private async pause(ms: number): Promise<boolean> {
    const { signal } = this.stopping;
    await sleep(ms, signal);
    return !signal.aborted;
  }
}
