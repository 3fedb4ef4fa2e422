import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from './client.ts';
import { asKafkaError, CODE, errorOfCode, KafkaError } from './errors.ts';
import { type FetchedPartition, fetchApi } from './fetch.ts';

const ATTEMPTS = 4;
const WAIT_MS = 100;

/**
 * One fetch from one partition, tried again with who leads it now. An offset that is out of range is an answer as well
 * (`errorCode`). Rejects with the last error when all attempts failed.
 */
export async function fetchOne(
  client: KafkaClient,
  partition: number,
  from: number,
  bytesMax: number,
): Promise<FetchedPartition> {
  const what = `partition ${partition} of ${client.topic}`;
  let error = new KafkaError(`${what} has no leader at the moment`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) {
      await sleep(WAIT_MS * 2 ** (attempt - 1));
      // The attempt itself then says what is wrong.
      await client.refresh().catch(() => null);
    }
    const leader = client.leaderOf(partition);
    if (leader === null) continue;
    try {
      const places = [{ partition, leaderEpoch: leader.leaderEpoch, from, bytesMax }];
      const request = { topic: client.topic, waitMs: 500, bytesMax, partitions: places };
      const [fetched] = await client.call('read', leader.leader, fetchApi, request);
      if (fetched!.errorCode === 0 || fetched!.errorCode === CODE.OFFSET_OUT_OF_RANGE) return fetched!;
      error = errorOfCode(fetched!.errorCode, what);
    } catch (thrown) {
      error = asKafkaError(thrown, what);
    }
  }
  throw error;
}
