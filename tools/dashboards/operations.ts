import {
  type Board,
  linksToRanges,
  linkToOthers,
  oneTagVariable,
  rangeOf,
  tagVariable,
  windowVariable,
} from './board.ts';
import {
  BAD,
  dashed,
  deviceColours,
  ERROR_SHARE_STEPS,
  LATENCY_STEPS,
  NEUTRAL,
  PANEL_UNITS,
  qualityColours,
  quantileColours,
  statusColours,
} from './look.ts';
import { type PanelBuilder, Panels } from './panels.ts';
import * as parts from './parts.ts';
import { type Language, meaning, type TagCondition } from './question.ts';

const VARIABLES = ['event_type', 'device_type'];
const LATENCY_TYPE = { name: 'latency_type', label: 'Quantiles of', first: 'view_product' };

/** How the shop answers, who comes, and how good the data are. */
export function operations(language: Language): Board {
  const scope: parts.BoardScope = {
    panels: new Panels(language),
    chosen: (...tags) =>
      tags.filter((tag) => VARIABLES.includes(tag)).map((tag): TagCondition => ({ tag, chosen: true })),
  };
  const name = `operations-${language.name}`;
  return {
    name,
    title: 'Tillstream: operations',
    description: `Traffic, answers, latency, audience and data quality. Asks InfluxDB in ${language.title}.`,
    tags: ['tillstream', language.name],
    time: rangeOf('1m'),
    refresh: '30s',
    variables: [
      windowVariable(['1m', '1h', '1d'], '1m'),
      tagVariable(language, 'traffic', 'event_type', 'Event type'),
      tagVariable(language, 'traffic', 'device_type', 'Device (traffic)'),
      oneTagVariable(language, 'latency', 'event_type', LATENCY_TYPE),
    ],
    links: [linkToOthers(['tillstream', language.name]), ...linksToRanges(name, ['1m', '1h', '1d'])],
    rows: [
      { title: '', panels: numbers(scope) },
      { title: 'Traffic', panels: [parts.trafficPanel(scope, [12, 8]), devices(scope)] },
      { title: 'Responses', panels: responses(scope) },
      { title: 'Latency', panels: latency(scope) },
      { title: 'Audience', panels: [parts.peopleOverTimePanel(scope, [24, 8])] },
      { title: 'Data quality', panels: quality(scope) },
    ],
  };
}

function numbers(scope: parts.BoardScope): PanelBuilder[] {
  return [
    parts.amountPanel(scope, [3, 4], {
      title: 'Events',
      metric: 'traffic',
      field: 'events',
      tags: VARIABLES,
    }),
    parts.eventsPerSecondPanel(scope, [3, 4]),
    parts.amountPanel(scope, [3, 4], {
      title: 'Errors',
      metric: 'responses',
      field: 'errors',
      tags: VARIABLES.slice(0, 1),
      colour: BAD,
    }),
    parts.errorSharePanel(scope, [3, 4]),
    slowest(scope),
    parts.peoplePanel(scope, [3, 4], 'users'),
    parts.peoplePanel(scope, [3, 4], 'sessions'),
    parts.badRowsPanel(scope, [3, 4]),
  ];
}

function slowest({ panels, chosen }: parts.BoardScope): PanelBuilder {
  return panels.numbers(
    {
      title: 'Slowest answer',
      description: `${meaning('latency', 'max')} Over the windows that start in the time range.`,
      size: [3, 4],
      unit: PANEL_UNITS.milliseconds,
      colour: NEUTRAL,
      noValue: 'none',
    },
    { metric: 'latency', max: 'max', where: chosen('event_type'), name: 'Slowest answer' },
  );
}

function devices({ panels, chosen }: parts.BoardScope): PanelBuilder {
  return panels.bars(
    {
      title: 'Events by device',
      description: `Events of each window, by the device of the visitor. ${parts.OPEN_WINDOW_NOTE}`,
      size: [12, 8],
      unit: PANEL_UNITS.count,
      overrides: deviceColours,
    },
    {
      metric: 'traffic',
      sum: 'events',
      perWindow: true,
      by: 'device_type',
      where: chosen('event_type', 'device_type'),
    },
  );
}

function responses(scope: parts.BoardScope): PanelBuilder[] {
  const { panels, chosen } = scope;
  const where = chosen('event_type');
  return [
    panels.bars(
      {
        title: 'Answers by class of status',
        description: `Events of each window by the class of their HTTP status; unknown: without one. ${parts.OPEN_WINDOW_NOTE}`,
        size: [8, 8],
        unit: PANEL_UNITS.count,
        overrides: statusColours,
      },
      { metric: 'responses', sum: 'events', perWindow: true, by: 'status_class', where },
    ),
    parts.errorShareOverTimePanel(scope, [8, 8]),
    panels.gauge(
      {
        title: 'Error share of each event type',
        description: 'Errors over events with a status, both summed over the time range.',
        size: [8, 8],
        unit: PANEL_UNITS.share,
        decimals: 2,
        thresholds: ERROR_SHARE_STEPS,
      },
      { metric: 'responses', ratio: ['errors', 'with_status'], by: 'event_type', where },
    ),
  ];
}

function latency(scope: parts.BoardScope): PanelBuilder[] {
  const { panels, chosen } = scope;
  return [
    parts.p95OverTimePanel(scope, [8, 8]),
    panels.lines(
      {
        title: 'Quantiles of ${latency_type}',
        description: 'Response times of each window, of the event type that is chosen above.',
        size: [8, 8],
        unit: PANEL_UNITS.milliseconds,
        overrides: [...quantileColours, dashed('p99'), dashed('max')],
      },
      {
        metric: 'latency',
        each: ['p50', 'p95', 'p99', 'max'],
        where: [{ tag: 'event_type', one: LATENCY_TYPE.name }],
      },
    ),
    panels.gauge(
      {
        title: 'Latency p95, last whole window',
        description: `${meaning('latency', 'p95')} Of the last window that is over at the end of the time range.`,
        size: [8, 8],
        unit: PANEL_UNITS.milliseconds,
        decimals: 0,
        thresholds: LATENCY_STEPS,
      },
      { metric: 'latency', last: 'p95', span: 'complete', by: 'event_type', where: chosen('event_type') },
    ),
  ];
}

function quality(scope: parts.BoardScope): PanelBuilder[] {
  const { panels } = scope;
  const perWindow = { metric: 'quality', sum: 'rows', perWindow: true, by: 'reason' } as const;
  return [
    panels.bars(
      {
        title: 'Bad rows by reason',
        description:
          'Lines that are not events, by the time of receipt. docs/events.md explains the reasons.',
        size: [8, 8],
        unit: PANEL_UNITS.count,
      },
      { ...perWindow, where: [parts.badRows] },
    ),
    panels.bars(
      {
        title: 'Duplicates and late events',
        description:
          'Duplicates are counted once in the metrics. A late event corrects the window in which it happened.',
        size: [8, 8],
        unit: PANEL_UNITS.count,
        overrides: qualityColours,
      },
      { ...perWindow, where: [parts.notBadRows] },
    ),
    parts.qualityPanel(scope, [8, 8]),
    panels.lines(
      {
        title: 'Windows corrected by late events',
        description: `${meaning('quality', 'windows')} By how late the events were; of each window of receipt.`,
        size: [24, 7],
        unit: PANEL_UNITS.count,
        overrides: qualityColours,
      },
      { metric: 'quality', each: ['windows'], by: 'reason', where: [{ tag: 'reason', matches: '^late_' }] },
    ),
  ];
}
