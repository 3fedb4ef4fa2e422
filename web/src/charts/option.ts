/** A chart over time as ECharts wants it: few lines, no frame, and the window that is not over yet set apart. */
import { axisLabels, windowLabel } from '../time/labels.ts';
import type { ChartData, ChartSeries } from './data.ts';
import { palette } from './palette.ts';
import { tooltip } from './tooltip.ts';

/** With more windows than this, bars would be thinner than a hair: areas instead. */
const BARS_MAX = 200;
const DENSE = 300;

type Value = number | null | undefined;
const isValue = (value: Value) => value !== null && value !== undefined;

/** A value between two gaps has no line: it shows as a point. */
function withLonePoints(values: readonly (number | null)[]) {
  return values.map((value, index) =>
    isValue(value) && !isValue(values[index - 1]) && !isValue(values[index + 1])
      ? { value, symbol: 'circle' }
      : value,
  );
}

function line(data: ChartData, series: ChartSeries, openIndex: number) {
  // Thousands of thick or dashed pieces would be one blot.
  const dense = data.starts.length > DENSE;
  const base = {
    type: 'line' as const,
    symbol: 'none',
    showSymbol: true,
    showAllSymbol: true,
    symbolSize: 6,
    itemStyle: { color: series.colour },
    emphasis: { disabled: true },
    silent: true,
  };
  const style = {
    color: series.colour,
    width: dense ? 1 : 1.75,
    ...(series.dash && !dense ? { type: series.dash } : {}),
  };
  const solid = openIndex < 0 ? series.values : series.values.slice(0, openIndex);
  const lines: object[] = [{ ...base, name: series.name, data: withLonePoints(solid), lineStyle: style }];
  if (openIndex >= 0) {
    const tail = series.values.map((value, index) => (index >= openIndex - 1 ? value : null));
    lines.push({
      ...base,
      name: `${series.name} (open)`,
      data: withLonePoints(tail),
      lineStyle: { ...style, type: [2, 3], width: 1.25 },
    });
  }
  return lines;
}

function stacked(data: ChartData, series: ChartSeries, openIndex: number) {
  const { panel } = palette.value;
  const shared = { name: series.name, stack: 'all', emphasis: { disabled: true }, silent: true };
  if (data.starts.length > BARS_MAX) {
    const area = { color: series.colour, opacity: 0.85 };
    const lineStyle = { width: 0.5, color: series.colour };
    return { ...shared, type: 'line', data: series.values, symbol: 'none', areaStyle: area, lineStyle };
  }
  const values = series.values.map((value, index) =>
    index === openIndex && value !== null ? { value, itemStyle: { opacity: 0.5 } } : value,
  );
  const itemStyle = {
    color: series.colour,
    borderColor: panel,
    borderWidth: data.starts.length > 80 ? 0 : 0.5,
  };
  return {
    ...shared,
    type: 'bar',
    data: values,
    itemStyle,
    barCategoryGap: data.starts.length > 80 ? '12%' : '22%',
  };
}

/** Labels are measured on a canvas, which knows no `inherit`: with another font they would be cut off. */
const pageFont = (): string => getComputedStyle(document.body).fontFamily;

export function chartOption(data: ChartData, width: number): Record<string, unknown> {
  const { grid, muted, open, text } = palette.value;
  const openIndex = data.open === null ? -1 : data.starts.indexOf(data.open);
  const bars = data.kind === 'stack' && data.starts.length <= BARS_MAX;
  const labels = axisLabels(data.window, data.zone, data.starts, Math.max(2, Math.floor(width / 78)));
  const series = data.series.flatMap((one) =>
    data.kind === 'stack' ? stacked(data, one, openIndex) : line(data, one, openIndex),
  );
  const first = series[0] as { markArea?: object } | undefined;
  if (first && openIndex > 0) {
    const edge = String(data.starts[bars ? openIndex : openIndex - 1]);
    const zone = [{ xAxis: edge }, { xAxis: String(data.starts[openIndex]) }];
    first.markArea = { silent: true, itemStyle: { color: open }, data: [zone] };
  }
  const fontFamily = pageFont();
  const font = { color: muted, fontSize: 11, fontFamily };
  return {
    animation: false,
    textStyle: { fontFamily, color: text },
    // Room for half of the last label.
    grid: { left: 2, right: 14, top: 8, bottom: 2, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'category',
      boundaryGap: bars,
      data: data.starts.map(String),
      axisLine: { lineStyle: { color: grid } },
      axisTick: {
        interval: (index: number) => labels.has(index),
        alignWithLabel: true,
        length: 4,
        lineStyle: { color: grid },
      },
      axisLabel: {
        ...font,
        interval: (index: number) => labels.has(index),
        formatter: (_: string, index: number) => labels.get(index) ?? '',
        hideOverlap: true,
        margin: 8,
      },
    },
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 3,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: grid, width: 1 } },
      axisLabel: { ...font, formatter: data.axisFormat, margin: 10 },
    },
    tooltip: tooltip(
      data,
      (index) => windowLabel(data.window, data.zone, data.starts[index]!),
      openIndex,
      bars,
    ),
    series,
  };
}
