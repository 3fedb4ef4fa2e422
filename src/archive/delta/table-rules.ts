import { isDeepStrictEqual } from 'node:util';
import { DATE_COLUMN, FORMER_TYPES } from '../../event/columns.ts';
import { ArchiveError } from '../../telemetry/errors.ts';
import type { ArchiveTable } from '../archive.ts';
import {
  type MetaData,
  READER_VERSION,
  type SchemaField,
  schemaFields,
  schemaString,
  type TableProtocol,
  WRITER_VERSION,
} from './actions.ts';

/** What may be written to a table that other programs may have changed: only what follows all of its rules. */

/** Rejects a table that Tillstream can't write safely. `where` is the table's location, for people. */
export function checkTable(
  table: ArchiveTable,
  where: string,
  protocol: TableProtocol | undefined,
  metaData: MetaData | undefined,
): void {
  const why = whatForbids(table, protocol, metaData);
  if (why === null) return;
  throw new ArchiveError(
    `Tillstream can't work with the archive table ${where}: ${why}. Nothing was written. ` +
      'Undo this change with the program that made it.',
  );
}

/** What of the table Tillstream does not follow when it writes; null where there is nothing. */
function whatForbids(
  table: ArchiveTable,
  protocol: TableProtocol | undefined,
  metaData: MetaData | undefined,
): string | null {
  if (!protocol || !metaData) return 'its log has no protocol or no metaData action';
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol;
  if (reader > READER_VERSION || writer > WRITER_VERSION) {
    const features = [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])];
    const list = features.length > 0 ? ` with the features ${features.join(', ')}` : '';
    return (
      `it needs Delta reader version ${reader} and writer version ${writer}${list}, ` +
      `and Tillstream has reader version ${READER_VERSION} and writer version ${WRITER_VERSION}`
    );
  }
  if (metaData.format.provider !== 'parquet') return `its files are ${metaData.format.provider}`;
  if (!isDeepStrictEqual([...metaData.partitionColumns], [DATE_COLUMN]))
    return `it is partitioned by ${metaData.partitionColumns.join(', ') || 'nothing'}, not by ${DATE_COLUMN}`;
  const mode = metaData.configuration?.['delta.columnMapping.mode'];
  if (mode && mode !== 'none') return `its columns are mapped to other names (${mode})`;
  const own = new Map(schemaFields(table).map((field) => [field.name, field]));
  for (const { name, type, nullable, metadata } of fieldsOf(metaData)) {
    const wanted = own.get(name);
    if (metadata?.['delta.invariants'] !== undefined) return `its column ${name} has an invariant`;
    if (wanted && !isDeepStrictEqual(type, wanted.type) && !isFormer(name, type))
      return `its column ${name} is of type ${JSON.stringify(type)}, not ${JSON.stringify(wanted.type)}`;
    if (!wanted && !nullable) return `its column ${name}, which Tillstream does not have, must not be null`;
  }
  return null;
}

/** The schema with Tillstream's columns that it lacks; null where it has them all. Columns of others stay. */
export function completedSchema(table: ArchiveTable, metaData: MetaData): string | null {
  const fields = fieldsOf(metaData);
  const known = new Set(fields.map(({ name }) => name));
  const missing = schemaFields(table).filter(({ name }) => !known.has(name));
  return missing.length > 0 ? schemaString([...fields, ...missing]) : null;
}

/** The schema with the types of this version; null where it has no others. */
export function retypedSchema(metaData: MetaData): string | null {
  const fields = fieldsOf(metaData);
  if (!fields.some(({ name, type }) => isFormer(name, type))) return null;
  const own = new Map(schemaFields('events').map((field) => [field.name, field]));
  return schemaString(
    fields.map((field) => (isFormer(field.name, field.type) ? own.get(field.name)! : field)),
  );
}

const isFormer = (name: string, type: unknown) =>
  FORMER_TYPES[name] !== undefined && FORMER_TYPES[name] === type;

function fieldsOf({ schemaString: text }: MetaData): SchemaField[] {
  return (JSON.parse(text) as { fields: SchemaField[] }).fields;
}
