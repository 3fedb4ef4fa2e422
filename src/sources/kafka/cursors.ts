import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { writeFileDurable } from '../../system/write-durable.ts';
import { readStateFile } from '../state.ts';

const stateSchema = z.object({
  topic: z.string(),
  topic_id: z.string(),
  next: z.record(z.string().regex(/^\d+$/), z.int().min(0)),
});

/** The offset of the next record of each partition, on disk. It belongs to the topic, whichever brokers lead to it. */
export class Cursors {
  private readonly topic: string;
  private readonly path: string;
  private topicId = '';
  private next = new Map<number, number>();
  private readonly oneByOne = pLimit(1);

  constructor(stateDir: string, topic: string, name: string) {
    this.topic = topic;
    const identity = createHash('sha256').update(`${name}\n${topic}`).digest('hex').slice(0, 16);
    this.path = join(stateDir, `kafka-${identity}.json`);
  }

  /** True when there were cursors, but of a topic of this name that is gone: those are dropped. */
  async load(topicId: string): Promise<boolean> {
    const stored = await readStateFile(this.path);
    const state = stored === null ? null : stateSchema.parse(stored);
    const isOther = state !== null && state.topic_id !== topicId;
    this.topicId = topicId;
    this.next = new Map(
      isOther ? [] : Object.entries(state?.next ?? {}).map(([partition, next]) => [Number(partition), next]),
    );
    return isOther;
  }

  /** Whether a partition of this topic was ever given a cursor. */
  get isNew(): boolean {
    return this.next.size === 0;
  }

  get(partition: number): number | undefined {
    return this.next.get(partition);
  }

  /** For ids of records that have none: it names the topic, the partition and the position there. */
  idPrefix(partition: number): string {
    const identity = `${this.topicId}\n${partition}\n${this.next.get(partition)}`;
    return createHash('sha256').update(identity).digest('hex').slice(0, 16);
  }

  /** Resolves when it is on disk. */
  async move(partition: number, next: number): Promise<void> {
    this.next.set(partition, next);
    // Partitions move at the same time; each save has what the ones before it have.
    await this.oneByOne(() => {
      const state = { topic: this.topic, topic_id: this.topicId, next: Object.fromEntries(this.next) };
      return writeFileDurable(this.path, JSON.stringify(state));
    });
  }
}
