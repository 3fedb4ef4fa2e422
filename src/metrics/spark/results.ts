import { COUNTS, type CountsRow } from '../aggregates.ts';
import { type ColumnType, passColumns } from '../pass-sql.ts';
import type { Pass } from '../plan.ts';
import { SPARK_DIALECT } from './dialect.ts';

/** Columns of each result of a job, by its name; see `unionSql`. */
type Results = Readonly<Record<string, Readonly<Record<string, ColumnType>>>>;

const COUNTS_COLUMNS: Readonly<Record<keyof CountsRow, ColumnType>> = {
  state: 'text',
  source: 'text',
  n: 'count',
  low: 'count',
  high: 'count',
  received_ms: 'count',
};

/** What a job gives: a result for each pass, and COUNTS. */
export function resultsOf(passes: readonly Pass[]): Results {
  return {
    ...Object.fromEntries(passes.map((pass) => [pass.name, passColumns(pass)])),
    [COUNTS]: COUNTS_COLUMNS,
  };
}

/**
 * The rows of all results as one query, with the name of theirs in `pass`. Columns of a type share places: if each result had its
 * own, most cells of a row would be empty, and yet be carried and written.
 */
export function unionSql(queries: Readonly<Record<string, string>>, results: Results): string {
  const { identifier, text, types } = SPARK_DIALECT;
  const places = new Map(
    Object.values(results).flatMap((columns) => placesIn(columns).map(({ place, type }) => [place, type])),
  );
  const selects = Object.entries(results).map(([name, columns]) => {
    const columnAt = new Map(placesIn(columns).map(({ place, column }) => [place, identifier(column)]));
    const cells = [...places].map(
      ([place, type]) => `${columnAt.get(place) ?? `CAST(NULL AS ${types[type]})`} AS ${place}`,
    );
    return `SELECT ${text(name)} AS pass, ${cells.join(', ')} FROM (${queries[name]})`;
  });
  return selects.join(' UNION ALL ');
}

/** A result by the names of its columns again; `files` is its files as DuckDB reads them. */
export function resultSql(files: string, columns: Results[string]): string {
  const cells = placesIn(columns).map(({ place, column }) => `${place} AS "${column}"`);
  return `(SELECT ${cells.join(', ')} FROM ${files})`;
}

/** Where each column lies. */
function placesIn(columns: Results[string]): { column: string; type: ColumnType; place: string }[] {
  const used = new Map<ColumnType, number>();
  return Object.entries(columns).map(([column, type]) => {
    const nth = used.get(type) ?? 0;
    used.set(type, nth + 1);
    return { column, type, place: `${type}_${nth}` };
  });
}
