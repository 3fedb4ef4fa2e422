import { Name } from './name.tsx';

export interface Column {
  name: string;
  num?: boolean;
}

interface Props {
  caption: string;
  columns: Column[];
  rows: (string | number)[][];
  scroll?: boolean;
}

/** A plain table. The first column names the row. A scrolling one can be reached and scrolled by keyboard. */
export function DataTable({ caption, columns, rows, scroll }: Props) {
  const table = (
    <table>
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.name} scope="col" class={column.num ? 'num' : undefined}>
              <Name text={column.name} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row[0]}>
            {row.map((cell, index) => {
              const key = columns[index]?.name ?? index;
              const kind = columns[index]?.num ? 'num' : undefined;
              return index === 0 ? (
                <th key={key} scope="row" class={kind}>
                  {cell}
                </th>
              ) : (
                <td key={key} class={kind}>
                  {cell}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
  if (!scroll) return table;
  return <Scroll label={caption}>{table}</Scroll>;
}

/** `whole`: as high as its content, so that it scrolls sideways only. */
export function Scroll(props: { label: string; whole?: boolean; children: preact.ComponentChildren }) {
  const { label, whole, children } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <section class={whole ? 'scroll whole' : 'scroll'} aria-label={`${label}, table`} tabIndex={0}>
      {children}
    </section>
  );
}
