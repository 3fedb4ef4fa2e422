import { type Board, dashboardOf } from './board.ts';
import { flux } from './flux.ts';
import { funnelAndRevenue } from './funnel-revenue.ts';
import { influxql } from './influxql.ts';
import { formatted } from './json.ts';
import { operations } from './operations.ts';
import { overview } from './overview.ts';
import { pipelineHealth } from './pipeline-health.ts';

/** Every dashboard: its file in deploy/grafana/dashboards, and its text. */
export function allDashboards(): Map<string, string> {
  const boards: [folder: string, Board][] = [
    ...[influxql, flux].flatMap((language) =>
      [overview, funnelAndRevenue, operations].map((make): [string, Board] => [
        language.name,
        make(language),
      ]),
    ),
    ['prometheus', pipelineHealth()],
  ];
  return new Map(
    boards.map(([folder, board]) => {
      const file = `${folder}/${board.name.replace(`-${folder}`, '')}.json`;
      return [file, `${formatted(dashboardOf(board))}\n`];
    }),
  );
}
