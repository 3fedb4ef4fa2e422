import { parse } from 'yaml';
import { proposeMapping } from './propose.ts';

/** The mapping that is proposed for a table: the names of its columns, then its rows. */
export function proposed(...[names, ...rows]: readonly string[]): Record<string, unknown> {
  const columns = names!.split(';');
  const text = proposeMapping(
    rows.map((row) => Object.fromEntries(row.split(';').map((cell, i) => [columns[i]!, cell]))),
  );
  return parse(text!) as Record<string, unknown>;
}
