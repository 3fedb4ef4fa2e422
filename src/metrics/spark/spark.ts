import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveAddress, ArchiveTable } from '../../archive/archive.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ComponentStatus } from '../../telemetry/status.ts';
import type { Aggregates, ArchiveAggregator, RowSelection, TimeRange } from '../aggregates.ts';
import type { ArchiveFile, ArchiveReader, EngineProgram, FileFilter } from '../engine.ts';
import type { Pass } from '../plan.ts';
import type { ReadySparkConfig } from './config.ts';
import { checkJars, checkYarn, driverSessionOf, envOf, type Places, placesOf } from './driver-session.ts';
import { filesBySize, type JobInput, jobOf, type TableFiles } from './job.ts';
import { resultSql, resultsOf } from './results.ts';
import { Supervisor } from './supervisor.ts';

export interface SparkOptions {
  config: ReadySparkConfig;
  /** Where the archive is, if Spark can read it there. */
  archive: ArchiveAddress | null;
  /** Folder for what Spark gives, its log and its temporary files; made. */
  dir: string;
  logger: Logger;
  /** Wait before the first restart of the driver, ms; for tests. */
  backoffMsMin?: number;
}

const DAY_MS = 86_400_000;
const ROWS_MAX = 5_000_000;

/** Computes aggregates of files of the archive by Apache Spark, whose driver is a program of its own. It keeps nothing there. */
export class Spark implements ArchiveAggregator, EngineProgram {
  readonly name = 'spark';
  readonly rowsMax = ROWS_MAX;
  readonly #results: string;
  readonly #places: Places;
  readonly #supervisor: Supervisor;

  private constructor(results: string, places: Places, supervisor: Supervisor) {
    this.#results = results;
    this.#places = places;
    this.#supervisor = supervisor;
  }

  /** Throws UsageError where the settings can't be right. Spark is not started yet. */
  static async open({ config, archive, dir, logger, backoffMsMin }: SparkOptions): Promise<Spark> {
    checkJars(config);
    if (config.master === 'yarn') checkYarn(config);
    const places = placesOf(config, archive);
    const results = join(dir, 'results');
    await rm(results, { recursive: true, force: true });
    await mkdir(results, { recursive: true, mode: 0o700 });
    const supervisor = new Supervisor({
      session: driverSessionOf(config, dir, places.scratch),
      python: config.python,
      master: config.master,
      dir,
      env: envOf(config, archive),
      logger,
      ...(backoffMsMin === undefined ? {} : { backoffMsMin }),
    });
    return new Spark(results, places, supervisor);
  }

  start(): void {
    this.#supervisor.start();
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  status(): ComponentStatus {
    return this.#supervisor.status();
  }

  counters(): Record<string, number> {
    return { ...this.#supervisor.counters };
  }

  /** Process of the driver; undefined while none runs. */
  get driverPid(): number | undefined {
    return this.#supervisor.pid;
  }

  async compute(
    archive: ArchiveReader,
    rows: RowSelection,
    passes: readonly Pass[],
  ): Promise<{ aggregates: Aggregates; release(): Promise<void> }> {
    const { scratch } = this.#places;
    const id = randomUUID();
    const output = join(this.#results, id);
    const release = () => rm(output, { recursive: true, force: true });
    const job = { id, passes, rows, output, ...(scratch === null ? {} : { remote: `${scratch}/${id}` }) };
    try {
      await this.#withFiles(archive, rows, (files) => this.#supervisor.compute(jobOf({ ...job, files })));
      return { aggregates: await aggregatesIn(output, passes), release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** The files that may hold the rows; they stay until `use` settles. */
  #withFiles<T>(
    archive: ArchiveReader,
    rows: RowSelection,
    use: (files: JobInput['files']) => Promise<T>,
  ): Promise<T> {
    const { address } = this.#places;
    const at = (
      table: ArchiveTable,
      files: ArchiveFile[],
      then: (files: string[]) => Promise<T>,
    ): Promise<T> => {
      if (address !== null) return then(files.map(({ path }) => `${address}/${table}/${path}`));
      const paths = new Set(files.map(({ path }) => path));
      return archive.withFiles(table, { paths }, (local) => then(local.map((path) => `file:${path}`)));
    };
    const those = (table: ArchiveTable, then: (files: TableFiles) => Promise<T>): Promise<T> => {
      if (table === 'bad_rows' && rows.eventMs) return then({ large: [], small: [] });
      return archive.withNames(table, filterOf(rows), (files) => {
        const { large, small } = filesBySize(files, rows);
        return at(table, large, (large) => at(table, small, (small) => then({ large, small })));
      });
    };
    return those('events', (events) => those('bad_rows', (badRows) => use({ events, bad_rows: badRows })));
  }
}

function filterOf({ ranges, receivedMs, eventMs }: RowSelection): FileFilter {
  const dates = eventMs?.every(isBounded) ? new Set(eventMs.flatMap(datesIn)) : null;
  return {
    ranges,
    ...(receivedMs ? { receivedMs: [[receivedMs.fromMs, receivedMs.toMs - 1]] } : {}),
    ...(dates ? { dates } : {}),
  };
}

const isBounded = ({ fromMs, toMs }: TimeRange) => Number.isFinite(fromMs) && Number.isFinite(toMs);

/** UTC dates of a time range. */
function datesIn({ fromMs, toMs }: TimeRange): string[] {
  const dates: string[] = [];
  for (let ms = Math.floor(fromMs / DAY_MS) * DAY_MS; ms < toMs; ms += DAY_MS)
    dates.push(new Date(ms).toISOString().slice(0, 10));
  return dates;
}

/** What a job has written, by name of the pass; one without a row has no folder. */
async function aggregatesIn(output: string, passes: readonly Pass[]): Promise<Aggregates> {
  const folders = new Set(await readdir(output));
  const written = Object.entries(resultsOf(passes)).filter(([name]) => folders.has(`pass=${name}`));
  return Object.fromEntries(
    written.map(([name, columns]) => {
      const files = join(output, `pass=${name}`, '*.parquet').replaceAll("'", "''");
      return [name, resultSql(`read_parquet('${files}', hive_partitioning = false)`, columns)];
    }),
  );
}
