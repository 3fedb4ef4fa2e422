import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchOnce, inCache, type Say } from './cache.ts';
import { ServiceError } from './failure.ts';
import type { ProcessSpec } from './processes.ts';
import { findJava, findProgram, javaHome, lastLines, run } from './programs.ts';
import type { Server, Setup } from './server.ts';
import { PYTHON_OLDEST, SPARK } from './versions.ts';

const TITLE = `Spark ${SPARK}`;
const LOOK_MS_MAX = 5000;
/** What the worker may give to executors. */
const CORES = 2;
const MEMORY = '3g';

/** A standalone cluster: a master and a worker, of the Spark that the Python package brings. */
export const spark: Server<'spark'> = {
  title: TITLE,
  readyMsMax: 180_000,
  portNames: () => ['master', 'master-ui', 'worker', 'worker-ui'],
  newSecrets: () => ({}),

  fetchedBy: 'pip',
  async fetch(say) {
    const java = await findJava(TITLE);
    const { python, home } = await fetchPySpark(say);
    return { java, python, home };
  },

  prepare: async (setup) => {
    for (const folder of ['tmp', 'work']) await mkdir(join(setup.dir, folder), { recursive: true });
  },

  processes(setup, { java, home, python }): ProcessSpec[] {
    const process = (name: string, args: string[]): ProcessSpec => ({
      name,
      command: join(home!, 'bin', 'spark-class'),
      args,
      env: {
        SPARK_HOME: home!,
        ...javaHome(java!),
        SPARK_LOCAL_IP: '127.0.0.1',
        SPARK_LOCAL_DIRS: join(setup.dir, 'tmp'),
        SPARK_DAEMON_MEMORY: '384m',
        // A port for submissions, which nobody here uses, is not opened.
        SPARK_MASTER_OPTS: '-Dspark.master.rest.enabled=false',
        PYSPARK_PYTHON: python!,
      },
      cwd: setup.dir,
      log: join(setup.dir, `${name}.log`),
      ports: [setup.ports[name]!, setup.ports[`${name}-ui`]!],
    });
    const at = (name: string) => ['--host', '127.0.0.1', '--port', String(setup.ports[name])];
    const ui = (name: string) => ['--webui-port', String(setup.ports[`${name}-ui`])];
    const room = ['--cores', String(CORES), '--memory', MEMORY, '--work-dir', join(setup.dir, 'work')];
    return [
      process('master', ['org.apache.spark.deploy.master.Master', ...at('master'), ...ui('master')]),
      process('worker', [
        'org.apache.spark.deploy.worker.Worker',
        ...at('worker'),
        ...ui('worker'),
        ...room,
        master(setup),
      ]),
    ];
  },

  async look({ ports }) {
    const answer = await fetch(`http://127.0.0.1:${ports['master-ui']}/json/`, {
      signal: AbortSignal.timeout(LOOK_MS_MAX),
    });
    const { status, aliveworkers } = (await answer.json()) as { status: string; aliveworkers: number };
    if (status !== 'ALIVE') return `the master, which is ${status}`;
    return aliveworkers > 0 ? null : 'the worker to register';
  },

  address: master,
  connection: (setup) => ({ master: master(setup), python: setup.programs?.python ?? '' }),
};

function master({ ports }: Setup): string {
  return `spark://127.0.0.1:${ports.master}`;
}

/** A Python environment in the cache that has PySpark, which holds all of Spark. */
export async function fetchPySpark(say: Say): Promise<{ python: string; home: string }> {
  const { path, version } = await findPython();
  const folder = await fetchOnce(cacheKey(version), TITLE, say, async (scratch) => {
    const made = await run(path, ['-m', 'venv', scratch], {});
    if (made.code !== 0) {
      throw new ServiceError(
        `${TITLE} needs a Python environment, and ${path} can't make one (Debian: apt-get install python3-venv). ` +
          `It said:\n${lastLines(made.output, 6)}`,
      );
    }
    say(`Installing ${TITLE} (500 MB), which takes some minutes ...`);
    const pip = [
      '-m',
      'pip',
      'install',
      '--disable-pip-version-check',
      '--no-cache-dir',
      `pyspark==${SPARK}`,
    ];
    // The cache is on this disk, and the download has to be unpacked on it too: /tmp may be too small.
    const { code, output } = await run(join(scratch, 'bin', 'python'), pip, { env: { TMPDIR: scratch } });
    if (code !== 0) {
      throw new ServiceError(
        `${TITLE} could not be fetched: pip failed. Check the network and pip's index, then start again. ` +
          `It said:\n${lastLines(output, 12)}`,
      );
    }
  });
  return programsIn(folder, version);
}

/** The same if it was fetched before, else null. */
export async function cachedPySpark(): Promise<{ python: string; home: string } | null> {
  const { version } = await findPython();
  const folder = await inCache(cacheKey(version));
  return folder === null ? null : programsIn(folder, version);
}

const cacheKey = (pythonVersion: string) => `spark-${SPARK}-python${pythonVersion}`;

function programsIn(folder: string, pythonVersion: string): { python: string; home: string } {
  const home = join(folder, 'lib', `python${pythonVersion}`, 'site-packages', 'pyspark');
  return { python: join(folder, 'bin', 'python'), home };
}

async function findPython(): Promise<{ path: string; version: string }> {
  const path = findProgram('python3');
  const oldest = `Python ${PYTHON_OLDEST}`;
  if (!path) {
    throw new ServiceError(
      `${TITLE} needs ${oldest} or newer, and there is no python3 in PATH. ` +
        'Install it (Debian: apt-get install python3 python3-venv), then start again.',
    );
  }
  const { output } = await run(path, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {});
  const version = output.trim();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = PYTHON_OLDEST.split('.').map(Number);
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new ServiceError(
      `${TITLE} needs ${oldest} or newer, and ${path} is ${version}. Put a newer one first in PATH, then start again.`,
    );
  }
  return { path, version };
}
