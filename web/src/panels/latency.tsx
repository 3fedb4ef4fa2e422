import { useComputed, useSignal } from '@preact/signals';
import { Chart } from '../charts/chart.tsx';
import type { ChartData } from '../charts/data.ts';
import { palette } from '../charts/palette.ts';
import { isolated, milliseconds, words } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { windowLabel } from '../time/labels.ts';
import { Empty } from '../ui/empty.tsx';
import { Folded } from '../ui/folded.tsx';
import { Legend, toggled } from '../ui/legend.tsx';
import { Panel } from '../ui/panel.tsx';

const QUANTILES = ['p99', 'p95', 'p50'] as const;

/** Quantiles of different event types can't be merged from their values, so one type at a time is shown. */
export function Latency() {
  const chosen = useSignal('');
  const hidden = useSignal<ReadonlySet<string>>(new Set());

  const types = useComputed(() => {
    const total = metrics.latency.value.total ?? [];
    return [...total].sort((a, b) => b.count - a.count).map((row) => row.event_type);
  });
  const type = useComputed(() =>
    types.value.includes(chosen.value) ? chosen.value : (types.value[0] ?? ''),
  );

  const model = useComputed<ChartData>(() => {
    const { starts, window, open } = span.value;
    const index = new Map(starts.map((start, at) => [start, at]));
    const { series } = palette.value;
    const lines = QUANTILES.map((name, at) => ({
      name,
      colour: [series[2]!, series[0]!, series[1]!][at]!,
      ...(name === 'p99' ? { dash: [5, 3] } : {}),
      values: starts.map((): number | null => null),
    }));
    for (const row of metrics.latency.value.rows ?? []) {
      const at = index.get(Date.parse(row.start));
      if (at === undefined || row.event_type !== type.value) continue;
      for (const line of lines) line.values[at] = row[line.name];
    }
    return {
      kind: 'lines',
      zone: timeZone.value,
      window,
      starts,
      open,
      series: lines,
      format: milliseconds,
      axisFormat: milliseconds,
    };
  });
  const shown = useComputed(() => ({
    ...model.value,
    series: model.value.series.filter((line) => !hidden.value.has(line.name)),
  }));

  const total = metrics.latency.value.total?.find((row) => row.event_type === type.value);
  const { series, starts, window, zone } = model.value;
  const table = () => ({
    columns: [{ name: 'Window' }, ...series.map((line) => ({ name: line.name, num: true }))],
    rows: starts
      .map((at, index) => [
        windowLabel(window, zone, at),
        ...series.map((line) => milliseconds(line.values[index])),
      ])
      .reverse(),
  });
  const summary = QUANTILES.map((name) => `${name} ${milliseconds(total?.[name])}`).join(', ');
  return (
    <Panel
      title="Latency"
      area="latency"
      note="the shop's answer"
      error={metrics.latency.value.error}
      table={table}
      empty={
        types.value.length === 0 && (
          <Empty
            reason="No response times in the events of this range (field response_time)."
            loaded={metrics.latency.value.total !== null}
          />
        )
      }
      controls={
        types.value.length > 1 && (
          <select
            aria-label="Event type of latency"
            value={type.value}
            onChange={(event) => {
              chosen.value = event.currentTarget.value;
            }}
          >
            {types.value.map((name) => (
              <option key={name} value={name}>
                {isolated(words(name))}
              </option>
            ))}
          </select>
        )
      }
    >
      <Legend
        items={series.map((line) => ({ ...line, value: milliseconds(total?.[line.name as 'p50']) }))}
        hidden={hidden.value}
        onToggle={(name) => {
          hidden.value = toggled(hidden.value, name);
        }}
      />
      <Folded metric="latency" name="event_type" of="event types" />
      <Chart
        data={shown.value}
        label={`Latency over time of ${isolated(words(type.value))}: ${summary} over the range.`}
      />
    </Panel>
  );
}
