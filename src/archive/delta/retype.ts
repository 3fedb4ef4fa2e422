import type { ParquetWriter } from '../parquet-tool.ts';
import type { Action } from './actions.ts';
import type { FileWriter } from './file-writer.ts';
import type { LiveFile } from './live-files.ts';
import type { DeltaTable } from './table.ts';
import { retypedSchema } from './table-rules.ts';
import { inGroups } from './upgrade.ts';

/** So often another writer may change the table meanwhile. */
const TRIES_MAX = 5;
const NO_DATE = '1970-01-01';

/**
 * Gives the columns of a table of an older version the types of this one. All files are rewritten by one commit, which changes the
 * schema too: not every reader takes files whose types differ from those of the schema (Polars does not), so there must be no
 * version of the table with both. Nothing is appended until then; events wait in the log.
 */
export async function retypeEvents(
  table: DeltaTable,
  writer: FileWriter,
  parquet: ParquetWriter,
  signal?: AbortSignal,
): Promise<void> {
  for (let tries = 0; hasFormerTypes(table); tries++) {
    if (tries === TRIES_MAX)
      throw new Error(`table ${table.name}: other writers changed it while its files were rewritten`);
    const files = table.files();
    const byDate = Map.groupBy(files, (file) => file.date ?? NO_DATE);
    await writer.rewriteGroups(
      table,
      [...byDate.values()].flatMap(inGroups),
      'UPGRADE',
      (group, local, dir) => {
        signal?.throwIfAborted();
        return parquet.merge(table.name, group[0]!.date ?? NO_DATE, local, dir);
      },
      () => (hasFormerTypes(table) && isSame(files, table.files()) ? [retyped(table)] : null),
    );
  }
}

/** Whether the files are to be rewritten before new ones come: columns have types of an older version. */
export function hasFormerTypes({ metaData }: DeltaTable): boolean {
  return metaData !== undefined && retypedSchema(metaData) !== null;
}

function retyped({ metaData }: DeltaTable): Action {
  return { metaData: { ...metaData!, schemaString: retypedSchema(metaData!)! } };
}

function isSame(before: readonly LiveFile[], now: readonly LiveFile[]): boolean {
  const known = new Set(before);
  return before.length === now.length && now.every((file) => known.has(file));
}
