import { type Board, linkToOthers, queryVariable } from './board.ts';
import { BAD, dashed, flowColours, GOOD, GREY, NEUTRAL, type Override, PANEL_UNITS, WARN } from './look.ts';
import {
  bars,
  dressed,
  lines,
  numbers,
  type PanelBuilder,
  type PanelText,
  refId,
  type Series,
} from './panels.ts';
import { common, dashboard, prometheus, statetimeline } from './sdk.ts';

const SOURCE = { type: 'prometheus', uid: 'tillstream-prometheus' };
const HERE = 'instance=~"${instance}"';
const LINES = 'tillstream_ledger_lines_total';
/** Counters grow from scrape to scrape: Grafana chooses a time that holds enough of them. */
const RATE = '[$__rate_interval]';

/** One PromQL expression and the name of its series. */
type Ask = [expression: string, legend: string];

function queries(...asks: Ask[]) {
  return asks.map(([expr, legend], index) =>
    new prometheus.DataqueryBuilder()
      .refId(refId(index))
      .datasource(SOURCE)
      .expr(expr)
      .legendFormat(legend)
      .editorMode(prometheus.QueryEditorMode.Code)
      .range(),
  );
}

const lineChart = (text: Series, ...asks: Ask[]) =>
  lines({ overrides: flowColours, ...text }, SOURCE, queries(...asks));
const number = (text: Parameters<typeof numbers>[0], ...asks: Ask[]) =>
  numbers(text, SOURCE, queries(...asks));

/** Tillstream itself, from its own /metrics. */
export function pipelineHealth(): Board {
  return {
    name: 'pipeline-health',
    title: 'Tillstream: pipeline health',
    description:
      'Tillstream itself: ledger, lag, parts, stores, process. Asks the Prometheus that reads its /metrics.',
    tags: ['tillstream', 'influxql', 'flux'],
    time: { from: 'now-6h', to: 'now' },
    refresh: '30s',
    variables: [
      queryVariable(SOURCE, 'instance', 'Instance', 'label_values(tillstream_ledger_balanced, instance)'),
    ],
    links: [linkToOthers(['tillstream'])],
    rows: [
      { title: '', panels: glance() },
      { title: 'Flow', panels: flow() },
      { title: 'Parts and sources', panels: parts() },
      { title: 'Stores and files', panels: stores() },
      { title: 'Process', panels: process() },
    ],
  };
}

const from = (value: number | null, color: string) => ({ value, color });
const good = (atMost: number): dashboard.Threshold[] => [from(null, GOOD), from(atMost, BAD)];

function glance(): PanelBuilder[] {
  const size = [3, 4] as const;
  const [yes, no] = [
    { text: 'balanced', color: GOOD, index: 0 },
    { text: 'NOT BALANCED', color: BAD, index: 1 },
  ];
  return [
    number(
      {
        title: 'Ledger',
        description:
          'Every line received is accounted for, in the archive and in the metrics, in total and for each source.',
        size,
        unit: 'none',
        thresholds: [from(null, BAD), from(1, GOOD)],
        mappings: [{ type: dashboard.MappingType.ValueToText, options: { '1': yes!, '0': no! } }],
        noValue: 'no data',
      },
      [`min(tillstream_ledger_balanced{${HERE}})`, 'ledger'],
    ),
    number(
      {
        title: 'Parts not ready',
        description: 'Collector, log, archive, metrics, stores and sources that are waiting or have failed.',
        size,
        unit: PANEL_UNITS.count,
        thresholds: good(1),
        noValue: 'no data',
      },
      [`count(tillstream_part_ready{${HERE}}) - sum(tillstream_part_ready{${HERE}})`, 'not ready'],
    ),
    number(
      {
        title: 'Lines/s',
        description: 'Lines received a second.',
        size,
        unit: PANEL_UNITS.perSecond,
        graph: true,
        colour: NEUTRAL,
        noValue: 'no data',
      },
      [`sum(rate(${LINES}{state="received",${HERE}}${RATE}))`, 'received'],
    ),
    number(
      {
        title: 'Largest lag',
        description: 'Most lines of the log that one consumer has not read yet.',
        size,
        unit: PANEL_UNITS.lines,
        thresholds: [from(null, GOOD), from(10_000, WARN), from(100_000, BAD)],
        graph: true,
        noValue: 'no data',
      },
      [`max(tillstream_lag_lines{${HERE}})`, 'lag'],
    ),
    number(
      {
        title: 'Bad rows, last hour',
        description: 'Share of bad rows among the lines received in the last hour.',
        size,
        unit: PANEL_UNITS.share,
        decimals: 2,
        thresholds: [from(null, GOOD), from(0.01, WARN), from(0.05, BAD)],
        noValue: 'no lines',
      },
      [
        `sum(increase(${LINES}{state="bad",${HERE}}[1h])) / (sum(increase(${LINES}{state="received",${HERE}}[1h])) > 0)`,
        'bad rows',
      ],
    ),
    number(
      {
        title: 'Dirty windows',
        description: 'Windows waiting to be recomputed from the archive.',
        size,
        unit: PANEL_UNITS.count,
        colour: NEUTRAL,
        graph: true,
        noValue: 'no data',
      },
      [`sum(tillstream_dirty_windows{${HERE}})`, 'windows'],
    ),
    number(
      {
        title: 'Lines lost',
        description: 'Lines lost to damage of the log files. This must be 0.',
        size,
        unit: PANEL_UNITS.lines,
        thresholds: good(1),
        noValue: 'no data',
      },
      [`sum(tillstream_lost_lines{${HERE}})`, 'lost'],
    ),
    number(
      {
        title: 'Up since',
        description: 'Time since the process started.',
        size,
        unit: PANEL_UNITS.seconds,
        colour: NEUTRAL,
        noValue: 'no data',
      },
      [`time() - max(process_start_time_seconds{${HERE}} and on(instance) tillstream_ledger_balanced)`, 'up'],
    ),
  ];
}

function flow(): PanelBuilder[] {
  const rate = (state: string) => `sum(rate(${LINES}{state=~"${state}",${HERE}}${RATE}))`;
  return [
    lineChart(
      {
        title: 'Lines a second by what became of them',
        description: 'Archived and counted follow received; where they stay below it, a reader falls behind.',
        size: [12, 8],
        unit: PANEL_UNITS.perSecond,
        overrides: [...flowColours, dashed('counted')],
      },
      [rate('received'), 'received'],
      [rate('archived_events|archived_bad_rows'), 'archived'],
      [rate('counted'), 'counted'],
      [rate('duplicate'), 'duplicate'],
      [rate('excluded'), 'excluded'],
      [rate('bad'), 'bad'],
    ),
    lineChart(
      {
        title: 'Lines a second by source',
        description: 'Lines received, by source.',
        size: [12, 8],
        unit: PANEL_UNITS.perSecond,
      },
      [`sum by (source) (rate(${LINES}{state="received",${HERE}}${RATE}))`, '{{source}}'],
    ),
    lineChart(
      {
        title: 'Lag',
        description: 'Lines of the log that each reader has not taken yet.',
        size: [8, 8],
        unit: PANEL_UNITS.lines,
      },
      [`sum by (reader) (tillstream_lag_lines{${HERE}})`, '{{reader}}'],
    ),
    lineChart(
      {
        title: 'Age of the newest line',
        description:
          'Seconds since the newest line that a stage has was received. Without events all grow alike; a stage above the others is behind.',
        size: [8, 8],
        unit: PANEL_UNITS.seconds,
      },
      [`max by (stage) (tillstream_age_seconds{${HERE}})`, '{{stage}}'],
    ),
    bars(
      {
        title: 'Rejected lines, by reason',
        description: 'Lines a minute that were rejected when they came in; they are kept as bad rows.',
        size: [8, 8],
        unit: PANEL_UNITS.lines,
      },
      SOURCE,
      queries([`60 * sum by (reason) (rate(tillstream_rejected_lines_total{${HERE}}${RATE}))`, '{{reason}}']),
    ),
  ];
}

function parts(): PanelBuilder[] {
  const ready: PanelText = {
    title: 'Parts',
    description: 'Whether each part was ready.',
    size: [14, 8],
    unit: 'none',
    thresholds: [from(null, BAD), from(1, GOOD)],
  };
  const asks = queries([`min by (part) (tillstream_part_ready{${HERE}})`, '{{part}}']);
  const timeline = dressed(new statetimeline.PanelBuilder(), ready, SOURCE, asks)
    .mappings([
      {
        type: dashboard.MappingType.ValueToText,
        options: {
          '1': { text: 'ready', color: GOOD, index: 0 },
          '0': { text: 'not ready', color: BAD, index: 1 },
        },
      },
    ])
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .showValue(common.VisibilityMode.Never)
    .mergeValues(true)
    .rowHeight(0.8);
  return [
    timeline,
    lineChart(
      {
        title: 'Sources: their counters',
        description: 'A minute, by source: polls, gaps, refused redirects and the like.',
        size: [10, 8],
        unit: PANEL_UNITS.count,
      },
      [
        `60 * sum by (source, counter) (rate(tillstream_source_total{${HERE}}${RATE}))`,
        '{{source}} {{counter}}',
      ],
    ),
  ];
}

function stores(): PanelBuilder[] {
  const counter = (name: string) =>
    `sum by (store) (rate(tillstream_store_total{counter="${name}",${HERE}}${RATE}))`;
  const failed: Override = {
    matcher: { id: 'byRegexp', options: '.*(failed|expired)$' },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: BAD } }],
  };
  return [
    lineChart(
      {
        title: 'Stores: behind',
        description: 'For how long a store has lacked metrics that the built-in one has.',
        size: [8, 8],
        unit: PANEL_UNITS.seconds,
      },
      [`max by (store) (tillstream_store_behind_seconds{${HERE}})`, '{{store}}'],
    ),
    lineChart(
      {
        title: 'Stores: points and requests a second',
        description:
          'Points written, requests, failed ones, and points that were older than the store keeps.',
        size: [8, 8],
        unit: PANEL_UNITS.perSecond,
        overrides: [failed],
      },
      [counter('points'), '{{store}} points'],
      [counter('requests'), '{{store}} requests'],
      [counter('failed_requests'), '{{store}} failed'],
      [counter('expired_points'), '{{store}} expired'],
    ),
    lineChart(
      {
        title: 'Event log on disk',
        description: 'Bytes of the event log.',
        size: [4, 8],
        unit: PANEL_UNITS.bytes,
      },
      [`sum(tillstream_log_bytes{${HERE}})`, 'log'],
    ),
    lineChart(
      {
        title: 'Archive files',
        description: 'Live Parquet files of each table; compaction makes them fewer.',
        size: [4, 8],
        unit: PANEL_UNITS.count,
      },
      [`sum by (table) (tillstream_archive_files{${HERE}})`, '{{table}}'],
    ),
  ];
}

/** Other programs have metrics of these names too: only those of instances of Tillstream. */
const ours = (expression: string) => `${expression} and on(instance) tillstream_ledger_balanced`;

function process(): PanelBuilder[] {
  const grey = (name: string): Override => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: GREY } }],
  });
  return [
    lineChart({ title: 'CPU', description: 'Cores in use.', size: [8, 7], unit: 'none' }, [
      ours(`rate(process_cpu_seconds_total{${HERE}}${RATE})`),
      '{{instance}}',
    ]),
    lineChart(
      {
        title: 'Memory',
        description: 'Resident memory, and the part of it that JavaScript uses.',
        size: [8, 7],
        unit: PANEL_UNITS.bytes,
        overrides: [grey('heap')],
      },
      [`sum(${ours(`process_resident_memory_bytes{${HERE}}`)})`, 'resident'],
      [`sum(${ours(`nodejs_heap_size_used_bytes{${HERE}}`)})`, 'heap'],
    ),
    lineChart(
      {
        title: 'Delay of the event loop',
        description: 'How long work waits for its turn: the 99th percentile, and the mean.',
        size: [8, 7],
        unit: PANEL_UNITS.seconds,
        overrides: [grey('mean')],
      },
      [`max(${ours(`nodejs_eventloop_lag_p99_seconds{${HERE}}`)})`, 'p99'],
      [`max(${ours(`nodejs_eventloop_lag_mean_seconds{${HERE}}`)})`, 'mean'],
    ),
  ];
}
