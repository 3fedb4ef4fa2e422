import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../../domain/columns.ts';
import type { CountsBySource, Positions } from '../../../domain/offset.ts';
import type { ArchiveTable, ParquetFile } from '../../../ports/batch.ts';

/**
 * The part of the Delta Lake transaction log that Tillstream reads and writes, as in the Delta Transaction Log
 * Protocol (https://github.com/delta-io/delta/blob/master/PROTOCOL.md): one action per line of a commit file.
 */
export interface AddFile {
  path: string;
  partitionValues: Record<string, string>;
  size: number;
  modificationTime: number;
  dataChange: boolean;
  stats: string;
  tags: Record<string, string>;
}

export interface RemoveFile {
  path: string;
  deletionTimestamp: number;
  dataChange: boolean;
  extendedFileMetadata: boolean;
  partitionValues: Record<string, string>;
  size: number;
}

export interface Txn {
  appId: string;
  version: number;
  lastUpdated: number;
}

export interface MetaData {
  id: string;
  name: string;
  format: { provider: 'parquet'; options: Record<string, string> };
  schemaString: string;
  partitionColumns: string[];
  createdTime: number;
  configuration: Record<string, string>;
}

export interface Protocol {
  minReaderVersion: number;
  minWriterVersion: number;
}

export interface Action {
  protocol?: Protocol;
  metaData?: MetaData;
  add?: AddFile;
  remove?: RemoveFile;
  txn?: Txn;
  commitInfo?: Record<string, unknown>;
}

const TABLE_COLUMNS: Record<ArchiveTable, readonly Column[]> = {
  events: EVENT_COLUMNS,
  bad_rows: BAD_ROW_COLUMNS,
};

/** Delta's schema of a table. Every column may be null, so that a later version can add columns. */
export function schemaString(table: ArchiveTable): string {
  return JSON.stringify({
    type: 'struct',
    fields: TABLE_COLUMNS[table].map(({ name, deltaType, description }) => ({
      name,
      type: deltaType,
      nullable: true,
      metadata: { comment: description },
    })),
  });
}

/** First commit of a new table. */
export function createTable(table: ArchiveTable, id: string, nowMs: number): Action[] {
  return [
    { commitInfo: { timestamp: nowMs, operation: 'CREATE TABLE', engineInfo: 'tillstream' } },
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id,
        name: table,
        format: { provider: 'parquet', options: {} },
        schemaString: schemaString(table),
        partitionColumns: [DATE_COLUMN],
        createdTime: nowMs,
        configuration: {},
      },
    },
  ];
}

const SOURCES_TAG = 'tillstream.sources';
const ENDS_TAG = 'tillstream.ends';

/**
 * The action that adds a written Parquet file under `path` (relative to the table). `ends` says for each partition of its
 * rows where the batch ended that they came in.
 */
export function addFile(
  file: ParquetFile,
  path: string,
  nowMs: number,
  dataChange: boolean,
  ends?: Positions,
): AddFile {
  return {
    path,
    partitionValues: { [DATE_COLUMN]: file.date },
    size: file.bytes,
    modificationTime: nowMs,
    dataChange,
    stats: JSON.stringify({ numRecords: file.rows, minValues: file.min, maxValues: file.max }),
    tags: {
      [SOURCES_TAG]: JSON.stringify(file.sources),
      ...(ends ? { [ENDS_TAG]: JSON.stringify(ends) } : {}),
    },
  };
}

export function removeFile(file: AddFile, nowMs: number): RemoveFile {
  return {
    path: file.path,
    deletionTimestamp: nowMs,
    dataChange: false,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.size,
  };
}

/** What is known of a live file without opening it. */
export interface LiveFile {
  add: AddFile;
  date: string;
  rows: number;
  offsetMin: number;
  receivedMinMs: number;
  receivedMaxMs: number;
  sources: CountsBySource;
  /** Empty where nothing is to be waited for. */
  ends: Positions;
}

export function liveFile(add: AddFile): LiveFile {
  const stats = JSON.parse(add.stats) as {
    numRecords: number;
    minValues: { log_offset: number; received_at: string };
    maxValues: { received_at: string };
  };
  return {
    add,
    date: add.partitionValues[DATE_COLUMN]!,
    rows: stats.numRecords,
    offsetMin: stats.minValues.log_offset,
    receivedMinMs: Date.parse(stats.minValues.received_at),
    receivedMaxMs: roundedUpMs(stats.maxValues.received_at),
    sources: JSON.parse(add.tags[SOURCES_TAG] ?? '{}') as CountsBySource,
    ends: JSON.parse(add.tags[ENDS_TAG] ?? '{}') as Positions,
  };
}

/** Statistics may hold microseconds; rounding up keeps the largest value inside. Our own times are whole milliseconds. */
function roundedUpMs(instant: string): number {
  const micros = /\.\d{3}(\d+)/.exec(instant)?.[1] ?? '';
  return Date.parse(instant) + (/[1-9]/.test(micros) ? 1 : 0);
}
