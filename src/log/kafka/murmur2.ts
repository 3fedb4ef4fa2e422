const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** The partition of a key, as Java's producer and most others choose it. */
export function partitionOfKey(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** MurmurHash2, 32 bit, as in org.apache.kafka.common.utils.Utils. */
export function murmur2(key: Buffer): number {
  const { length } = key;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24);
    word = Math.imul(word, M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  if (at < length) {
    if (at + 2 < length) hash ^= key[at + 2]! << 16;
    if (at + 1 < length) hash ^= key[at + 1]! << 8;
    hash = Math.imul(hash ^ key[at]!, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}
