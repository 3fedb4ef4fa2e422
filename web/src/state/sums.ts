/** Totals of several slices added up, for the metrics whose values can be added. */
import type { MetricAnswer, Values } from '../api.ts';
import { addMoney } from '../money.ts';
import { earlier } from './metrics.ts';

type Answer<M extends 'traffic' | 'revenue'> = MetricAnswer<M>;

function sumTraffic(answers: Answer<'traffic'>[]): number {
  const events = (answer: Answer<'traffic'>) => answer.total ?? [];
  return answers.flatMap(events).reduce((sum, row) => sum + row.events, 0);
}

function sumRevenue(answers: Answer<'revenue'>[]): Values['revenue'][] {
  const byCurrency = Map.groupBy(
    answers.flatMap((answer) => (answer.total ?? []).filter((row) => row.revenue !== null)),
    (row) => row.currency,
  );
  return [...byCurrency].map(([currency, rows]) => ({
    currency,
    orders: rows.reduce((sum, row) => sum + row.orders, 0),
    units: rows.reduce((sum, row) => sum + row.units, 0),
    revenue: addMoney(rows.map((row) => row.revenue ?? '0')),
    average_order: null,
    net: null,
    refunds: rows.reduce((sum, row) => sum + row.refunds, 0),
    refunded: addMoney(rows.map((row) => row.refunded ?? '0')),
  }));
}

export function mergeSums(
  metric: 'traffic' | 'revenue',
  answers: MetricAnswer<'traffic' | 'revenue'>[],
): void {
  if (metric === 'traffic') {
    const overall = { events: sumTraffic(answers as Answer<'traffic'>[]) };
    earlier.traffic.value = { ...earlier.traffic.value, overall };
  } else {
    earlier.revenue.value = { ...earlier.revenue.value, total: sumRevenue(answers as Answer<'revenue'>[]) };
  }
}
