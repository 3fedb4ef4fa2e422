import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveTable, BadRow } from '../../archive/archive.ts';
import type { FileContent, ParquetFile, ParquetReader, ParquetWriter } from '../../archive/parquet-tool.ts';
import type { OffsetRange, TypedBatch } from '../../decode/batch.ts';
import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import { addCount, type Offset, sumCounts } from '../../log/offset.ts';
import { type Connection, identifier, quote } from './database.ts';
import { eventLines, latestEvents } from './export-events.ts';
import { readAnyFiles, readingFiles } from './parquet-files.ts';
import { createUpgrader } from './upgrader.ts';

const COLUMNS: Record<ArchiveTable, readonly Column[]> = { events: EVENT_COLUMNS, bad_rows: BAD_ROW_COLUMNS };

const MAP = 'MAP(VARCHAR, VARCHAR)';

/** Columns of a Delta checkpoint: one STRUCT per kind of action, of which each row has one. */
const CHECKPOINT_COLUMNS = {
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add: `STRUCT(path VARCHAR, partitionValues ${MAP}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN,
    stats VARCHAR, tags ${MAP})`,
  remove: `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN,
    partitionValues ${MAP}, size BIGINT)`,
  metaData: `STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options ${MAP}),
    schemaString VARCHAR, partitionColumns VARCHAR[], createdTime BIGINT, configuration ${MAP})`,
  protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)',
};

const fileColumns = (table: ArchiveTable) => COLUMNS[table].filter(({ name }) => name !== DATE_COLUMN);

/** Rows of a batch in `ranges` that belong to the table, with the partition column first. */
function selectSql(table: ArchiveTable, batch: TypedBatch, ranges: readonly OffsetRange[]): string {
  const date =
    table === 'events'
      ? DATE_COLUMN
      : `make_date(CAST(epoch_us(received_at) // 86400000000 AS INTEGER)) AS ${DATE_COLUMN}`;
  const columns = fileColumns(table).map(({ name }) => identifier(name));
  const isWhole = batch.ranges.every((whole) =>
    ranges.some(({ partition, start }) => partition === whole.partition && start <= whole.start),
  );
  const within = ranges.map(
    ({ partition, start }) => `(log_partition = ${partition} AND log_offset >= ${start})`,
  );
  const skip = isWhole ? '' : `AND (${within.join(' OR ') || 'false'})`;
  return `SELECT ${[date, ...columns].join(', ')} FROM ${batch.rowsSql}
    WHERE reason IS ${table === 'events' ? '' : 'NOT'} NULL ${skip}`;
}

/**
 * Writes the archive's Parquet with DuckDB. Two facts of DuckDB shape it: COPY does not fsync, and a target that does
 * not exist is written in place. So each call writes into a folder of its own, and syncs what it wrote.
 */
export function createParquetTool(connection: Connection): ParquetWriter & ParquetReader {
  async function write(
    batch: TypedBatch,
    table: ArchiveTable,
    ranges: readonly OffsetRange[],
    dir: string,
  ): Promise<ParquetFile[]> {
    const rows = selectSql(table, batch, ranges);
    await mkdir(dir, { recursive: true });
    const contents = await contentByDate(rows);
    const paths = new Map<string, string>();
    const written = { rows: 0, files: 0 };
    const run = async (copy: string, only?: string) => {
      const { Count, Files } = await connection.row<{ Count: number; Files: readonly string[] }>(copy);
      written.rows += Count;
      written.files += Files.length;
      for (const path of Files) paths.set(only ?? DATE_OF_FOLDER.exec(path)![1]!, path);
    };
    const dates = [...contents.keys()];
    const isMany = (date: string) => sumCounts(contents.get(date)!.sources) >= ROWS_ALONE_MIN;
    const many = dates.filter(isMany);
    const few = dates.filter((date) => !isMany(date));
    // One date is several times as fast without partitions: DuckDB then encodes row groups side by side, and without their
    // order it holds a sixth of the memory.
    for (const date of few.length === 1 ? dates : many)
      await run(
        `COPY (SELECT * EXCLUDE (${DATE_COLUMN}) FROM (${rows}) WHERE ${DATE_COLUMN} = DATE ${quote(date)}) TO ${quote(join(dir, `${date}.parquet`))}
          (${COPY_FORMAT}, PRESERVE_ORDER false, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT ${DICTIONARY_VALUES_MAX})`,
        date,
      );
    if (few.length > 1) await writeFew(rows, few, many, dir, run);
    const rowsOf = ({ sources }: DateContent) => sumCounts(sources);
    const expected = [...contents.values()].reduce((sum, content) => sum + rowsOf(content), 0);
    // A date has one file: a second one would be left behind.
    if (written.rows !== expected || written.files !== contents.size || paths.size !== contents.size)
      throw new Error(
        `the batch has ${expected} rows of ${contents.size} dates, but ${written.rows} were written into ${written.files} files`,
      );
    return Promise.all(
      [...contents].map(async ([date, content]) => {
        const path = paths.get(date)!;
        return { path, date, rows: rowsOf(content), bytes: await sync(path), undecided: 0, ...content };
      }),
    );
  }

  /**
   * Writes the dates that have few rows, a file for each. In such a file zstd costs more than all the rest, and gains nothing. Beside dates with
   * many rows they are a small part of the batch, and are taken out of it once.
   */
  async function writeFew(
    rows: string,
    few: readonly string[],
    many: readonly string[],
    dir: string,
    run: (copy: string) => Promise<void>,
  ): Promise<void> {
    // Comparisons, as these skip the other columns of rows that they leave out; a list of dates does not.
    const between = (dates: readonly string[]) =>
      `${DATE_COLUMN} BETWEEN DATE ${quote(dates[0]!)} AND DATE ${quote(dates.at(-1)!)}`;
    const others = many.map((date) => ` AND ${DATE_COLUMN} <> DATE ${quote(date)}`).join('');
    const isPart = many.length > 0;
    if (isPart)
      await connection.run(
        `CREATE OR REPLACE TEMP TABLE few_rows AS SELECT * FROM (${rows}) WHERE ${between(few)}${others}`,
      );
    for (let at = 0; at < few.length; at += FILES_PER_COPY_MAX)
      await run(`COPY (SELECT * FROM ${isPart ? 'few_rows' : `(${rows})`}
        WHERE ${between(few.slice(at, at + FILES_PER_COPY_MAX))}) TO ${quote(dir)}
        (${COPY_FORMAT}, COMPRESSION snappy, PARTITION_BY (${DATE_COLUMN}), OVERWRITE_OR_IGNORE true)`);
    if (isPart) await connection.run('DROP TABLE few_rows');
  }

  /** What the rows of each date are, dates in order. */
  async function contentByDate(rows: string): Promise<Map<string, DateContent>> {
    const counts = await connection.rows<{
      date: string;
      source: string;
      partition: number;
      n: number;
      first: Offset;
      last: Offset;
      earliest: number;
      latest: number;
    }>(
      `SELECT CAST(${DATE_COLUMN} AS VARCHAR) AS date, * EXCLUDE (${DATE_COLUMN}) FROM
         (SELECT ${DATE_COLUMN}, source, log_partition AS partition, count(*) AS n, min(log_offset) AS first,
            max(log_offset) AS last, epoch_us(min(received_at)) AS earliest, epoch_us(max(received_at)) AS latest
          FROM (${rows}) GROUP BY ALL) ORDER BY date, source`,
    );
    const byDate = new Map<string, DateContent>();
    for (const { date, source, partition, n, first, last, earliest, latest } of counts) {
      const content = byDate.get(date) ?? { sources: {}, offsets: {}, min: {}, max: {} };
      addCount(content.sources, source, n);
      content.offsets[partition] = widened(content.offsets[partition], first, last);
      widenBounds(content, [first, last], [earliest, latest]);
      byDate.set(date, content);
    }
    return byDate;
  }

  function merge(table: ArchiveTable, date: string, files: string[], dir: string): Promise<ParquetFile[]> {
    // Columns that other programs have added are kept.
    return writeSelected(table, date, readAnyFiles(files, fileColumns(table)), dir);
  }

  /** Writes the rows of a relation, all of one date, into one file, in the order of the log. */
  async function writeSelected(
    table: ArchiveTable,
    date: string,
    relation: string,
    dir: string,
  ): Promise<ParquetFile[]> {
    await mkdir(dir, { recursive: true });
    const source = `(SELECT DATE ${quote(date)} AS ${DATE_COLUMN}, * FROM ${relation})`;
    const ofDate = (await describe(source, table)).get(date);
    if (!ofDate) return [];
    ofDate.path = join(dir, `${table}-${date}.parquet`);
    await copy(
      `SELECT * EXCLUDE (${DATE_COLUMN}) FROM ${source} ORDER BY log_partition, log_offset, log_line`,
      ofDate.path,
    );
    ofDate.bytes = (await stat(ofDate.path)).size;
    return [ofDate];
  }

  async function inspect(file: string): Promise<FileContent> {
    const any = '1970-01-01';
    const source = `(SELECT DATE '${any}' AS ${DATE_COLUMN}, * FROM ${readAnyFiles([file])})`;
    return (await describe(source, 'events')).get(any) ?? NO_ROWS;
  }

  /** Files that `source` will give, by date, without path and size. */
  async function describe(source: string, table: ArchiveTable): Promise<Map<string, ParquetFile>> {
    const rows = await connection.rows<Record<string, string | number | null>>(
      `SELECT CAST(${DATE_COLUMN} AS VARCHAR) AS date, coalesce(source, '') AS source, log_partition AS partition, count(*) AS n,
         ${table === 'events' ? 'count_if(duplicate IS NULL)' : '0'} AS undecided, min(log_offset) AS offset_min, max(log_offset) AS offset_max,
         epoch_us(min(received_at)) AS received_min, epoch_us(max(received_at)) AS received_max
       FROM ${source} GROUP BY ALL ORDER BY ALL`,
    );
    const parts = new Map<string, ParquetFile>();
    for (const row of rows) {
      const date = String(row.date);
      const ofDate = parts.get(date) ?? {
        ...{ path: '', date, bytes: 0 },
        ...structuredClone(NO_ROWS),
      };
      ofDate.rows += Number(row.n);
      ofDate.undecided += Number(row.undecided);
      addCount(ofDate.sources, String(row.source), Number(row.n));
      parts.set(date, ofDate);
      // Rows that another program made up may have neither.
      if (row.offset_min === null || row.received_min === null) continue;
      const [offsetMin, offsetMax] = [Number(row.offset_min), Number(row.offset_max)];
      if (row.partition !== null)
        ofDate.offsets[Number(row.partition)] = widened(
          ofDate.offsets[Number(row.partition)],
          offsetMin,
          offsetMax,
        );
      widenBounds(ofDate, [offsetMin, offsetMax], [Number(row.received_min), Number(row.received_max)]);
    }
    return parts;
  }

  async function copy(select: string, path: string): Promise<void> {
    await connection.run(
      `COPY (${select}) TO ${quote(path)} (FORMAT parquet, COMPRESSION zstd, WRITE_BLOOM_FILTER false)`,
    );
    await sync(path);
  }

  async function badRows(
    files: string[],
    filter: Parameters<ParquetReader['badRows']>[1],
  ): Promise<BadRow[]> {
    if (files.length === 0) return [];
    const id = "concat(log_partition, '-', log_offset, '-', log_line)";
    const conditions = ['received_at IS NOT NULL'];
    if (filter.reason !== undefined) conditions.push(`reason = ${quote(filter.reason)}`);
    if (filter.id !== undefined) conditions.push(`${id} = ${quote(filter.id)}`);
    const rows = await readingFiles(files, (relation) =>
      connection.rows<Omit<BadRow, 'received_at'> & { received_ms: number }>(
        `SELECT ${id} AS id, reason, field, raw, epoch_ms(received_at) AS received_ms, source
         FROM ${relation} WHERE ${conditions.join(' AND ')}
         ORDER BY received_at DESC, log_partition, log_offset DESC, log_line DESC LIMIT ${filter.limit}`,
      ),
    );
    return rows.map(({ received_ms, ...row }) => ({
      ...row,
      received_at: new Date(received_ms).toISOString(),
    }));
  }

  async function checkpoint(actions: readonly object[], target: string): Promise<void> {
    const list = Object.entries(CHECKPOINT_COLUMNS).map(
      ([name, type]) => `${identifier(name)}: ${quote(type)}`,
    );
    const actionsFile = `${target}.ndjson`;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(actionsFile, actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
    await copy(
      `SELECT * FROM read_json(${quote(actionsFile)}, format = 'newline_delimited', columns = {${list.join(', ')}},
        maximum_object_size = 67108864)`,
      target,
    );
    await rm(actionsFile);
  }

  async function readCheckpoint(file: string): Promise<object[]> {
    const rows = await connection.rows<Record<string, string | null>>(
      `SELECT ${Object.keys(CHECKPOINT_COLUMNS)
        .map((name) => `CAST(to_json(${identifier(name)}) AS VARCHAR) AS ${identifier(name)}`)
        .join(', ')}
       FROM read_parquet(${quote(file)})`,
    );
    return rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).flatMap(([name, json]) =>
          json && json !== 'null' ? [[name, JSON.parse(json)]] : [],
        ),
      ),
    );
  }

  return {
    exportEvents: (files) => eventLines(connection, files),
    latestEvents: (files, perSource) => latestEvents(connection, files, perSource),
    write,
    inspect,
    merge,
    badRows,
    upgrader: createUpgrader(connection, writeSelected),
    checkpoint,
    readCheckpoint,
  };
}

/**
 * Row groups of half the usual size, because COPY holds several in memory; compaction writes larger ones. Bloom filters
 * of columns with few values say nothing: nearly every row group has all of them. RETURN_STATS takes longer than writing
 * files of a few rows.
 */
const COPY_FORMAT = 'FORMAT parquet, ROW_GROUP_SIZE 61440, WRITE_BLOOM_FILTER false, RETURN_FILES true';

/** Most values that the dictionary of a column has. With more, a large batch would take a tenth longer to write, for a file a tenth smaller; compaction makes such files. */
const DICTIONARY_VALUES_MAX = 2000;

/** COPY names the folder of a partition after its value. */
const DATE_OF_FOLDER = new RegExp(`/${DATE_COLUMN}=(\\d{4}-\\d{2}-\\d{2})/[^/]*$`);

/** COPY holds at least half a megabyte per file that it writes at a time: a batch with years in it would not fit. */
const FILES_PER_COPY_MAX = 100;
/** A date with so many rows is written by a COPY of its own. */
const ROWS_ALONE_MIN = 10_000;

const NO_ROWS: FileContent = { rows: 0, min: {}, max: {}, sources: {}, offsets: {}, undecided: 0 };

/** What is counted of the rows of a date before they are written. */
type DateContent = Pick<FileContent, 'sources' | 'offsets' | 'min' | 'max'>;

function widened(
  range: readonly [Offset, Offset] | undefined,
  first: Offset,
  last: Offset,
): readonly [Offset, Offset] {
  return [Math.min(range?.[0] ?? first, first), Math.max(range?.[1] ?? last, last)];
}

/** Extends the bounds of a file by those of some of its rows; `received` in microseconds since 1970. */
function widenBounds(
  { min, max }: Pick<FileContent, 'min' | 'max'>,
  offsets: readonly [Offset, Offset],
  received: readonly [number, number],
): void {
  const [earliest, latest] = received.map(isoMicros) as [string, string];
  min.log_offset = Math.min(Number(min.log_offset ?? offsets[0]), offsets[0]);
  max.log_offset = Math.max(Number(max.log_offset ?? offsets[1]), offsets[1]);
  min.received_at = [String(min.received_at ?? earliest), earliest].sort()[0]!;
  max.received_at = [String(max.received_at ?? latest), latest].sort()[1]!;
}

/** Gives the size of the file, in bytes. */
async function sync(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    await handle.datasync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

function isoMicros(epochUs: number): string {
  const micros = String(epochUs % 1_000_000).padStart(6, '0');
  return `${new Date(Math.floor(epochUs / 1000)).toISOString().slice(0, 19)}.${micros}Z`;
}
