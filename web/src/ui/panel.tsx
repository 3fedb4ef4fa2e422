import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiError } from '../api.ts';
import { connection } from '../state/server.ts';
import { toggleOpen, shown as view } from '../state/view.ts';
import { type Column, DataTable } from './table.tsx';

interface Props {
  title: string;
  /** Grid area. */
  area: string;
  /** Beside the title: what is measured, in a few words. */
  note?: ComponentChildren;
  controls?: ComponentChildren;
  error?: ApiError | null;
  children: ComponentChildren;
  /** Stands in the place of all else where there are no numbers. */
  empty?: ComponentChildren;
  /** The same as a table, for who can't or won't read the drawing. Made only when it is asked for. */
  table?: () => { columns: Column[]; rows: (string | number)[][] };
}

export function Panel({ title, area, note, controls, error, empty, children, table }: Props) {
  const id = useId();
  const asTable = view.value.open.includes(area);
  const { kind } = connection.value;
  const shown = asTable && table && !empty ? table() : null;
  return (
    <section class="panel" style={{ gridArea: area }} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        {note && <p class="note">{note}</p>}
        <div class="panel-controls">
          {controls}
          {table && !empty && (
            <button
              type="button"
              class="quiet"
              aria-pressed={asTable}
              aria-label={`${title} as a table`}
              onClick={() => toggleOpen(area)}
            >
              Table
            </button>
          )}
        </div>
      </header>
      {error && (kind === 'live' || kind === 'paused') && (
        <p class="panel-error">
          Not loaded: {error.message} {error.hint}
        </p>
      )}
      {empty ||
        (shown ? <DataTable caption={title} columns={shown.columns} rows={shown.rows} scroll /> : children)}
    </section>
  );
}
