import type { Ingestor } from '../ingest/ingestor.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Processing } from './processing.ts';

/**
 * Begins to let ingest know the orders that the archive has, so that what comes after a restart is compared with them. Gives a function that
 * resolves when that has ended.
 */
export function recallSales(
  ingestor: Ingestor,
  processing: Pick<Processing, 'recentSales'>,
  logger: Logger,
): () => Promise<void> {
  const ended = processing.recentSales().then(
    (sales) => ingestor.recall(sales),
    (error) =>
      logger.warn(
        { err: error },
        'The orders of the archive could not be read: findings compare orders with those since the start only',
      ),
  );
  return () => ended;
}
