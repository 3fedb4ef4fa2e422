import type { ValidateExternal } from '../../src/decode/batch.ts';
import { Ingestor } from '../../src/ingest/ingestor.ts';
import { openMemoryLog } from '../../src/log/memory/log.ts';
import { testNow } from './clock.ts';

/** Validates lines that came past ingest, as the product does, where a test or a benchmark opens DuckDB alone. */
export function externalLines(timeZone = 'UTC'): ValidateExternal {
  const ingestor = new Ingestor({
    log: openMemoryLog({ now: testNow }),
    settings: { time_zone: timeZone },
    lineBytesMax: 1024 * 1024,
    now: testNow,
  });
  return (batch) => ingestor.validateExternal(batch);
}
