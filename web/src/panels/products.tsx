import { useSignal } from '@preact/signals';
import type { Values } from '../api.ts';
import { count, money, share } from '../format.ts';
import { compareMoney } from '../money.ts';
import { metrics } from '../state/metrics.ts';
import { Panel } from '../ui/panel.tsx';
import { Scroll } from '../ui/table.tsx';

type Product = Values['products'];
type Key = keyof Product | 'rate';
const COLUMNS: { key: Key; name: string }[] = [
  { key: 'product_id', name: 'Product' },
  { key: 'views', name: 'Views' },
  { key: 'carts', name: 'Carts' },
  { key: 'purchases', name: 'Purchases' },
  { key: 'rate', name: 'Bought' },
  { key: 'revenue', name: 'Revenue' },
];

const bought = (row: Product) => (row.views > 0 ? row.purchases / row.views : 0);

function compare(a: Product, b: Product, key: Key): number {
  if (key === 'revenue') return compareMoney(a.revenue, b.revenue) || a.views - b.views;
  if (key === 'rate') return bought(a) - bought(b);
  if (key === 'product_id') return b.product_id.localeCompare(a.product_id, undefined, { numeric: true });
  return a[key] - b[key];
}

export function Products() {
  const order = useSignal<{ key: Key; down: boolean }>({ key: 'revenue', down: true });
  const { key, down } = order.value;
  const total = metrics.products.value.total ?? [];
  const named = total
    .filter((row) => row.product_id !== 'other')
    .sort((a, b) => compare(a, b, key) * (down ? -1 : 1));
  // The rest is no product: it stays last, however the table is sorted.
  const rows = [...named, ...total.filter((row) => row.product_id === 'other')];
  const currencies = metrics.revenue.value.total ?? [];
  const currency = currencies.length === 1 ? currencies[0]!.currency : '';
  return (
    <Panel
      title="Products"
      area="products"
      note={`the ${count(named.length)} best by revenue`}
      error={metrics.products.value.error}
    >
      <Scroll label="Products">
        <table class="sortable">
          <caption class="hidden">Products; the column heads sort</caption>
          <thead>
            <tr>
              {COLUMNS.map((column, index) => (
                <th
                  key={column.key}
                  scope="col"
                  class={index > 0 ? 'num' : undefined}
                  aria-sort={column.key === key ? (down ? 'descending' : 'ascending') : undefined}
                >
                  <button
                    type="button"
                    onClick={() => {
                      order.value = { key: column.key, down: column.key === key ? !down : true };
                    }}
                  >
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
              <tr key={row.product_id} class={row.product_id === 'other' ? 'rest' : undefined}>
                <th scope="row">{row.product_id === 'other' ? 'All others' : row.product_id}</th>
                <td class="num">{count(row.views)}</td>
                <td class="num">{count(row.carts)}</td>
                <td class="num">{count(row.purchases)}</td>
                <td class="num">{row.views > 0 ? share(bought(row), 1) : '–'}</td>
                <td class="num">{money(row.revenue, currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
