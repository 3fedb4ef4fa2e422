import type { Ingestor } from '../ingest/ingestor.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LeftOutOrdersFile } from './left-out-orders.ts';
import type { Processing } from './processing.ts';

/**
 * Begins to let ingest know the orders that the archive has, and those that were left out as cancelled, so that what comes after a restart is
 * compared with them. Gives a function that resolves when that has ended.
 */
export function recallSales(
  ingestor: Ingestor,
  processing: Pick<Processing, 'recentSales'>,
  leftOut: LeftOutOrdersFile,
  logger: Logger,
): () => Promise<void> {
  // Those of now come by themselves.
  const before = leftOut.entries();
  const ended = processing
    .recentSales()
    .then(
      (sales) => ingestor.recall(sales),
      (error) =>
        logger.warn(
          { err: error },
          'The orders of the archive could not be read: findings compare orders with those since the start only',
        ),
    )
    .then(() => {
      for (const { source, orders } of before) ingestor.recallLeftOut(source, orders);
    });
  return () => ended;
}
