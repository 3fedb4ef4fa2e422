import { FUNNEL_STEPS } from '../../src/event/fields.ts';
import { EVENT_REASONS } from '../../src/metrics/definitions/quality.ts';
import {
  audienceColours,
  BAD,
  currencyLook,
  ERROR_SHARE_STEPS,
  eventTypeColours,
  LATENCY_STEPS,
  NEUTRAL,
  PANEL_UNITS,
  qualityColours,
  stepColours,
} from './look.ts';
import type { PanelBuilder, Panels, PanelText } from './panels.ts';
import { meaning, type Question, RECENT_MINUTES, type TagCondition } from './question.ts';

type Size = PanelText['size'];

/** What several dashboards show, so that it looks and counts the same on each. */
export interface BoardScope {
  panels: Panels;
  /** Conditions that the variables of the dashboard make, where the metric has their tags. */
  chosen(...tags: string[]): TagCondition[];
}

export const OPEN_WINDOW_NOTE = 'The newest window is not over, so it is still growing.';
const IN_RANGE = 'Sum of the chosen windows that start in the time range.';
const COMPLETE = 'Of the last window that is over at the end of the time range.';
const NOT_ADDED = 'Distinct counts of several windows can’t be added.';
const [FIRST] = FUNNEL_STEPS;
const LAST = FUNNEL_STEPS.at(-1)!;

/** Reasons of the metric `quality` that are no bad rows. */
const NO_BAD_ROWS = `^(${EVENT_REASONS.join('|')}|late_.*)$`;
export const badRows: TagCondition = { tag: 'reason', matchesNot: NO_BAD_ROWS };
export const notBadRows: TagCondition = { tag: 'reason', matches: NO_BAD_ROWS };
const withStatus: TagCondition = { tag: 'status_class', isNot: 'unknown' };

/** An amount of the time range, by currency. */
export function moneyPanel(
  { panels, chosen }: BoardScope,
  size: Size,
  title: string,
  field: string,
): PanelBuilder {
  return panels.numbers(
    {
      title,
      description: `${meaning('revenue', field)} By currency. ${IN_RANGE}`,
      size,
      unit: PANEL_UNITS.money,
      decimals: 2,
      overrides: currencyLook,
      named: true,
      noValue: 'none',
    },
    { metric: 'revenue', sum: field, by: 'currency', where: chosen('currency') },
  );
}

/** A number of things of the time range. */
export function amountPanel(
  { panels, chosen }: BoardScope,
  size: Size,
  { title, metric, field, tags, where = [], colour = NEUTRAL }: Amount,
): PanelBuilder {
  return panels.numbers(
    { title, description: `${meaning(metric, field)} ${IN_RANGE}`, size, unit: PANEL_UNITS.count, colour },
    { metric, sum: field, where: [...chosen(...tags), ...where], name: title },
  );
}

interface Amount {
  title: string;
  metric: string;
  field: string;
  tags: string[];
  where?: TagCondition[];
  colour?: string;
}

export function eventsPerSecondPanel({ panels, chosen }: BoardScope, size: Size): PanelBuilder {
  return panels.numbers(
    {
      title: 'Events/s',
      description: `Events a second over the last ${RECENT_MINUTES} whole minutes before the end of the time range.`,
      size,
      unit: PANEL_UNITS.perSecond,
      decimals: 2,
      colour: NEUTRAL,
    },
    {
      metric: 'traffic',
      window: '1m',
      span: 'recent',
      sum: 'events',
      divisor: RECENT_MINUTES * 60,
      where: chosen('event_type', 'device_type'),
      name: 'Events/s',
    },
  );
}

export function errorSharePanel({ panels, chosen }: BoardScope, size: Size): PanelBuilder {
  return panels.numbers(
    {
      title: 'Error share',
      description:
        'Events with a status of 400 or more among those that have a status: sums over the time range, so busy windows count for more.',
      size,
      unit: PANEL_UNITS.share,
      decimals: 2,
      thresholds: ERROR_SHARE_STEPS,
      noValue: 'no status',
    },
    {
      metric: 'responses',
      ratio: ['errors', 'with_status'],
      where: chosen('event_type'),
      name: 'Error share',
    },
  );
}

export function errorShareOverTimePanel({ panels, chosen }: BoardScope, size: Size): PanelBuilder {
  return panels.lines(
    {
      title: 'Error share by event type',
      description: `${meaning('responses', 'error_share')} A line ends where no event had a status. The dashed lines mark where to look, and where it is bad.`,
      size,
      unit: PANEL_UNITS.share,
      thresholds: ERROR_SHARE_STEPS,
      overrides: eventTypeColours,
    },
    {
      metric: 'responses',
      ratio: ['errors', 'with_status'],
      perWindow: true,
      by: 'event_type',
      where: [...chosen('event_type'), withStatus],
    },
  );
}

/** Distinct users or sessions of one window. */
export function peoplePanel({ panels }: BoardScope, size: Size, field: 'users' | 'sessions'): PanelBuilder {
  const title = field === 'users' ? 'Users' : 'Sessions';
  return panels.numbers(
    {
      title: `${title}, last whole window`,
      description: `${meaning('audience', field)} ${COMPLETE} ${NOT_ADDED}`,
      size,
      unit: PANEL_UNITS.count,
      colour: NEUTRAL,
    },
    { metric: 'audience', last: field, span: 'complete', name: title },
  );
}

export function peopleOverTimePanel({ panels }: BoardScope, size: Size): PanelBuilder {
  return panels.lines(
    {
      title: 'Users and sessions per window',
      description: `Distinct users and sessions of each window. ${NOT_ADDED} ${OPEN_WINDOW_NOTE}`,
      size,
      unit: PANEL_UNITS.count,
      overrides: audienceColours,
    },
    { metric: 'audience', each: ['users', 'sessions'] },
  );
}

export function trafficPanel({ panels, chosen }: BoardScope, size: Size): PanelBuilder {
  return panels.bars(
    {
      title: 'Events by type',
      description: `Events of each window, by type. ${OPEN_WINDOW_NOTE}`,
      size,
      unit: PANEL_UNITS.count,
      overrides: eventTypeColours,
    },
    {
      metric: 'traffic',
      sum: 'events',
      perWindow: true,
      by: 'event_type',
      where: chosen('event_type', 'device_type'),
    },
  );
}

/** Money of each window, by currency: amounts of different currencies are not put one on the other. */
export function moneyOverTimePanel(
  { panels, chosen }: BoardScope,
  size: Size,
  title: string,
  field: string,
): PanelBuilder {
  return panels.lines(
    {
      title,
      description: `${meaning('revenue', field)} One step for each window and currency; no step means that nothing happened. ${OPEN_WINDOW_NOTE}`,
      size,
      unit: PANEL_UNITS.money,
      steps: true,
      overrides: currencyLook,
    },
    { metric: 'revenue', sum: field, perWindow: true, by: 'currency', where: chosen('currency') },
  );
}

export function p95OverTimePanel({ panels, chosen }: BoardScope, size: Size): PanelBuilder {
  return panels.lines(
    {
      title: 'Latency p95 by event type',
      description:
        '95th percentile of the response times of each window. Quantiles of several windows or types can’t be merged, so each is shown as it is.',
      size,
      unit: PANEL_UNITS.milliseconds,
      thresholds: LATENCY_STEPS,
      overrides: eventTypeColours,
    },
    { metric: 'latency', each: ['p95'], by: 'event_type', where: chosen('event_type') },
  );
}

type FunnelWindow = Pick<Question, 'window'>;

/** Users at the steps of one window, in order: the store knows no order, so each step is a query. */
export function funnelPanel(
  { panels }: BoardScope,
  size: Size,
  of: FunnelWindow,
  what: string,
): PanelBuilder {
  return panels.gauge(
    {
      title: `Funnel, last whole ${what}`,
      description: `${meaning('funnel', 'users')} ${COMPLETE} ${NOT_ADDED}`,
      size,
      unit: PANEL_UNITS.count,
      overrides: stepColours,
    },
    ...FUNNEL_STEPS.map(
      (step): Question => ({
        ...of,
        metric: 'funnel',
        last: 'users',
        span: 'complete',
        where: [{ tag: 'step', is: step }],
        name: step,
      }),
    ),
  );
}

export function conversionPanel(
  { panels }: BoardScope,
  size: Size,
  of: FunnelWindow,
  what: string,
): PanelBuilder {
  return panels.numbers(
    {
      title: `Conversion, last whole ${what}`,
      description: `Users at ${LAST} over users at ${FIRST}. ${COMPLETE}`,
      size,
      unit: PANEL_UNITS.share,
      decimals: 1,
      colour: NEUTRAL,
      noValue: 'none',
    },
    {
      ...of,
      metric: 'funnel',
      step: { field: 'users', tag: 'step', from: FIRST, to: LAST },
      span: 'complete',
      name: 'Conversion',
    },
  );
}

export function qualityPanel({ panels }: BoardScope, size: Size): PanelBuilder {
  return panels.gauge(
    {
      title: 'Data quality by reason',
      description: `Bad rows by their reason, duplicates, doubtful events by their finding, and late events by how late, by the time of receipt. ${IN_RANGE}`,
      size,
      unit: PANEL_UNITS.count,
      overrides: qualityColours,
    },
    { metric: 'quality', sum: 'rows', by: 'reason' },
  );
}

export function badRowsPanel(scope: BoardScope, size: Size): PanelBuilder {
  return amountPanel(scope, size, {
    title: 'Bad rows',
    metric: 'quality',
    field: 'rows',
    tags: [],
    where: [badRows],
    colour: BAD,
  });
}

/** Columns of the table of products, in their order, and their heads. */
const PRODUCT_COLUMNS = {
  rank: 'Rank',
  product_id: 'Product',
  views: 'Views',
  carts: 'Carts',
  purchases: 'Purchases',
  revenue: 'Revenue',
};

/** The best products of one window: a rank is another product in each window, so windows are not added up. */
export function productsPanel(
  { panels }: BoardScope,
  size: Size,
  of: FunnelWindow,
  what: string,
): PanelBuilder {
  const [tag, ...fields] = Object.keys(PRODUCT_COLUMNS) as [string, ...string[]];
  return panels.rows(
    {
      title: `Products by rank, last whole ${what}`,
      description: `The best 20 products by revenue, then purchases and views, and all others. Revenue: ${meaning('products', 'revenue')} ${COMPLETE}`,
      size,
      unit: PANEL_UNITS.count,
      columns: PRODUCT_COLUMNS,
      overrides: [
        { matcher: { id: 'byName', options: 'Rank' }, properties: [{ id: 'custom.width', value: 70 }] },
        {
          matcher: { id: 'byName', options: 'Revenue' },
          properties: [
            { id: 'unit', value: PANEL_UNITS.money },
            { id: 'decimals', value: 2 },
            { id: 'min', value: 0 },
            { id: 'color', value: { mode: 'fixed', fixedColor: NEUTRAL } },
            { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' } },
          ],
        },
      ],
    },
    { ...of, metric: 'products', table: { tag, fields }, span: 'complete' },
  );
}
