import { Name } from './name.tsx';

export interface LegendItem {
  name: string;
  colour: string;
  value: string;
}

/** Names, colours and totals; a press hides a series, so that small ones can be seen. */
export function Legend(props: {
  items: LegendItem[];
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
}) {
  return (
    <ul class="legend">
      {props.items.map((item) => (
        <li key={item.name}>
          <button
            type="button"
            aria-pressed={!props.hidden.has(item.name)}
            onClick={() => props.onToggle(item.name)}
          >
            <span class="swatch" style={{ background: item.colour }} />
            <Name text={item.name} /> <span class="num">{item.value}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function toggled(set: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(name)) next.add(name);
  return next;
}
