import { UsageError } from '../../telemetry/errors.ts';
import { type InfluxConfig, influxConfigSchema } from './config.ts';

const VARIABLES = {
  token: 'TILLSTREAM_INFLUX_TOKEN',
  org: 'TILLSTREAM_INFLUX_ORG',
  bucket: 'TILLSTREAM_INFLUX_BUCKET',
  url: 'TILLSTREAM_INFLUX_URL',
} as const;

/** The InfluxDB that variables of the environment name; null where they name none. Throws UsageError. */
export function influxOfEnvironment(env: Readonly<Record<string, string | undefined>>): InfluxConfig | null {
  const given = Object.entries(VARIABLES).flatMap(([name, variable]) =>
    env[variable] ? [[name, env[variable]] as const] : [],
  );
  if (given.length === 0) return null;
  const settings = Object.fromEntries(given);
  for (const [name, variable] of Object.entries(VARIABLES)) {
    if (name !== 'url' && !settings[name])
      throw new UsageError(`${variable} is not set; an InfluxDB needs its token, org and bucket.`);
  }
  const result = influxConfigSchema.safeParse(settings);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const variable = VARIABLES[path[0] as keyof typeof VARIABLES];
  throw new UsageError(`${variable ?? 'TILLSTREAM_INFLUX_*'}: ${message}.`);
}
