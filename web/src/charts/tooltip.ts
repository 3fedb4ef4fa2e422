/** The box beside the pointer. Built from DOM nodes, because names come from events: HTML text could carry markup. */
import type { ChartData } from './data.ts';
import { palette } from './palette.ts';

function element(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

function body(data: ChartData, index: number, title: string, open: boolean): HTMLElement {
  const box = element('div', 'tip', element('div', 'tip-title', open ? `${title} · so far` : title));
  // As they are stacked: the top one first.
  const shown = data.kind === 'stack' ? [...data.series].reverse() : data.series;
  for (const series of shown) {
    const value = series.values[index];
    const swatch = element('span', 'swatch');
    swatch.style.background = series.colour;
    const text = value === null || value === undefined ? '–' : (series.texts?.[index] ?? data.format(value));
    box.append(
      element(
        'div',
        'tip-row',
        swatch,
        element('bdi', 'tip-name', series.name),
        element('span', 'num', text),
      ),
    );
  }
  if (data.kind === 'stack' && data.series.length > 1) {
    const sum = data.series.reduce((total, series) => total + (series.values[index] ?? 0), 0);
    box.append(
      element(
        'div',
        'tip-row tip-sum',
        element('span', 'tip-name', 'Total'),
        element('span', 'num', data.format(sum)),
      ),
    );
  }
  return box;
}

export function tooltip(data: ChartData, title: (index: number) => string, openIndex: number, bars: boolean) {
  const { grid, muted, open, panel, text } = palette.value;
  return {
    trigger: 'axis',
    confine: true,
    transitionDuration: 0,
    backgroundColor: panel,
    borderColor: grid,
    padding: [8, 10],
    textStyle: { color: text, fontSize: 12 },
    axisPointer: {
      type: bars ? 'shadow' : 'line',
      lineStyle: { color: muted, width: 1, type: 'solid' },
      shadowStyle: { color: open },
      animation: false,
    },
    formatter: (hits: { dataIndex: number }[]) => {
      const index = hits[0]?.dataIndex ?? -1;
      return index < 0 ? '' : body(data, index, title(index), index === openIndex);
    },
  };
}
