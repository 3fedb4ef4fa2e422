/** What a chart over time shows, whatever draws it. */
import type { WindowSize } from '../api.ts';

export interface ChartSeries {
  name: string;
  colour: string;
  /** One per window; null is a gap, not a zero. */
  values: (number | null)[];
  /** What the tooltip says, where the number alone is not exact enough (money). */
  texts?: string[];
  dash?: number[];
}

export interface ChartData {
  kind: 'stack' | 'lines';
  zone: string;
  window: WindowSize;
  starts: readonly number[];
  open: number | null;
  series: ChartSeries[];
  format: (value: number) => string;
  axisFormat: (value: number) => string;
}
