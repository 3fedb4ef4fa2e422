import { createAPI, FetchIsolationLevels, fetchV11, type Reader, type Writer } from '@platformatic/kafka';

export interface FetchPartition {
  partition: number;
  leaderEpoch: number;
  from: number;
  bytesMax: number;
}

export interface FetchRequest {
  topic: string;
  /** The broker holds the request up to this long where there is nothing to read. */
  waitMs: number;
  bytesMax: number;
  partitions: readonly FetchPartition[];
}

export interface AbortedTransaction {
  producerId: bigint;
  firstOffset: number;
}

export interface FetchedPartition {
  partition: number;
  errorCode: number;
  /** First offset that still exists. */
  logStart: number;
  /** Offsets from here on belong to open transactions, or do not exist yet. */
  lastStable: number;
  /** Where the committed and uncommitted records that all replicas have end. */
  highWater: number;
  /** Transactions of the range that were rolled back; the records hold them all the same. */
  aborted: AbortedTransaction[];
  /** Whole record batches, the last one perhaps cut off; one may begin before the offset asked for. */
  records: Buffer;
}

const EMPTY = Buffer.alloc(0);

/**
 * Fetch, version 11 (Kafka 2.3 and later). The library's answer has an object for every record, and leaks records of
 * aborted transactions where it holds two of a producer, or the marker comes in a later one; this one has the
 * bytes as they are, with all that is needed to leave those out.
 */
export const fetchApi = createAPI<[FetchRequest], FetchedPartition[]>(
  1,
  11,
  createRequest,
  parseResponse,
  false,
  false,
);

function createRequest({ topic, waitMs, bytesMax, partitions }: FetchRequest): Writer {
  const asked = partitions.map(({ partition, leaderEpoch, from, bytesMax: partitionMaxBytes }) => ({
    partition,
    currentLeaderEpoch: leaderEpoch,
    fetchOffset: BigInt(from),
    lastFetchedEpoch: -1,
    partitionMaxBytes,
  }));
  const topics = [{ topicId: topic, partitions: asked }];
  return fetchV11.createRequest(
    waitMs,
    1,
    bytesMax,
    FetchIsolationLevels.READ_COMMITTED,
    0,
    -1,
    topics,
    [],
    '',
  );
}

function parseResponse(_correlation: number, _key: number, _version: number, r: Reader): FetchedPartition[] {
  r.readInt32();
  const errorCode = r.readInt16();
  r.readInt32();
  const result: FetchedPartition[] = [];
  for (let topics = r.readInt32(); topics > 0; topics--) {
    r.readString(false);
    for (let partitions = r.readInt32(); partitions > 0; partitions--)
      result.push(readPartition(r, errorCode));
  }
  return result;
}

function readPartition(r: Reader, errorOfAll: number): FetchedPartition {
  const partition = r.readInt32();
  const errorCode = r.readInt16() || errorOfAll;
  const highWater = Number(r.readInt64());
  const lastStable = Number(r.readInt64());
  const logStart = Number(r.readInt64());
  const aborted: AbortedTransaction[] = [];
  for (let left = r.readInt32(); left > 0; left--) {
    aborted.push({ producerId: r.readInt64(), firstOffset: Number(r.readInt64()) });
  }
  r.readInt32();
  const bytes = r.readInt32();
  const records = bytes > 0 ? r.buffer.slice(r.position, r.position + bytes) : EMPTY;
  if (bytes > 0) r.skip(bytes);
  return { partition, errorCode, logStart, lastStable, highWater, aborted, records };
}
