import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from './failure.ts';
import { fetchGoProgram } from './go.ts';
import type { Server, ServerSetup, Setup } from './server.ts';
import { INFLUXDB } from './versions.ts';

const TITLE = `InfluxDB ${INFLUXDB}`;
const USER = 'tillstream';
const DATABASE = 'tillstream';
/** The retention policy that every database gets by itself: for ever. */
const POLICY = 'autogen';
/** InfluxDB 1.8 ignores the organisation; clients of the v2 API want one. */
const ORG = 'tillstream';
const ANSWER_MS_MAX = 10_000;
const FURNISH_MS_MAX = 15_000;
const LOOK_MS = 250;

/** InfluxDB 1.8 with Flux and users: its v2 endpoints take "user:password" as token and "database/policy" as bucket. */
export const influxdb: Server<'influxdb'> = {
  title: TITLE,
  readyMsMax: 60_000,
  portNames: () => ['http', 'rpc'],
  newSecrets: () => ({ password: randomBytes(24).toString('hex') }),
  fetchedBy: 'go',
  fetch: async (say) => ({
    influxd: await fetchGoProgram(
      'influxd',
      TITLE,
      'github.com/influxdata/influxdb/cmd/influxd',
      INFLUXDB,
      say,
    ),
  }),
  prepare: (setup) => writeFile(configFile(setup), config(setup)),
  processes: (setup, { influxd }) => [
    {
      name: 'influxd',
      command: influxd!,
      args: ['-config', configFile(setup)],
      cwd: setup.dir,
      log: join(setup.dir, 'influxd.log'),
      ports: Object.values(setup.ports),
    },
  ],

  async look(setup) {
    const answer = await fetch(`${url(setup)}/health`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return answer.ok ? null : 'its health to be good';
  },

  async furnish(setup) {
    // Just after its start it may refuse what it takes a moment later, although it says that its health is good.
    const deadline = Date.now() + FURNISH_MS_MAX;
    for (;;) {
      // The first user is made without a login; as soon as there is one, every request needs it.
      const { password } = setup.secrets;
      if (!(await query(setup, 'SHOW DATABASES', true)).ok)
        await query(setup, `CREATE USER "${USER}" WITH PASSWORD '${password}' WITH ALL PRIVILEGES`, false);
      const made = await query(setup, `CREATE DATABASE "${DATABASE}"`, true);
      if (made.ok) return;
      if (made.status === 401 || Date.now() > deadline)
        throw new ServiceError(
          `${TITLE} at ${url(setup)} does not make its database: status ${made.status}. ` +
            'Its data are perhaps of another user: "services down influxdb --remove-data" begins from scratch.',
        );
      await sleep(LOOK_MS);
    }
  },

  address: url,
  connection: (setup) => ({
    url: url(setup),
    token: `${USER}:${setup.secrets.password}`,
    org: ORG,
    bucket: `${DATABASE}/${POLICY}`,
  }),
};

const configFile = ({ dir }: ServerSetup) => join(dir, 'influxdb.conf');

function url({ ports }: Setup): string {
  return `http://127.0.0.1:${ports.http}`;
}

/** A statement of InfluxQL. In the body, as an address may be logged. */
function query(setup: ServerSetup, q: string, withLogin: boolean): Promise<Response> {
  const login = Buffer.from(`${USER}:${setup.secrets.password}`).toString('base64');
  return fetch(`${url(setup)}/query`, {
    method: 'POST',
    headers: withLogin ? { authorization: `Basic ${login}` } : {},
    body: new URLSearchParams({ q }),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
}

function config({ dir, ports }: ServerSetup): string {
  const folder = (name: string) => JSON.stringify(join(dir, name));
  return `reporting-disabled = true
bind-address = "127.0.0.1:${ports.rpc}"

[meta]
  dir = ${folder('meta')}

[data]
  dir = ${folder('data')}
  wal-dir = ${folder('wal')}
  index-version = "tsi1"
  query-log-enabled = false

[monitor]
  store-enabled = false

[http]
  bind-address = "127.0.0.1:${ports.http}"
  auth-enabled = true
  flux-enabled = true
  log-enabled = false
`;
}
