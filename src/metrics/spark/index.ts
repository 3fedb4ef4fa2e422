import type { EngineKind } from '../engine-kind.ts';
import { sparkConfigSchema, unusedSettings } from './config.ts';
import type { SparkPrograms } from './programs.ts';

/** The engine on a cluster of Spark; `programs` has its Python where this machine has none. */
export function sparkEngine(programs: SparkPrograms): EngineKind<typeof sparkConfigSchema> {
  return {
    schema: sparkConfigSchema,
    async open({ python, ...config }, { archive, dir, logger }) {
      if (python === undefined) throw new Error('the programs of the engine are not resolved');
      const { Spark } = await import('./spark.ts');
      return Spark.open({ config: { ...config, python }, archive, dir, logger });
    },
    prepare: async (config, say) => (await import('./programs.ts')).withPrograms(config, programs, say),
    async check(config, archive) {
      const { placesOf } = await import('./driver-session.ts');
      placesOf(config, archive);
      const ready = await (await import('./programs.ts')).foundPrograms(config, programs);
      if (ready === null)
        return 'the Python with pyspark is not on this machine; a start fetches it (500 MB)';
      return (await import('./check.ts')).checkSpark(ready);
    },
    decisive: ({ master, python = '', hadoop_conf_dir = '', archive_url = '' }) => ({
      ...{ master, python, hadoop_conf_dir, archive_url },
    }),
    warnings: unusedSettings,
  };
}
