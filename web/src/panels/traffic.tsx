import { useComputed, useSignal } from '@preact/signals';
import { Chart } from '../charts/chart.tsx';
import type { ChartData } from '../charts/data.ts';
import { colourOf } from '../charts/palette.ts';
import { keepLargest, ordered, perWindow, pivotSum } from '../charts/pivot.ts';
import { axisCount, count, isolated, shortCount, words } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { windowLabel } from '../time/labels.ts';
import { Empty } from '../ui/empty.tsx';
import { Folded } from '../ui/folded.tsx';
import { Legend, toggled } from '../ui/legend.tsx';
import { Panel } from '../ui/panel.tsx';
import { Segmented } from '../ui/segmented.tsx';

type By = 'event_type' | 'device_type';
const BY: { value: By; text: string }[] = [
  { value: 'event_type', text: 'Type' },
  { value: 'device_type', text: 'Device' },
];
const SERIES_MAX = 7;

export function Traffic() {
  const by = useSignal<By>('event_type');
  const hidden = useSignal<ReadonlySet<string>>(new Set());

  const model = useComputed(() => {
    const rows = metrics.traffic.value.rows ?? [];
    const { starts, window, open } = span.value;
    const sizes = new Map<string, number>();
    for (const row of rows) sizes.set(row[by.value], (sizes.get(row[by.value]) ?? 0) + row.events);
    const nameOf = keepLargest(sizes, SERIES_MAX);
    const pivot = pivotSum(
      rows,
      starts,
      (row) => nameOf(row[by.value]),
      (row) => row.events,
      0,
    );
    const total = (name: string) =>
      pivot.values.get(name)!.reduce((sum: number, value) => sum + (value ?? 0), 0);
    const names = ordered(pivot.names, total);
    const all = names.map((name) => ({
      name: words(name),
      colour: colourOf(name, names),
      values: pivot.values.get(name)!,
      total: total(name),
    }));
    const data: ChartData = {
      kind: 'stack',
      zone: timeZone.value,
      window,
      starts,
      open,
      series: all.filter((one) => !hidden.value.has(one.name)),
      format: count,
      axisFormat: axisCount,
    };
    return { all, data, sum: all.reduce((sum, one) => sum + one.total, 0) };
  });

  const { all, data, sum } = model.value;
  const loaded = metrics.traffic.value.rows !== null;
  const table = () => ({
    columns: [{ name: 'Window' }, ...all.map((one) => ({ name: one.name, num: true }))],
    rows: data.starts
      .map((at, index) => [
        windowLabel(data.window, data.zone, at),
        ...all.map((one) => count(one.values[index])),
      ])
      .reverse(),
  });
  return (
    <Panel
      title="Traffic"
      area="traffic"
      note={`events per ${perWindow[data.window]}`}
      error={metrics.traffic.value.error}
      table={table}
      empty={sum === 0 && <Empty reason="No events in this range." loaded={loaded} />}
      controls={
        <Segmented
          label="Split traffic by"
          options={BY}
          value={by.value}
          onChange={(next) => {
            by.value = next;
          }}
        />
      }
    >
      <Legend
        items={all.map((one) => ({ ...one, value: shortCount(one.total) }))}
        hidden={hidden.value}
        onToggle={(name) => {
          hidden.value = toggled(hidden.value, name);
        }}
      />
      <Folded metric="traffic" name="event_type" of="event types" />
      <Folded metric="traffic" name="device_type" of="devices" />
      <Chart
        tall
        data={data}
        label={`Traffic over time: ${count(sum)} events; ${all.map((one) => `${isolated(one.name)} ${count(one.total)}`).join(', ')}.`}
      />
    </Panel>
  );
}
