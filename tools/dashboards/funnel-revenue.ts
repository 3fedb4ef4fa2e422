import { FUNNEL_STEPS } from '../../src/event/fields.ts';
import { type Board, linksToRanges, linkToOthers, tagVariable, windowVariable } from './board.ts';
import { currencyColours, currencyLook, PANEL_UNITS, rankColours, stepColours } from './look.ts';
import { type PanelBuilder, Panels } from './panels.ts';
import * as parts from './parts.ts';
import { type Language, meaning, type Question } from './question.ts';

/** Shown one by one; the others of the 20, and what has no rank, are one. */
const RANKS_SHOWN = '^0[1-5]$';

/** From the first look at a product to the money. */
export function funnelAndRevenue(language: Language): Board {
  const scope: parts.BoardScope = {
    panels: new Panels(language),
    chosen: (...tags) => tags.filter((tag) => tag === 'currency').map((tag) => ({ tag, chosen: true })),
  };
  const name = `funnel-revenue-${language.name}`;
  return {
    name,
    title: 'Tillstream: funnel and revenue',
    description: `From the first product view to the purchase, and the products with the most revenue. Queries InfluxDB in ${language.title}.`,
    tags: ['tillstream', language.name],
    time: { from: 'now-7d/d', to: 'now' },
    refresh: '1m',
    variables: [windowVariable(['1h', '1d'], '1h'), tagVariable(language, 'revenue', 'currency', 'Currency')],
    links: [linkToOthers(['tillstream', language.name]), ...linksToRanges(name, ['1h', '1d'])],
    rows: [
      { title: 'Revenue', panels: revenue(scope) },
      { title: 'Funnel', panels: funnel(scope) },
      { title: 'Products', panels: products(scope) },
    ],
  };
}

function revenue(scope: parts.BoardScope): PanelBuilder[] {
  const { panels, chosen } = scope;
  const average = {
    unit: PANEL_UNITS.money,
    decimals: 2,
    overrides: currencyLook,
  };
  const ratio: Question = {
    metric: 'revenue',
    ratio: ['revenue', 'orders'],
    by: 'currency',
    where: chosen('currency'),
  };
  return [
    parts.moneyPanel(scope, [6, 4], 'Revenue', 'revenue'),
    panels.numbers(
      {
        title: 'Average order',
        description: `${meaning('revenue', 'average_order')} By currency, over all orders of the time range.`,
        size: [5, 4],
        named: true,
        noValue: 'none',
        ...average,
      },
      ratio,
    ),
    parts.amountPanel(scope, [3, 4], {
      title: 'Orders',
      metric: 'revenue',
      field: 'orders',
      tags: ['currency'],
    }),
    parts.amountPanel(scope, [3, 4], {
      title: 'Units',
      metric: 'revenue',
      field: 'units',
      tags: ['currency'],
    }),
    parts.amountPanel(scope, [3, 4], {
      title: 'Refunds',
      metric: 'revenue',
      field: 'refunds',
      tags: ['currency'],
    }),
    parts.moneyPanel(scope, [4, 4], 'Refunded', 'refunded'),
    parts.moneyOverTimePanel(scope, [12, 8], 'Revenue by currency', 'revenue'),
    panels.bars(
      {
        title: 'Orders by currency',
        description: `${meaning('revenue', 'orders')} ${parts.OPEN_WINDOW_NOTE}`,
        size: [12, 8],
        unit: PANEL_UNITS.count,
        overrides: currencyColours,
      },
      { metric: 'revenue', sum: 'orders', perWindow: true, by: 'currency', where: chosen('currency') },
    ),
    panels.lines(
      {
        title: 'Average order by currency',
        description: `${meaning('revenue', 'average_order')} Per window; a line ends where there was no order.`,
        size: [12, 8],
        ...average,
      },
      { ...ratio, perWindow: true },
    ),
    parts.moneyOverTimePanel(scope, [12, 8], 'Refunded by currency', 'refunded'),
  ];
}

function funnel(scope: parts.BoardScope): PanelBuilder[] {
  const { panels } = scope;
  return [
    parts.conversionPanel(scope, [4, 8], {}, 'window'),
    parts.funnelPanel(scope, [8, 8], {}, 'window'),
    panels.gauge(
      {
        title: 'Went on from the step before, last whole window',
        description: `${meaning('funnel', 'conversion')} Of the last window that is over at the end of the time range.`,
        size: [12, 8],
        unit: PANEL_UNITS.share,
        decimals: 1,
        overrides: stepColours,
      },
      ...FUNNEL_STEPS.slice(1).map(
        (step): Question => ({
          metric: 'funnel',
          last: 'conversion',
          span: 'complete',
          where: [{ tag: 'step', is: step }],
          name: step,
        }),
      ),
    ),
    panels.lines(
      {
        title: 'Users at each step',
        description: `${meaning('funnel', 'users')} ${parts.OPEN_WINDOW_NOTE}`,
        size: [12, 8],
        unit: PANEL_UNITS.count,
        overrides: stepColours,
      },
      { metric: 'funnel', each: ['users'], by: 'step' },
    ),
    panels.lines(
      {
        title: 'Conversion from the step before',
        description: `${meaning('funnel', 'conversion')} It can pass 100 %: a user may have been at the step before in an earlier window.`,
        size: [12, 8],
        unit: PANEL_UNITS.share,
        overrides: stepColours,
      },
      {
        metric: 'funnel',
        each: ['conversion'],
        by: 'step',
        where: [{ tag: 'step', isNot: FUNNEL_STEPS[0] }],
      },
    ),
  ];
}

function products(scope: parts.BoardScope): PanelBuilder[] {
  const { panels } = scope;
  const by = (sum: string): Question[] => [
    {
      metric: 'products',
      sum,
      perWindow: true,
      by: 'rank',
      where: [{ tag: 'rank', matches: RANKS_SHOWN }],
    },
    {
      metric: 'products',
      sum,
      perWindow: true,
      where: [{ tag: 'rank', matchesNot: RANKS_SHOWN }],
      name: 'all others',
    },
  ];
  const ranks =
    'The best five of each window by revenue, and all others: a rank is another product in each window.';
  return [
    parts.productsPanel(scope, [12, 16], {}, 'window'),
    panels.bars(
      {
        title: 'Revenue by rank',
        description: `${meaning('products', 'revenue')} ${ranks} ${parts.OPEN_WINDOW_NOTE}`,
        size: [12, 8],
        unit: PANEL_UNITS.money,
        overrides: rankColours,
      },
      ...by('revenue'),
    ),
    panels.bars(
      {
        title: 'Purchases by rank',
        description: `${meaning('products', 'purchases')} ${ranks} ${parts.OPEN_WINDOW_NOTE}`,
        size: [12, 8],
        unit: PANEL_UNITS.count,
        overrides: rankColours,
      },
      ...by('purchases'),
    ),
  ];
}
