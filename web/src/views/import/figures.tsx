import { count, counted, money, shortCount, words } from '../../format.ts';
import { timeZone } from '../../state/server.ts';
import { dayLabel } from '../../time/labels.ts';
import { Name } from '../../ui/name.tsx';
import type { Preview } from './api.ts';
import { isTrying, preview } from './state.ts';

const NAMES_MAX = 8;

type Row = Record<string, string | number | null>;
const rowsOf = (found: Preview, metric: keyof Preview['metrics']): Row[] =>
  found.metrics[metric]?.total ?? [];
const sum = (rows: Row[], value: string): number =>
  rows.reduce((total, row) => total + Number(row[value] ?? 0), 0);

function Tile({
  name,
  value,
  shown,
  note,
}: {
  name: string;
  value: string | number;
  shown: string;
  note?: string;
}) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <data class="tile-value num" value={String(value)} data-import={name}>
          {shown}
        </data>
        {note && <span class="tile-more">{note}</span>}
      </dd>
    </div>
  );
}

/** Revenue is of one currency each: the largest as a figure, the others below it. */
function RevenueTile({ rows }: { rows: Row[] }) {
  const paid = rows.filter((row) => Number(row.orders) > 0 || Number(row.revenue) !== 0);
  const [first, ...others] = paid.sort((a, b) => Number(b.orders) - Number(a.orders));
  if (!first) return <Tile name="Revenue" value="" shown="–" note="no orders" />;
  const isKnown = (row: Row) => currencyOf(row) !== '';
  const text = (row: Row) =>
    `${money(String(row.revenue), currencyOf(row))}${isKnown(row) ? '' : ' in an unknown currency'}`;
  return (
    <Tile
      name="Revenue"
      value={String(first.revenue)}
      shown={money(String(first.revenue), currencyOf(first), Number(first.revenue) >= 1e7)}
      note={[...(isKnown(first) ? [] : ['unknown currency']), ...others.map(text)].join(', ')}
    />
  );
}

/** A code, or nothing where the file names none. */
const currencyOf = (row: Row) => (row.currency === 'unknown' ? '' : String(row.currency ?? ''));

function period(found: Preview): { shown: string; note: string; value: string } {
  const { first, last, windows } = found.metrics.traffic ?? { first: null, last: null, windows: 0 };
  if (!first || !last) return { shown: '–', note: '', value: '' };
  const [from, to] = [first, last].map((at) => dayLabel(timeZone.value, Date.parse(at)));
  const value = `${first}/${last}`;
  return first === last
    ? { shown: from!, note: 'one day', value }
    : { shown: from!, note: `to ${to}, ${counted(windows, 'day')} with events`, value };
}

interface RankingProps {
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly text: string; readonly share: number }[];
  /** There are more that are not told apart. */
  readonly hasOthers?: boolean;
}

/** Names with their counts, the most frequent first. */
function Ranking({ title, rows, hasOthers = false }: RankingProps) {
  if (rows.length === 0) return null;
  const more = rows.length - NAMES_MAX;
  return (
    <div>
      <h3>{title}</h3>
      <ul class="ranking">
        {rows.slice(0, NAMES_MAX).map(({ name, text, share }) => (
          <li key={name}>
            <span class="ranking-label">
              <Name text={name} />
              <span class="num">{text}</span>
            </span>
            <span class="bar-track thin" aria-hidden="true">
              <span class="bar plain" style={{ width: `${Math.max(1, share * 100)}%` }} />
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && (
        <p class="note">
          and {hasOthers && 'at least '}
          {count(more)} more
        </p>
      )}
    </div>
  );
}

function typesOf(found: Preview) {
  const byType = new Map<string, number>();
  for (const row of rowsOf(found, 'traffic')) {
    const type = String(row.event_type);
    byType.set(type, (byType.get(type) ?? 0) + Number(row.events));
  }
  const all = [...byType].sort((a, b) => b[1] - a[1]);
  const most = all[0]?.[1] ?? 1;
  return all.map(([type, events]) => ({ name: words(type), text: count(events), share: events / most }));
}

function productsOf(found: Preview) {
  const rows = rowsOf(found, 'sales').filter(
    (row) => row.product_id !== 'other' && row.product_id !== 'unknown',
  );
  // They come by revenue, which can be compared in one currency only.
  const isOne = new Set(rows.map(currencyOf)).size === 1;
  const size = (row: Row) => Number(isOne ? row.revenue : row.units);
  const most = rows.reduce((max, row) => Math.max(max, size(row)), 0);
  return rows.map((row) => ({
    name: String(row.product_id),
    text: `${count(Number(row.units))} × · ${money(row.revenue === null ? null : String(row.revenue), currencyOf(row))}`,
    share: most > 0 ? size(row) / most : 0,
  }));
}

function scopeText(found: Preview): string {
  const { received, left_out = 0 } = found.result!;
  const records = received + left_out;
  return found.is_whole
    ? `of the whole file, ${counted(records, 'record')}`
    : `of the beginning of the file, its first ${counted(records, 'record')}; the import reads all of it`;
}

/** A table of which no name is known: its columns, to choose from. */
function NotReadable({ found }: { found: Preview }) {
  return (
    <section class="panel" aria-labelledby="figures-title">
      <h2 id="figures-title" class="panel-title">
        Not readable yet
      </h2>
      <p class="lines">{found.refusal}</p>
      <p class="note">Set where the fields come from: at least the time and the event type.</p>
      <dl class="event columns">
        {found.columns.map(({ path, example }) => (
          <div key={path}>
            <dt>
              <code>{path}</code>
            </dt>
            <dd>
              <code>{example}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** What the dashboard would show. */
export function Figures() {
  const found = preview.value;
  if (!found) return null;
  const { result } = found;
  if (result === null) return <NotReadable found={found} />;
  const revenue = rowsOf(found, 'revenue');
  const days = period(found);
  const users = found.metrics.audience?.total[0]?.users ?? found.metrics.audience?.overall?.users ?? 0;
  const rejected = result.bad_rows;
  const left = result.left_out ?? 0;
  return (
    <section class="panel figures" aria-labelledby="figures-title">
      <header class="panel-head">
        <h2 id="figures-title">What the dashboard would show</h2>
        <p class="note" role="status">
          {isTrying.value ? 'Updating the preview …' : scopeText(found)}
        </p>
      </header>
      <dl class="tiles">
        <Tile
          name="Events"
          value={result.events}
          shown={shortCount(result.events)}
          note={[
            rejected > 0 && `${count(rejected)} rejected`,
            left > 0 && `${count(left)} left out`,
            result.duplicates > 0 && counted(result.duplicates, 'duplicate'),
          ]
            .filter(Boolean)
            .join(', ')}
        />
        <RevenueTile rows={revenue} />
        <Tile name="Orders" value={sum(revenue, 'orders')} shown={shortCount(sum(revenue, 'orders'))} />
        <Tile name="Units" value={sum(revenue, 'units')} shown={shortCount(sum(revenue, 'units'))} />
        <Tile name="Users" value={Number(users)} shown={shortCount(Number(users))} />
        <Tile name="Period" value={days.value} shown={days.shown} note={days.note} />
      </dl>
      <div class="rankings">
        <Ranking title="What happened" rows={typesOf(found)} />
        <Ranking
          title="Products"
          rows={productsOf(found)}
          hasOthers={rowsOf(found, 'sales').some((row) => row.product_id === 'other')}
        />
      </div>
    </section>
  );
}
