import { useComputed, useSignal } from '@preact/signals';
import { Chart } from '../charts/chart.tsx';
import type { ChartData } from '../charts/data.ts';
import { palette } from '../charts/palette.ts';
import { perWindow } from '../charts/pivot.ts';
import { count, money } from '../format.ts';
import { moneyAsNumber } from '../money.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { windowLabel } from '../time/labels.ts';
import { Panel } from '../ui/panel.tsx';
import { Segmented } from '../ui/segmented.tsx';

/** Currencies can't be added, and on one axis the larger hides the smaller: one at a time. */
export function Revenue() {
  const chosen = useSignal('');
  const currencies = useComputed(() => {
    const total = metrics.revenue.value.total ?? [];
    return [...total].sort((a, b) => b.orders - a.orders).map((row) => row.currency);
  });
  const currency = useComputed(() =>
    currencies.value.includes(chosen.value) ? chosen.value : (currencies.value[0] ?? ''),
  );

  const data = useComputed<ChartData>(() => {
    const { starts, window, open } = span.value;
    const index = new Map(starts.map((start, at) => [start, at]));
    const texts = starts.map(() => money('0', currency.value));
    const values = starts.map((): number | null => 0);
    for (const row of metrics.revenue.value.rows ?? []) {
      const at = index.get(Date.parse(row.start));
      if (at === undefined || row.currency !== currency.value) continue;
      values[at] = moneyAsNumber(row.revenue);
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
      controls={
        currencies.value.length > 1 && (
          <Segmented
            label="Currency"
            options={currencies.value.slice(0, 4).map((value) => ({ value, text: value }))}
            value={currency.value}
            onChange={(next) => {
              chosen.value = next;
            }}
          />
        )
      }
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
        </dl>
      )}
      <Chart
        data={data.value}
        label={`Revenue over time: ${money(total?.revenue, currency.value)} from ${count(total?.orders)} orders.`}
      />
    </Panel>
  );
}
