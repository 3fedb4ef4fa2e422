import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchGoProgram } from './go.ts';
import type { Server, ServerSetup, Setup } from './server.ts';
import { VERSITYGW } from './versions.ts';

const TITLE = `S3 (versitygw ${VERSITYGW})`;
const BUCKET = 'tillstream';
const ACCESS_KEY_ID = 'tillstream';
const LOOK_MS_MAX = 5000;

/** S3 over a folder of files. */
export const s3: Server<'s3'> = {
  title: TITLE,
  readyMsMax: 60_000,
  portNames: () => ['http'],
  newSecrets: () => ({ secret_access_key: randomBytes(24).toString('hex') }),
  fetchedBy: 'go',
  fetch: async (say) => ({
    versitygw: await fetchGoProgram(
      'versitygw',
      TITLE,
      'github.com/versity/versitygw/cmd/versitygw',
      VERSITYGW,
      say,
    ),
  }),
  /** The gateway takes a folder below its root for a bucket of the root user. */
  prepare: async (setup) => {
    await mkdir(join(rootDir(setup), BUCKET), { recursive: true });
  },
  processes: (setup, { versitygw }) => [
    {
      name: 'versitygw',
      command: versitygw!,
      args: ['--port', `127.0.0.1:${setup.ports.http}`, 'posix', rootDir(setup)],
      env: { ROOT_ACCESS_KEY: ACCESS_KEY_ID, ROOT_SECRET_KEY: setup.secrets.secret_access_key! },
      cwd: setup.dir,
      log: join(setup.dir, 'versitygw.log'),
      ports: Object.values(setup.ports),
    },
  ],

  async look(setup) {
    // Any answer will do; without a signature it is 403.
    await fetch(`${endpoint(setup)}/${BUCKET}`, { signal: AbortSignal.timeout(LOOK_MS_MAX) });
    return null;
  },

  address: endpoint,
  connection: (setup) => ({
    endpoint: endpoint(setup),
    bucket: BUCKET,
    access_key_id: ACCESS_KEY_ID,
    secret_access_key: setup.secrets.secret_access_key!,
  }),
};

const rootDir = ({ dir }: ServerSetup) => join(dir, 'files');

function endpoint({ ports }: Setup): string {
  return `http://127.0.0.1:${ports.http}`;
}
