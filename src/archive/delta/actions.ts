import { BAD_ROW_COLUMNS, type Column, DATE_COLUMN, EVENT_COLUMNS } from '../../event/columns.ts';
import type { Positions } from '../../log/offset.ts';
import type { ArchiveTable } from '../archive.ts';
import type { ParquetFile } from '../parquet-tool.ts';

/**
 * The part of the Delta Lake transaction log that Tillstream reads and writes, as in the Delta Transaction Log
 * Protocol (https://github.com/delta-io/delta/blob/master/PROTOCOL.md): one action per line of a commit file.
 */
export interface AddFile {
  path: string;
  partitionValues: Record<string, string | null>;
  size: number;
  modificationTime: number;
  dataChange: boolean;
  /** Other programs may leave both out. */
  stats?: string | null;
  tags?: Record<string, string> | null;
}

export interface RemoveFile {
  path: string;
  deletionTimestamp: number;
  dataChange: boolean;
  extendedFileMetadata: boolean;
  partitionValues: Record<string, string | null>;
  size: number;
}

export interface Txn {
  appId: string;
  version: number;
  lastUpdated: number;
}

export interface MetaData {
  id: string;
  name: string | null;
  format: { provider: string; options: Record<string, string> };
  schemaString: string;
  partitionColumns: string[];
  createdTime: number;
  configuration: Record<string, string>;
}

export interface TableProtocol {
  minReaderVersion: number;
  minWriterVersion: number;
  readerFeatures?: string[] | null;
  writerFeatures?: string[] | null;
}

export interface Action {
  protocol?: TableProtocol;
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

/** A column in Delta's schema of a table. */
export interface SchemaField {
  name: string;
  type: unknown;
  nullable: boolean;
  metadata: Record<string, unknown>;
}

/** Tillstream's columns of a table. Every column may be null, so that a later version can add columns. */
export function schemaFields(table: ArchiveTable): SchemaField[] {
  return TABLE_COLUMNS[table].map(({ name, deltaType, description }) => ({
    name,
    type: deltaType,
    nullable: true,
    metadata: { comment: description },
  }));
}

export function schemaString(fields: readonly SchemaField[]): string {
  return JSON.stringify({ type: 'struct', fields });
}

/** The versions of the protocol that Tillstream reads and writes; higher ones have rules that it does not follow. */
export const READER_VERSION = 1;
export const WRITER_VERSION = 2;

/** First commit of a new table. */
export function createTable(table: ArchiveTable, id: string, nowMs: number): Action[] {
  return [
    { commitInfo: { timestamp: nowMs, operation: 'CREATE TABLE', engineInfo: 'tillstream' } },
    { protocol: { minReaderVersion: READER_VERSION, minWriterVersion: WRITER_VERSION } },
    {
      metaData: {
        id,
        name: table,
        format: { provider: 'parquet', options: {} },
        schemaString: schemaString(schemaFields(table)),
        partitionColumns: [DATE_COLUMN],
        createdTime: nowMs,
        configuration: {},
      },
    },
  ];
}

export const SOURCES_TAG = 'tillstream.sources';
export const ENDS_TAG = 'tillstream.ends';
export const OFFSETS_TAG = 'tillstream.offsets';
/** Nothing in the file is undecided: each row says whether it is a duplicate. */
export const DECIDED_TAG = 'tillstream.decided';

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
      [OFFSETS_TAG]: JSON.stringify(file.offsets),
      ...(file.undecided === 0 ? { [DECIDED_TAG]: 'true' } : {}),
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
