import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import type { WindowSize } from '../../src/metrics/window.ts';
import { GREY, NEUTRAL, type Override } from './look.ts';
import { influxQuery, type Language, type Question } from './question.ts';
import { bargauge, type cog, common, dashboard, stat, table, timeseries } from './sdk.ts';

/** What is said of a panel, whatever its kind. */
export interface PanelText {
  title: string;
  description: string;
  /** Columns of 24, and rows of 30 pixels. */
  size: readonly [width: number, height: number];
  unit: string;
  decimals?: number;
  overrides?: readonly Override[];
  thresholds?: readonly dashboard.Threshold[];
}

export interface Series extends PanelText {
  /** Each value lasts until its window ends. */
  steps?: true;
}

export type PanelBuilder = cog.Builder<dashboard.Panel>;
type Queries = cog.Builder<cog.Dataquery>[];

/** Builds panels that ask InfluxDB in one language. */
export class Panels {
  readonly #language: Language;

  constructor(language: Language) {
    this.#language = language;
  }

  queries(questions: readonly Question[]): Queries {
    return questions.map((question, index) => influxQuery(this.#language, refId(index), question));
  }

  numbers(text: Numbers, ...questions: readonly Question[]): PanelBuilder {
    return numbers(text, this.#source, this.queries(questions));
  }

  gauge(text: PanelText, ...questions: readonly Question[]): PanelBuilder {
    return gauge(text, this.#source, this.queries(questions));
  }

  /** Amounts of windows, one on the other: where there is no point, there was nothing. */
  bars(text: Series, ...questions: readonly Question[]): PanelBuilder {
    return bars(text, this.#source, this.queries(questions)).maxDataPoints(POINTS_MAX);
  }

  /**
   * Values that are not there where nothing happened: the line ends there. Grafana needs a fixed time for that, so there is a
   * query for each size of window, of which only the chosen one finds points.
   */
  lines(text: Series, question: Question): PanelBuilder {
    const windows = CATALOGUE.find(({ name }) => name === question.metric)?.windows ?? [];
    const questions = windows.map((window): Question => ({ ...question, window, onlyIfChosen: true }));
    const gaps = windows.map((window, index) => insertNulls(refId(index), GAP_MS[window]));
    const overrides = [...gaps, ...(text.overrides ?? [])];
    return lines({ ...text, overrides }, this.#source, this.queries(questions)).maxDataPoints(POINTS_MAX);
  }

  /**
   * A table of the columns, in their order and with their heads, by the first. It sorts: InfluxQL gives what lies at the same
   * time in any order.
   */
  rows(text: PanelText & { columns: Record<string, string> }, question: Question): PanelBuilder {
    const names = Object.keys(text.columns);
    const organize = {
      excludeByName: { Time: true, time: true, _time: true },
      indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
      renameByName: text.columns,
    };
    const first = text.columns[names[0]!]!;
    return dressed(new table.PanelBuilder(), text, this.#source, this.queries([question]))
      .withTransformation({ id: 'organize', options: organize })
      .sortBy([new common.TableSortByFieldStateBuilder().displayName(first).desc(false)])
      .align(common.FieldTextAlignment.Auto)
      .cellHeight(common.TableCellHeight.Sm)
      .showHeader(true);
  }

  get #source() {
    return this.#language.datasource;
  }
}

/** Grafana cuts the answers to Flux at ten times this; it would take the width of the panel, and half a week of minutes. */
const POINTS_MAX = 10_000;

/** A line goes on over the next window, and a little more: a day can have 25 hours. */
const GAP_MS: Record<WindowSize, number> = { '1m': 90_000, '1h': 5_400_000, '1d': 25.5 * 3_600_000 };

function insertNulls(ref: string, ms: number): Override {
  return {
    matcher: { id: 'byFrameRefID', options: ref },
    properties: [{ id: 'custom.insertNulls', value: ms }],
  };
}

export const refId = (index: number) => String.fromCharCode(65 + index);

interface Numbers extends PanelText {
  /** Names beside the values, where there can be several. */
  named?: true;
  noValue?: string;
  mappings?: dashboard.ValueMapping[];
  colour?: string;
  /** Draws the values over time behind the number. */
  graph?: true;
  reduce?: 'lastNotNull' | 'max';
}

export function numbers(text: Numbers, source: common.DataSourceRef, queries: Queries): PanelBuilder {
  const { Value, None } = common.BigValueColorMode;
  const panel = dressed(new stat.PanelBuilder(), text, source, queries)
    .noValue(text.noValue ?? '0')
    .colorMode(text.thresholds || text.colour ? Value : None)
    .graphMode(text.graph ? common.BigValueGraphMode.Area : common.BigValueGraphMode.None)
    .textMode(text.named ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Value)
    .justifyMode(common.BigValueJustifyMode.Auto)
    .orientation(common.VizOrientation.Auto)
    .wideLayout(true)
    .reduceOptions(reduced(text.reduce ?? 'lastNotNull'));
  if (text.mappings) panel.mappings(text.mappings);
  if (!text.thresholds) panel.colorScheme(fixed(text.colour ?? NEUTRAL));
  return panel;
}

function gauge(text: PanelText, source: common.DataSourceRef, queries: Queries): PanelBuilder {
  const panel = dressed(new bargauge.PanelBuilder(), text, source, queries)
    .min(0)
    .noValue('0')
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .valueMode(common.BarGaugeValueMode.Text)
    .namePlacement(common.BarGaugeNamePlacement.Left)
    .showUnfilled(true)
    .orientation(common.VizOrientation.Horizontal)
    .reduceOptions(reduced('lastNotNull'));
  if (!text.thresholds) panel.colorScheme(fixed(GREY));
  return panel;
}

export function bars(text: Series, source: common.DataSourceRef, queries: Queries) {
  const stacking = new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A');
  return chart(text, source, queries)
    .stacking(stacking)
    .drawStyle(common.GraphDrawStyle.Bars)
    .barAlignment(common.BarAlignment.After)
    .barWidthFactor(0.9)
    .lineWidth(0)
    .fillOpacity(85);
}

export function lines(text: Series, source: common.DataSourceRef, queries: Queries) {
  const { Linear, StepAfter } = common.LineInterpolation;
  return chart(text, source, queries)
    .drawStyle(common.GraphDrawStyle.Line)
    .lineInterpolation(text.steps ? StepAfter : Linear)
    .showPoints(common.VisibilityMode.Auto)
    .pointSize(4)
    .lineWidth(2)
    .fillOpacity(text.steps ? 12 : 0);
}

function chart(text: Series, source: common.DataSourceRef, queries: Queries) {
  const panel = dressed(new timeseries.PanelBuilder(), text, source, queries)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassicByName))
    .min(0)
    .axisPlacement(common.AxisPlacement.Auto)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending)
        .hideZeros(true),
    );
  if (text.thresholds) {
    const dashes = common.GraphThresholdsStyleMode.Dashed;
    panel.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(dashes));
  }
  return panel;
}

/** What builders of all kinds of panels have. */
interface AnyBuilder {
  title(text: string): unknown;
  description(text: string): unknown;
  span(width: number): unknown;
  height(rows: number): unknown;
  unit(unit: string): unknown;
  decimals(count: number): unknown;
  datasource(source: common.DataSourceRef): unknown;
  targets(queries: Queries): unknown;
  overrides(overrides: Override[]): unknown;
  thresholds(config: cog.Builder<dashboard.ThresholdsConfig>): unknown;
}

export function dressed<B extends AnyBuilder>(
  panel: B,
  { title, description, size, unit, decimals, overrides = [], thresholds }: PanelText,
  source: common.DataSourceRef,
  queries: Queries,
): B {
  const [width, height] = size;
  panel.title(title);
  panel.description(description);
  panel.span(width);
  panel.height(height);
  panel.unit(unit);
  panel.datasource(source);
  panel.targets(queries);
  panel.overrides([...overrides]);
  if (decimals !== undefined) panel.decimals(decimals);
  if (thresholds)
    panel.thresholds(
      new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps([...thresholds]),
    );
  return panel;
}

const reduced = (calc: string) =>
  new common.ReduceDataOptionsBuilder().calcs([calc]).values(false).fields('');

const fixed = (colour: string) =>
  new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Fixed).fixedColor(colour);
