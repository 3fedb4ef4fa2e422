import type { ArchiveStatus } from '../archive.ts';
import type { DeltaTable } from './table.ts';

/** Version and size of a table, for the status. */
export function summaryOf(table: DeltaTable): ArchiveStatus['tables']['events'] {
  const files = table.files();
  const sum = (of: (file: (typeof files)[number]) => number) =>
    files.reduce((total, file) => total + of(file), 0);
  return {
    version: table.version,
    files: files.length,
    rows: sum(({ rows }) => rows),
    bytes: sum(({ add }) => add.size),
  };
}
