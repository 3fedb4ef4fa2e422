import type { WindowSize } from '../../src/metrics/window.ts';
import { measurementOf } from '../../src/sinks/influxdb/layout.ts';
import type { PanelBuilder } from './panels.ts';
import type { Language } from './question.ts';
import { type common, dashboard } from './sdk.ts';

export interface Board {
  /** Of its file, its uid and the links to it. */
  name: string;
  title: string;
  description: string;
  tags: string[];
  time: { from: string; to: string };
  refresh: string;
  variables: Variable[];
  links: Link[];
  rows: { title: string; panels: PanelBuilder[] }[];
}

type Variable = InstanceType<typeof dashboard.QueryVariableBuilder | typeof dashboard.CustomVariableBuilder>;
type Link = InstanceType<typeof dashboard.DashboardLinkBuilder>;

/** The dashboard as JSON. Ids are given in order: a panel keeps its id as long as those before it stay. */
export function dashboardOf(board: Board): object {
  const builder = new dashboard.DashboardBuilder(board.title)
    .uid(`tillstream-${board.name}`)
    .description(board.description)
    .tags(board.tags)
    .timezone('browser')
    .time(board.time)
    .refresh(board.refresh)
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .editable()
    .variables(board.variables)
    .links(board.links);
  for (const { title, panels } of board.rows) {
    if (title !== '') builder.withRow(new dashboard.RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  layOut(built.panels ?? []);
  return { ...built, id: null, version: 1, annotations: { list: [] }, ...withoutSurplus(built) };
}

const COLUMNS = 24;

/** Gives ids, and puts each panel as high as there is room for it, then as far left. The SDK knows whole lines only. */
function layOut(panels: (dashboard.Panel | dashboard.RowPanel)[]): void {
  const filled = new Array<number>(COLUMNS).fill(0);
  for (const [index, panel] of panels.entries()) {
    panel.id = index + 1;
    const { w, h } = panel.gridPos!;
    const tops = filled.slice(w - 1).map((_, x) => filled.slice(x, x + w).reduce((a, b) => Math.max(a, b)));
    const y = tops.reduce((a, b) => Math.min(a, b));
    const x = tops.indexOf(y);
    panel.gridPos = { x, y, w, h };
    filled.fill(y + h, x, x + w);
  }
}

/** The SDK writes settings that the thing at hand does not have (any more); of links, one that hides them in a menu. */
function withoutSurplus({ templating, links, panels = [] }: dashboard.Dashboard): object {
  for (const panel of panels) if ('options' in panel && panel.type === 'table') delete panel.options.footer;
  const variables = (templating?.list ?? []).map((variable) =>
    Object.fromEntries(Object.entries(variable).filter(([name]) => !name.startsWith('auto'))),
  );
  return {
    templating: { list: variables },
    links: (links ?? []).map(({ placement: _, ...link }) => link),
  };
}

export function windowVariable(windows: readonly WindowSize[], chosen: WindowSize): Variable {
  return new dashboard.CustomVariableBuilder('window')
    .label('Window')
    .description('Size of the windows that are shown and added up: those that start in the time range count.')
    .values(windows.join(','))
    .options(windows.map((window) => ({ text: window, value: window, selected: window === chosen })))
    .current({ text: chosen, value: chosen, selected: true });
}

/** Values of a tag, of which any number can be chosen. */
export function tagVariable(language: Language, metric: string, tag: string, label: string): Variable {
  return ofTag(language, metric, tag, tag, label)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all', selected: true });
}

/** One value of a tag. */
export function oneTagVariable(
  language: Language,
  metric: string,
  tag: string,
  { name, label, first }: { name: string; label: string; first: string },
): Variable {
  return ofTag(language, metric, tag, name, label).current({ text: first, value: first, selected: true });
}

function ofTag(language: Language, metric: string, tag: string, name: string, label: string) {
  const query = language.tagValues(measurementOf(metric), tag);
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(language.datasource)
    .query(query)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
}

export function queryVariable(source: common.DataSourceRef, name: string, label: string, query: string) {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query({ qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' })
    .refresh(dashboard.VariableRefresh.OnDashboardLoad)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all', selected: true });
}

/** Links to all dashboards that have the tags. */
export function linkToOthers(tags: string[]): Link {
  return new dashboard.DashboardLinkBuilder('Tillstream')
    .type(dashboard.DashboardLinkType.Dashboards)
    .tags(tags)
    .keepTime(true)
    .includeVars(true)
    .icon('external link');
}

/** Ranges that begin with a window, each with the size of window that suits it. */
const RANGES: Record<WindowSize, { title: string; from: string }> = {
  '1m': { title: 'Last hour by the minute', from: 'now-1h/m' },
  '1h': { title: 'Last day by the hour', from: 'now-24h/h' },
  '1d': { title: 'Last 30 days by the day', from: 'now-30d/d' },
};

export const rangeOf = (window: WindowSize) => ({ from: RANGES[window].from, to: 'now' });

/** Links to the same dashboard with another range and window. */
export function linksToRanges(uid: string, windows: readonly WindowSize[]): Link[] {
  return windows.map((window) => {
    const { title, from } = RANGES[window];
    return new dashboard.DashboardLinkBuilder(title)
      .type(dashboard.DashboardLinkType.Link)
      .url(`/d/tillstream-${uid}?from=${encodeURIComponent(from)}&to=now&var-window=${window}`)
      .icon('bolt');
  });
}
