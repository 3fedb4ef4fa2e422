import { type Board, linksToRanges, linkToOthers, rangeOf, tagVariable, windowVariable } from './board.ts';
import { deviceColours, PANEL_UNITS } from './look.ts';
import { Panels } from './panels.ts';
import * as parts from './parts.ts';
import type { Language } from './question.ts';

/** The shop in one look. */
export function overview(language: Language): Board {
  const scope: parts.BoardScope = {
    panels: new Panels(language),
    chosen: (...tags) => tags.filter((tag) => tag === 'currency').map((tag) => ({ tag, chosen: true })),
  };
  const name = `overview-${language.name}`;
  return {
    name,
    title: 'Tillstream: shop overview',
    description: `The shop in one look: money, visitors, funnel, answers. Asks InfluxDB in ${language.title}.`,
    tags: ['tillstream', language.name],
    time: rangeOf('1h'),
    refresh: '30s',
    variables: [
      windowVariable(['1m', '1h', '1d'], '1h'),
      tagVariable(language, 'revenue', 'currency', 'Currency'),
    ],
    links: [linkToOthers(['tillstream', language.name]), ...linksToRanges(name, ['1m', '1h', '1d'])],
    rows: [
      {
        title: '',
        panels: [
          parts.moneyPanel(scope, [6, 4], 'Revenue', 'revenue'),
          parts.amountPanel(scope, [3, 4], {
            title: 'Orders',
            metric: 'revenue',
            field: 'orders',
            tags: ['currency'],
          }),
          parts.conversionPanel(scope, [3, 4], { window: '1h' }, 'hour'),
          parts.peoplePanel(scope, [3, 4], 'users'),
          parts.eventsPerSecondPanel(scope, [3, 4]),
          parts.errorSharePanel(scope, [3, 4]),
          parts.badRowsPanel(scope, [3, 4]),
          parts.trafficPanel(scope, [16, 9]),
          parts.funnelPanel(scope, [8, 9], { window: '1h' }, 'hour'),
          parts.moneyOverTimePanel(scope, [12, 8], 'Revenue by currency', 'revenue'),
          parts.peopleOverTimePanel(scope, [12, 8]),
          parts.errorShareOverTimePanel(scope, [8, 8]),
          parts.p95OverTimePanel(scope, [8, 8]),
          devices(scope),
          parts.productsPanel(scope, [14, 10], { window: '1h' }, 'hour'),
          parts.qualityPanel(scope, [10, 10]),
        ],
      },
    ],
  };
}

function devices({ panels }: parts.BoardScope) {
  return panels.gauge(
    {
      title: 'Devices',
      description:
        'Events by the device of the visitor. Sum of the chosen windows that start in the time range.',
      size: [8, 8],
      unit: PANEL_UNITS.count,
      overrides: deviceColours,
    },
    { metric: 'traffic', sum: 'events', by: 'device_type' },
  );
}
