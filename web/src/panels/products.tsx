import { count, money, NONE, share } from '../format.ts';
import { compareMoney } from '../money.ts';
import { currency, hasMoney } from '../state/currency.ts';
import { metrics } from '../state/metrics.ts';
import { setShown, shown, toggleOpen } from '../state/view.ts';
import { CurrencyChoice } from '../ui/currency.tsx';
import { Empty } from '../ui/empty.tsx';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';
import { Scroll } from '../ui/table.tsx';

/** Revenue and orders are of one currency; the other values of all visitors. Null where the server gave no row. */
interface Product {
  product_id: string;
  revenue: string | null;
  orders: number;
  views: number | null;
  carts: number | null;
  purchases: number | null;
}

type Key = 'product' | 'revenue' | 'orders' | 'views' | 'carts' | 'bought';
/** What matters most comes first: a phone shows the first ones. */
const COLUMNS: { key: Key; name: string; title?: string }[] = [
  { key: 'product', name: 'Product' },
  { key: 'revenue', name: 'Revenue' },
  { key: 'orders', name: 'Orders' },
  { key: 'views', name: 'Views' },
  { key: 'carts', name: 'Carts' },
  { key: 'bought', name: 'Bought', title: 'Purchases per view, in all currencies' },
];
const REST = 'other';
const SHOWN_FIRST = 14;
const AREA = 'products-all';

const bought = ({ views, purchases }: Product): number =>
  views !== null && views > 0 ? (purchases ?? 0) / views : -1;

function compare(a: Product, b: Product, key: Key): number {
  if (key === 'product') return a.product_id.localeCompare(b.product_id, 'en', { numeric: true });
  if (key === 'bought') return bought(a) - bought(b);
  if (key === 'revenue')
    return compareMoney(a.revenue ?? '-1', b.revenue ?? '-1') || (a.views ?? -1) - (b.views ?? -1);
  return (a[key] ?? -1) - (b[key] ?? -1);
}

function list(): Product[] {
  const products = new Map<string, Product>();
  for (const row of metrics.products.value.total ?? [])
    products.set(row.product_id, { ...row, revenue: null, orders: hasMoney.value ? 0 : row.purchases });
  if (!hasMoney.value) return [...products.values()];
  for (const row of metrics.sales.value.total ?? []) {
    if (row.currency !== currency.value) continue;
    const known = products.get(row.product_id) ?? { views: null, carts: null, purchases: null };
    const { product_id, revenue, orders } = row;
    products.set(product_id, { ...known, product_id, revenue, orders });
  }
  return [...products.values()];
}

/** "-revenue" is the largest revenue first. */
function sorting(): { key: Key; down: boolean } {
  const asked = shown.value.sort;
  const key = COLUMNS.find((column) => column.key === asked.replace(/^-/, ''))?.key;
  return key ? { key, down: asked.startsWith('-') } : { key: 'revenue', down: true };
}

function sortBy(key: Key): void {
  const now = sorting();
  // Names from A on, numbers from the largest.
  const down = key === now.key ? !now.down : key !== 'product';
  setShown({ sort: `${down ? '-' : ''}${key}` });
}

function Row({ row }: { row: Product }) {
  const isRest = row.product_id === REST;
  return (
    <tr class={isRest ? 'rest' : undefined}>
      <th scope="row">{isRest ? 'All others' : <Name text={row.product_id} />}</th>
      <td class="num">{row.revenue === null ? NONE : money(row.revenue, currency.value)}</td>
      <td class="num">{count(row.orders)}</td>
      <td class="num">{count(row.views)}</td>
      <td class="num">{count(row.carts)}</td>
      <td class="num">{bought(row) < 0 || bought(row) > 1 ? NONE : share(bought(row), 1)}</td>
    </tr>
  );
}

export function Products() {
  const { key, down } = sorting();
  const all = list();
  const named = all
    .filter((row) => row.product_id !== REST)
    .sort((a, b) => compare(a, b, key) * (down ? -1 : 1));
  const isWhole = shown.value.open.includes(AREA);
  // The rest is not a product: it stays last, however the table is sorted.
  const rest = all.filter((row) => row.product_id === REST);
  const rows = isWhole ? [...named, ...rest] : named.slice(0, SHOWN_FIRST);
  return (
    <Panel
      title="Products"
      area="products"
      note={hasMoney.value ? `revenue and orders in ${currency.value}` : ''}
      error={metrics.products.value.error ?? metrics.sales.value.error}
      controls={<CurrencyChoice label="Currency of the products" />}
      empty={
        named.length === 0 && (
          <Empty
            reason="No products in the events of this range (field product_id)."
            loaded={metrics.products.value.total !== null}
          />
        )
      }
    >
      <Scroll label="Products" whole={!isWhole}>
        <table class="sortable">
          <caption class="hidden">Products; the column headings sort</caption>
          <thead>
            <tr>
              {COLUMNS.map((column, index) => (
                <th
                  key={column.key}
                  scope="col"
                  class={index > 0 ? 'num' : undefined}
                  title={column.title}
                  aria-sort={column.key === key ? (down ? 'descending' : 'ascending') : undefined}
                >
                  <button type="button" onClick={() => sortBy(column.key)}>
                    {column.name}
                    <span class="sort-mark" aria-hidden="true">
                      {column.key === key ? (down ? '▾' : '▴') : ''}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.product_id} row={row} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {(named.length > SHOWN_FIRST || rest.length > 0) && (
        <button type="button" class="quiet more" aria-pressed={isWhole} onClick={() => toggleOpen(AREA)}>
          {isWhole
            ? `Show the first ${SHOWN_FIRST}`
            : `Show all ${count(named.length)}${rest.length > 0 ? ', and the sum of all others' : ''}`}
        </button>
      )}
    </Panel>
  );
}
