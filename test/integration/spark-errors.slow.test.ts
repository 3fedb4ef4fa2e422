/**
 * What can be wrong with Spark and around it, on the real thing: status says what, where and what to do, soon and without a stack
 * trace; lines are taken and archived meanwhile. Only the old Java is a script, that says what Java 11 says.
 * It takes minutes: each mistake is one more start of a real driver.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Status } from '../../src/telemetry/status.ts';
import { findProgram } from '../../tools/dev-services/programs.ts';
import { cli, configFile, temporaryDir, until } from '../support/product.ts';
import { sparkPython } from '../support/spark.ts';
import { openSparkRig, type SparkRig } from '../support/spark-rig.ts';

const LINE = '{"timestamp":"2026-11-23T10:15:30Z","event_type":"purchase"}';
/** What is known before Java starts, and after. */
const SOON_MS = 15_000;
const JAVA_MS = 90_000;
/** Programs that Spark's own scripts call. */
const TOOLS = [
  'bash',
  'sh',
  'env',
  'dirname',
  'basename',
  'readlink',
  'cat',
  'ls',
  'sed',
  'grep',
  'uname',
  'ps',
];

describe('Spark: what goes wrong is reported', () => {
  let python: string;
  /** A Python without pyspark. */
  let bare: string;
  let tools: string;

  before(async () => {
    python = await sparkPython();
    const venv = temporaryDir();
    execFileSync(python, ['-m', 'venv', '--without-pip', venv]);
    bare = join(venv, 'bin', 'python');
    tools = temporaryDir();
    for (const tool of TOOLS) {
      const path = findProgram(tool);
      if (path) symlinkSync(path, join(tools, tool));
    }
  });

  const open = (config: object, dir: string) => openSparkRig({ dir, timeZone: 'UTC', config });

  /** Waits for the message; gives the state. */
  const says = async ({ spark }: SparkRig, message: RegExp, msMax: number): Promise<string> => {
    await until(() => message.test(spark.status().message), `${message}`, msMax).catch(() =>
      assert.match(spark.status().message, message),
    );
    const { state, message: text } = spark.status();
    assert.doesNotMatch(text, /\n|Traceback|\bat [a-z]+\./, 'no stack trace');
    return state;
  };

  interface Trouble {
    config?: object;
    env?: Record<string, string | undefined>;
    state: 'failed' | 'waiting';
    message: RegExp;
    msMax?: number;
    dir?: string;
  }

  const assertTold = async (trouble: Trouble): Promise<void> => {
    const { config = {}, env = {}, state, message, msMax = SOON_MS, dir = temporaryDir() } = trouble;
    const usual = { ...process.env };
    for (const [name, value] of Object.entries(env)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    const rig = await open(config, dir);
    try {
      await rig.send([LINE]);
      assert.equal(await says(rig, message, msMax), state);
      const isArchived = () =>
        rig.log.partitions().every(({ partition, end }) => rig.archive.position(partition) >= end);
      await until(isArchived, 'the archive');
    } finally {
      await rig.close();
      for (const name of Object.keys(env)) delete process.env[name];
      Object.assign(process.env, usual);
    }
  };

  const script = (name: string, text: string, mode = 0o755) => {
    const file = join(temporaryDir(), name);
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };

  describe('Python', () => {
    it('is not there', () =>
      assertTold({
        config: { python: '/nowhere/python3' },
        state: 'failed',
        message: /^There is no program \/nowhere\/python3\. Install Python .* engine\.python/,
      }));

    it('is a file that cannot be run', () =>
      assertTold({
        config: { python: script('notes.txt', 'notes\n', 0o644) },
        state: 'failed',
        message: /notes\.txt is not a program that can be run\. Set engine\.python/,
      }));

    it('is another program', () =>
      assertTold({
        config: { python: script('run', '#!/bin/sh\necho no such thing >&2\nexit 3\n') },
        state: 'failed',
        message: /can't run the driver: it ended with code 3 and said "no such thing"\. Set engine\.python/,
      }));

    it('has no pyspark', () =>
      assertTold({
        config: { python: bare },
        state: 'failed',
        message: /has no pyspark\. Install it \(".*python -m pip install pyspark==4\.2\.0"\)/,
      }));

    it('has another pyspark, which is refused before it does anything', async () => {
      const [dir, fake] = [temporaryDir(), temporaryDir()];
      mkdirSync(join(fake, 'pyspark', 'sql'), { recursive: true });
      const modules = {
        '__init__.py': '__version__ = "3.5.1"',
        'sql/__init__.py': 'SparkSession = object',
        'sql/functions.py': 'lit = None',
      };
      for (const [name, text] of Object.entries(modules)) writeFileSync(join(fake, 'pyspark', name), text);
      await assertTold({
        dir,
        config: { python: bare },
        env: { PYTHONPATH: fake },
        state: 'failed',
        message: /^The pyspark of .*python is 3\.5\.1, and the job needs 4\.2\.0\. Install that one/,
      });
      // It would have said that there is no builder.
      assert.equal(readFileSync(join(dir, 'metrics', 'spark', 'driver.log'), 'utf8'), '');
    });
  });

  describe('Java', () => {
    it('is not there', () =>
      assertTold({
        env: { PATH: tools, JAVA_HOME: undefined },
        state: 'failed',
        message: /^Spark found no Java\. Install Java 17/,
      }));

    it('is not where JAVA_HOME says', () =>
      assertTold({
        env: { JAVA_HOME: '/nowhere/java' },
        state: 'failed',
        message: /^JAVA_HOME is \/nowhere\/java, where there is no bin\/java\. Install Java 17/,
      }));

    it('is too old', () => {
      const said =
        'java.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main has been compiled by a more recent version of the Java Runtime (class file version 61.0), this version of the Java Runtime only recognizes class file versions up to 55.0';
      const java = script(
        'java',
        `#!/bin/sh\necho "Error: LinkageError occurred" >&2\necho "\t${said}" >&2\nexit 1\n`,
      );
      return assertTold({
        env: { PATH: `${join(java, '..')}:${tools}`, JAVA_HOME: undefined },
        state: 'failed',
        message: /^The Java that Spark found is 11, which is too old\. Install Java 17/,
      });
    });
  });

  describe('the master', () => {
    it('is not there, which is reported before Spark gives up', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      await assertTold({
        config: { master: `spark://127.0.0.1:${port}` },
        state: 'waiting',
        message: new RegExp(
          `^Spark's master at 127\\.0\\.0\\.1:${port} does not answer\\..* engine\\.master`,
        ),
        msMax: JAVA_MS,
      });
    });

    it('is another server that never answers', async () => {
      const server = createServer(() => {}).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      await assertTold({
        config: { master: `spark://127.0.0.1:${port}` },
        state: 'waiting',
        message: new RegExp(`^Spark connects to spark://127\\.0\\.0\\.1:${port}\\. If that lasts`),
        msMax: JAVA_MS,
      });
      server.close();
    });

    it('is Kubernetes, and not there', () =>
      assertTold({
        config: {
          master: 'k8s://https://127.0.0.1:9',
          archive_url: 'file:///tmp/tillstream-no-such-folder',
          conf: { 'spark.kubernetes.container.image': 'spark:4.2.0' },
        },
        state: 'waiting',
        message: /^Kubernetes at k8s:\/\/https:\/\/127\.0\.0\.1:9 does not answer/,
        msMax: JAVA_MS,
      }));
  });

  describe('an error that is known at once ends "up"', () => {
    const up = async (engine: object) => {
      const config = configFile({ engine: { kind: 'spark', master: 'local[2]', python, ...engine } });
      return cli(['up', '--data', temporaryDir(), '--config', config]);
    };
    const cases: [string, object, RegExp][] = [
      [
        'a master of an unknown kind',
        { master: 'sparc://x' },
        /engine\.master.*must be local\[\*\], spark:\/\/HOST:PORT/,
      ],
      ['a master without a port', { master: 'spark://x' }, /engine\.master.*must be local\[\*\]/],
      [
        'another machine, that does not reach the archive',
        { master: 'spark://far:7077' },
        /can't reach the archive, which is a folder of this machine\. Set engine\.archive_url/,
      ],
      [
        'YARN without its configuration',
        { master: 'yarn', archive_url: 'hdfs://namenode:8020/shop' },
        /set engine\.hadoop_conf_dir/,
      ],
      [
        'a jar that is not there',
        { jars: ['/nowhere/spark.jar'] },
        /engine\.jars: the file \/nowhere\/spark\.jar does not exist/,
      ],
      ['a config error', { executor_cores: 0 }, /engine\.executor_cores/],
    ];
    for (const [name, engine, message] of cases) {
      it(name, async () => {
        const { code, stderr } = await up(engine);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /^\s+at /m, 'no stack trace');
        assert.equal(code, 2);
      });
    }
  });

  it('a Python without pyspark ends "up", and shows in check', async () => {
    const engine = { kind: 'spark', master: 'local[2]', python: bare };
    const args = ['--data', temporaryDir(), '--config', configFile({ engine })];
    const started = await cli(['up', '--background', ...args]);
    assert.match(started.stderr, /^It did not start:\n.*has no pyspark\. Install it/);
    assert.equal(started.code, 2);
    const check = await cli(['check', ...args]);
    assert.equal(check.code, 1);
    assert.match(check.stdout, /engine +PROBLEM +.*has no pyspark/);
  });

  it('a user sees in up, status and doctor that the driver does not start though all was found', async () => {
    const data = temporaryDir();
    // It has lost its pyspark by then.
    const changing = script('python', `#!/bin/sh\n[ "$1" = -c ] && exec ${python} "$@"\nexec ${bare} "$@"\n`);
    const engine = { kind: 'spark', master: 'local[2]', python: changing };
    const args = ['--data', data, '--config', configFile({ engine })];
    const started = await cli(['up', '--background', ...args]);
    try {
      assert.equal(started.code, 1);
      assert.match(
        started.stderr,
        /^It runs, .* but the metrics can't be computed: .* has no pyspark\. Install it/,
      );
      const status = await cli(['status', ...args]);
      assert.match(status.stdout, /metrics +failed .*has no pyspark/);
      const { parts } = (await cli(['status', '--json', ...args])).json<Status>();
      assert.deepEqual([parts.collector!.state, parts.archive!.state], ['ready', 'ready']);
      const doctor = await cli(['doctor', ...args]);
      assert.equal(doctor.code, 1);
      assert.match(doctor.stdout, /metrics +PROBLEM +.*has no pyspark/);
    } finally {
      assert.equal((await cli(['down', ...args])).code, 0);
    }
  });
});
