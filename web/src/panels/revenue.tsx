import { useComputed } from '@preact/signals';
import { Chart } from '../charts/chart.tsx';
import type { ChartData } from '../charts/data.ts';
import { palette } from '../charts/palette.ts';
import { perWindow } from '../charts/pivot.ts';
import { count, money } from '../format.ts';
import { moneyAsNumber } from '../money.ts';
import { currency, hasMoney } from '../state/currency.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { windowLabel } from '../time/labels.ts';
import { CurrencyChoice } from '../ui/currency.tsx';
import { Empty } from '../ui/empty.tsx';
import { Folded } from '../ui/folded.tsx';
import { Panel } from '../ui/panel.tsx';

/** Currencies can't be added, and on one axis the larger hides the smaller: one at a time. */
export function Revenue() {
  const data = useComputed<ChartData>(() => {
    const { starts, window, open } = span.value;
    const index = new Map(starts.map((start, at) => [start, at]));
    const texts = starts.map(() => money('0', currency.value));
    const values = starts.map((): number | null => 0);
    for (const row of metrics.revenue.value.rows ?? []) {
      const at = index.get(Date.parse(row.start));
      if (at === undefined || row.currency !== currency.value) continue;
      values[at] = moneyAsNumber(row.revenue ?? '0');
      texts[at] = money(row.revenue, row.currency);
    }
    const name = `Revenue ${currency.value}`;
    return {
      kind: 'stack',
      zone: timeZone.value,
      window,
      starts,
      open,
      series: [{ name, colour: palette.value.series[3]!, values, texts }],
      format: (value) => money(String(value), currency.value),
      axisFormat: (value) => money(String(value), currency.value, true),
    };
  });

  const total = metrics.revenue.value.total?.find((row) => row.currency === currency.value);
  const { starts, window, zone, series } = data.value;
  const table = () => ({
    columns: [{ name: 'Window' }, { name: series[0]!.name, num: true }],
    rows: starts.map((at, index) => [windowLabel(window, zone, at), series[0]!.texts![index]!]).reverse(),
  });
  return (
    <Panel
      title="Revenue"
      area="revenue"
      note={`per ${perWindow[window]}`}
      error={metrics.revenue.value.error}
      table={table}
      empty={
        !hasMoney.value && (
          <Empty
            reason={
              metrics.revenue.value.total?.length
                ? 'No prices in the purchases of this range (fields amount, price, currency).'
                : 'No purchases in this range.'
            }
            loaded={metrics.revenue.value.total !== null}
          />
        )
      }
      controls={<CurrencyChoice label="Currency of revenue" />}
    >
      {total && (
        <dl class="facts">
          <div>
            <dt>Revenue</dt>
            <dd class="num">{money(total.revenue, currency.value)}</dd>
          </div>
          <div>
            <dt>Average order</dt>
            <dd class="num">{money(total.average_order, currency.value)}</dd>
          </div>
          <div>
            <dt>Units</dt>
            <dd class="num">{count(total.units)}</dd>
          </div>
          <div>
            <dt>Refunded</dt>
            <dd class="num">
              {money(total.refunded, currency.value)} <span class="note">({count(total.refunds)})</span>
            </dd>
          </div>
          <div>
            <dt>Net</dt>
            <dd class="num">{money(total.net, currency.value)}</dd>
          </div>
        </dl>
      )}
      <Folded metric="revenue" name="currency" of="currencies" />
      <Chart
        data={data.value}
        label={`Revenue over time: ${money(total?.revenue, currency.value)} from ${count(total?.orders)} orders.`}
      />
    </Panel>
  );
}
