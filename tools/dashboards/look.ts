import { FUNNEL_STEPS } from '../../src/event/fields.ts';
import type { dashboard } from './sdk.ts';

type Properties = dashboard.DynamicConfigValue[];
export interface Override {
  matcher: dashboard.MatcherConfig;
  properties: Properties;
}

/**
 * The colours of the built-in dashboard, told apart on light and on dark. A name has the same colour on every panel;
 * names that are not here get one from Grafana, which goes by the name as well.
 */
const SERIES = {
  blue: '#4a6fa5',
  cyan: '#2f9bb8',
  amber: '#c8811a',
  teal: '#0f8a7e',
  plum: '#a8527a',
  sand: '#8f7a55',
  violet: '#6a5acd',
  green: '#5b8c3a',
} as const;
export const GREY = '#8a8f98';
export const GOOD = SERIES.teal;
export const WARN = SERIES.amber;
export const BAD = '#c2410c';
export const NEUTRAL = SERIES.blue;

const [VIEW, CART, CHECKOUT, PURCHASE] = FUNNEL_STEPS;
const EVENT_TYPES = {
  [VIEW]: SERIES.blue,
  [CART]: SERIES.cyan,
  [CHECKOUT]: SERIES.amber,
  [PURCHASE]: SERIES.teal,
  view_list: SERIES.plum,
  search: SERIES.sand,
  view_cart: SERIES.violet,
  remove_from_cart: SERIES.green,
  refund: BAD,
  cancel: '#a0433a',
};
const DEVICES = { mobile: SERIES.blue, desktop: SERIES.cyan, tablet: SERIES.amber };
const STATUS_CLASSES = { '1xx': SERIES.sand, '2xx': GOOD, '3xx': NEUTRAL, '4xx': WARN, '5xx': BAD };
const CURRENCIES = { EUR: SERIES.teal, USD: SERIES.blue, GBP: SERIES.plum, CHF: SERIES.amber };
const QUANTILES = { p50: SERIES.cyan, p95: SERIES.blue, p99: SERIES.amber, max: GREY };
const AUDIENCE = { users: SERIES.blue, sessions: SERIES.cyan };
const QUALITY = {
  duplicate: SERIES.violet,
  invalid_field: SERIES.sand,
  late_5m: '#e0b45f',
  late_1h: '#d69a35',
  late_1d: WARN,
  late_7d: '#a76a10',
  late_30d: '#7d4f0b',
};
const OTHERS = { other: GREY, unknown: GREY };

const colour = (name: string, fixedColor: string): Override => ({
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'color', value: { mode: 'fixed', fixedColor } }],
});
const colours = (of: Record<string, string>) =>
  Object.entries(of).map(([name, value]) => colour(name, value));

export const eventTypeColours = colours({ ...EVENT_TYPES, ...OTHERS });
export const stepColours = FUNNEL_STEPS.map((step) => colour(step, EVENT_TYPES[step]));
export const deviceColours = colours({ ...DEVICES, ...OTHERS });
export const statusColours = colours({ ...STATUS_CLASSES, ...OTHERS });
export const quantileColours = colours(QUANTILES);
export const audienceColours = colours(AUDIENCE);
export const qualityColours = colours(QUALITY);
export const rankColours = colours({
  '01': SERIES.teal,
  '02': SERIES.blue,
  '03': SERIES.cyan,
  '04': SERIES.amber,
  '05': SERIES.plum,
  'all others': GREY,
});
export const flowColours = colours({
  received: SERIES.blue,
  archived: SERIES.teal,
  counted: SERIES.cyan,
  duplicate: SERIES.violet,
  excluded: GREY,
  bad: BAD,
  collector: SERIES.blue,
  log: SERIES.violet,
  archive: SERIES.teal,
  metrics: SERIES.cyan,
});

/** Grafana's units, for the currencies that have one: others are shown as a number beside their code. */
const CURRENCY_UNITS = [
  'EUR',
  'USD',
  'GBP',
  'CHF',
  'JPY',
  'SEK',
  'NOK',
  'DKK',
  'PLN',
  'CZK',
  'INR',
  'BRL',
  'TRY',
];

export const currencyLook: Override[] = [
  ...CURRENCY_UNITS.map((code) => ({
    matcher: { id: 'byName', options: code },
    properties: [{ id: 'unit', value: `currency${code}` }],
  })),
  ...colours(CURRENCIES),
];
export const currencyColours = colours(CURRENCIES);

/** A line that is dashed, so that not the colour alone tells it. */
export const dashed = (name: string): Override => ({
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 4] } }],
});

export const PANEL_UNITS = {
  count: 'short',
  perSecond: 'cps',
  share: 'percentunit',
  milliseconds: 'ms',
  seconds: 's',
  bytes: 'bytes',
  /** Money without a currency of Grafana's: with separators, as it is. */
  money: 'locale',
  lines: 'short',
} as const;

/** Marks of an error share, 0 to 1, the same on every panel. */
export const ERROR_SHARE_STEPS = [
  { value: null, color: GOOD },
  { value: 0.02, color: WARN },
  { value: 0.05, color: BAD },
];
export const LATENCY_STEPS = [
  { value: null, color: GOOD },
  { value: 500, color: WARN },
  { value: 1000, color: BAD },
];
