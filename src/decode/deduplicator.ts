import type { Positions } from '../log/offset.ts';
import type { ArchiveReader } from '../metrics/engine.ts';
import type { TypedBatch } from './batch.ts';

/**
 * Decides, once for archive and metrics, which rows are duplicates and which begin an order, by the rule of
 * src/decode/identity.ts.
 *
 * - `decide` sets `duplicate` and `new_order` in the batch's relation. What it has decided is durable when it resolves, and
 *   stays: rows that come once more, to a consumer that is behind or after a kill, get what was decided the first time.
 * - What the archive has of the partitions of `keepFrom` and of the batch, and this deduplicator does not know (its state was lost, or
 *   another process wrote it), it takes from there, with the decisions that stand there.
 * - `keepFrom`: before it, no consumer takes lines any more.
 * - Calls may overlap; they run one after the other. When one rejects, the batch must not be used.
 */
export interface Deduplicator {
  decide(batch: TypedBatch, archive: ArchiveReader, keepFrom: Positions): Promise<void>;
}
