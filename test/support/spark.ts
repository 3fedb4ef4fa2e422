import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { type BatchJob, DRIVER, type Job, jobOf } from '../../src/adapters/engine/spark/job.ts';
import { JUDGED_HEADER, SOURCE_HEADER, UNNAMED } from '../../src/adapters/log/kafka/origin.ts';
import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { Metric } from '../../src/metrics/definition.ts';
import { fetchConnector, fetchPySpark } from '../../src/services/spark.ts';

export interface SparkPrograms {
  python: string;
  jars: string[];
}

export async function sparkPrograms(): Promise<SparkPrograms> {
  const say = (line: string) => console.error(line);
  return { python: (await fetchPySpark(say)).python, jars: await fetchConnector(say) };
}

export interface TestJob {
  programs: SparkPrograms;
  master: string;
  brokers: readonly string[];
  topic: string;
  pointsTopic: string;
  timeZone: string;
  /** Folder for the job, its log and its checkpoint. */
  dir: string;
  /** Records in each step; all in one without. */
  batchRecordsMax?: number;
  catalogue?: readonly Metric[];
}

export function testJob(test: TestJob): Job {
  const [brokers, jars] = [test.brokers.join(','), test.programs.jars.join(',')];
  return jobOf(
    {
      catalogue: test.catalogue ?? CATALOGUE,
      lineBytesMax: 64 * 1024,
      jobId: 'test',
      notBefore: null,
      marks: { sourceHeader: SOURCE_HEADER, judgedHeader: JUDGED_HEADER, unnamedSource: UNNAMED },
    },
    {
      conf: {
        'spark.master': test.master,
        'spark.jars': jars,
        'spark.driver.host': '127.0.0.1',
        'spark.driver.bindAddress': '127.0.0.1',
        'spark.ui.enabled': 'false',
        'spark.sql.session.timeZone': test.timeZone,
        'spark.sql.shuffle.partitions': '2',
      },
      source: {
        'kafka.bootstrap.servers': brokers,
        subscribe: test.topic,
        startingOffsets: 'earliest',
        includeHeaders: 'true',
        ...(test.batchRecordsMax ? { maxOffsetsPerTrigger: String(test.batchRecordsMax) } : {}),
      },
      sink: { 'kafka.bootstrap.servers': brokers, topic: test.pointsTopic },
      checkpoint: pathToFileURL(join(test.dir, 'checkpoint')).href,
      trigger: { availableNow: true },
    },
  );
}

/** One Spark that computes jobs of tests one after the other. */
export class SparkJobs {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #answers: AsyncIterator<string>;
  #stderr = '';

  private constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-8000);
    });
    child.stdin.on('error', () => {});
  }

  /** `conf` is added to what jobs need of a session from its start. */
  static start(programs: SparkPrograms, master: string, conf: Record<string, string> = {}): SparkJobs {
    const file = join(sparkDir(), 'conf.json');
    const { conf: of } = testJob({
      programs,
      master,
      brokers: [],
      topic: '',
      pointsTopic: '',
      timeZone: 'UTC',
      dir: '',
    });
    writeFileSync(file, JSON.stringify({ ...of, ...conf }));
    const script = join(import.meta.dirname, 'spark-jobs.py');
    const child = spawn(programs.python, [script, dirname(DRIVER), file], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1', PYTHONDONTWRITEBYTECODE: '1' },
    });
    return new SparkJobs(child);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Computes what the topic has; rejects with what Spark said when that failed. */
  async run(job: Job): Promise<void> {
    const file = join(sparkDir(), 'job.json');
    writeFileSync(file, JSON.stringify(job), { mode: 0o600 });
    this.#child.stdin.write(`${file}\n`);
    const { value } = await this.#answers.next();
    const answer = JSON.parse(value ?? '{"event":"died"}') as { event: string; error?: string };
    if (answer.event !== 'end') throw new Error(`the job failed: ${answer.error ?? this.#stderr}`);
  }

  /** Computes a batch over files of the archive. */
  async compute(job: BatchJob): Promise<void> {
    const file = join(sparkDir(), 'job.json');
    writeFileSync(file, JSON.stringify(job));
    this.#child.stdin.write(`compute ${file}\n`);
    const { value } = await this.#answers.next();
    const answer = JSON.parse(value ?? '{"event":"died"}') as { event: string; error?: string | null };
    if (answer.event !== 'computed' || answer.error)
      throw new Error(`the batch failed: ${answer.error ?? this.#stderr}`);
  }

  stop(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

/** A folder that goes when the process ends. */
export function sparkDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tillstream-spark-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
