import { createAPI, type Reader, Writer } from '@platformatic/kafka';

export interface ProduceRequest {
  topic: string;
  /** The broker gives up waiting for its replicas after this long. */
  timeoutMs: number;
  partitions: readonly { partition: number; batch: Buffer }[];
}

export interface ProducedPartition {
  partition: number;
  errorCode: number;
  baseOffset: number;
  /** When the broker took the batch, ms; -1 where the topic keeps the times of the writers. */
  appendedAtMs: number;
  errorMessage: string | null;
}

const ALL_REPLICAS = -1;

/**
 * Produce, version 8 (Kafka 2.4 and later), with batches that are encoded already: a retry sends the same bytes, so that
 * the broker knows them by their sequence number.
 */
export const produceApi = createAPI<[ProduceRequest], ProducedPartition[]>(
  0,
  8,
  createRequest,
  parseResponse,
  false,
  false,
);

function createRequest({ topic, timeoutMs, partitions }: ProduceRequest): Writer {
  return Writer.create()
    .appendString(null, false)
    .appendInt16(ALL_REPLICAS)
    .appendInt32(timeoutMs)
    .appendArray(
      [topic],
      (w, name) => {
        w.appendString(name, false).appendArray(
          [...partitions],
          (each, { partition, batch }) => {
            each.appendInt32(partition).appendInt32(batch.length).append(batch);
          },
          false,
          false,
        );
      },
      false,
      false,
    );
}

function parseResponse(_correlation: number, _key: number, _version: number, r: Reader): ProducedPartition[] {
  const result: ProducedPartition[] = [];
  for (let topics = r.readInt32(); topics > 0; topics--) {
    r.readString(false);
    for (let partitions = r.readInt32(); partitions > 0; partitions--) {
      const partition = r.readInt32();
      const errorCode = r.readInt16();
      const baseOffset = Number(r.readInt64());
      const appendedAtMs = Number(r.readInt64());
      r.readInt64();
      for (let errors = r.readInt32(); errors > 0; errors--) {
        r.readInt32();
        r.readNullableString(false);
      }
      const errorMessage = r.readNullableString(false);
      result.push({ partition, errorCode, baseOffset, appendedAtMs, errorMessage });
    }
  }
  return result;
}
