import { useComputed } from '@preact/signals';
import { Chart } from '../charts/chart.tsx';
import type { ChartData } from '../charts/data.ts';
import { palette } from '../charts/palette.ts';
import { perWindow, pivotSum } from '../charts/pivot.ts';
import { count, share } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { windowLabel } from '../time/labels.ts';
import { Empty } from '../ui/empty.tsx';
import { Panel } from '../ui/panel.tsx';

const ERRORS = ['4xx', '5xx'] as const;

/** A minute has too few answers for a share of failed ones to mean anything: with many windows, some are taken together. */
const together = (windows: number): number => (windows > 1000 ? 10 : windows > 240 ? 6 : 1);

function gather(values: readonly (number | null)[] | undefined, size: number): number[] {
  const sums: number[] = [];
  for (const [index, value] of (values ?? []).entries()) {
    const at = Math.floor(index / size);
    sums[at] = (sums[at] ?? 0) + (value ?? 0);
  }
  return sums;
}

function model(): ChartData & { size: number } {
  const { starts: all, window, open } = span.value;
  const size = together(all.length);
  const starts = all.filter((_, index) => index % size === 0);
  const rows = metrics.responses.value.rows ?? [];
  const classes = pivotSum(
    rows,
    all,
    (row) => row.status_class,
    (row) => row.events,
    0,
  ).values;
  const answers = gather(
    all.map((_, index) => [...classes.values()].reduce((sum, values) => sum + (values[index] ?? 0), 0)),
    size,
  );
  const colours = { '4xx': palette.value.warn, '5xx': palette.value.bad };
  const series = ERRORS.map((name) => {
    const failed = gather(classes.get(name), size);
    return {
      name,
      colour: colours[name],
      ...(name === '4xx' ? { dash: [5, 3] } : {}),
      // No answers are no share, rather than a share of none.
      values: answers.map((sum, at) => (sum > 0 ? (failed[at] ?? 0) / sum : null)),
    };
  });
  return {
    kind: 'lines',
    zone: timeZone.value,
    window,
    starts,
    open: open === null ? null : (starts.at(-1) ?? null),
    series,
    size,
    format: (value) => share(value, 2),
    axisFormat: (value) => share(value, value < 0.1 ? 1 : 0),
  };
}

function colourOfClass(name: string): string {
  const { good, warn, bad, other } = palette.value;
  return { '2xx': good, '4xx': warn, '5xx': bad }[name] ?? other;
}

/** Good answers would drown the bad ones: the chart shows the shares of 4xx and 5xx, the list all classes. */
export function Responses() {
  const data = useComputed(model);
  const sums = new Map<string, number>();
  for (const row of metrics.responses.value.total ?? []) {
    sums.set(row.status_class, (sums.get(row.status_class) ?? 0) + row.events);
  }
  const sum = [...sums.values()].reduce((total, events) => total + events, 0);
  const classes = [...sums].sort(([a], [b]) => a.localeCompare(b));
  const { starts, window, zone, series, size } = data.value;
  const per = size === 1 ? perWindow[window] : `${size} ${perWindow[window]}s`;
  const table = () => ({
    columns: [{ name: 'Window' }, ...series.map((line) => ({ name: line.name, num: true }))],
    rows: starts
      .map((at, index) => [
        windowLabel(window, zone, at),
        ...series.map((line) => share(line.values[index], 2)),
      ])
      .reverse(),
  });
  const summary = classes.map(([name, events]) => `${name}: ${count(events)}`).join(', ');
  return (
    <Panel
      title="Status codes"
      area="responses"
      note={`share of 4xx and 5xx per ${per}`}
      error={metrics.responses.value.error}
      table={table}
      empty={
        classes.every(([name]) => name === 'unknown') && (
          <Empty
            reason="No status codes in the events of this range (field status_code)."
            loaded={metrics.responses.value.total !== null}
          />
        )
      }
    >
      <ul class="classes">
        {classes.map(([name, events]) => (
          <li key={name}>
            <span class="swatch" style={{ background: colourOfClass(name) }} />
            {name} <strong class="num">{share(events / Math.max(1, sum))}</strong>{' '}
            <span class="note num">{count(events)}</span>
          </li>
        ))}
      </ul>
      <Chart data={data.value} label={`Share of failed answers over time. ${summary}.`} />
    </Panel>
  );
}
