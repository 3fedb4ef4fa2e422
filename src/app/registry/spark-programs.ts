import { cachedPySpark, fetchPySpark } from '../../../tools/dev-services/spark.ts';
import { sparkEngine } from '../../metrics/spark/index.ts';

/** The engine on Spark, whose Python is fetched where this machine has none. */
export const sparkWithPrograms = sparkEngine({
  cached: async () => (await cachedPySpark())?.python,
  fetch: async (say) => (await fetchPySpark(say)).python,
});
