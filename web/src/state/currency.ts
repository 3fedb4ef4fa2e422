/** Which currency is shown first. It must not change with the range, or the same tile would be in another currency. */
import { computed, signal } from '@preact/signals';
import { getMetric } from '../api.ts';
import { DAY, dayStart } from '../time/windows.ts';
import { nowMinute } from './clock.ts';
import { metrics } from './metrics.ts';
import { status, timeZone } from './server.ts';
import { shown } from './view.ts';

/** The one with most orders in the year up to the newest event. */
const usual = signal('');

export async function findUsualCurrency(abort: AbortSignal): Promise<void> {
  if (usual.value || status.value?.currency) return;
  const newest = status.value?.newest_event_day;
  const end = newest ? Math.min(Date.parse(newest) + 2 * DAY, nowMinute.value) : nowMinute.value;
  const [from, to] = [dayStart(timeZone.value, end, -365), dayStart(timeZone.value, end, 1)];
  const { total } = await getMetric('revenue', { window: '1d', from, to, total: true }, abort);
  const best = [...(total ?? [])].sort(
    (a, b) => b.orders - a.orders || (a.currency < b.currency ? -1 : 1),
  )[0];
  if (best) usual.value = best.currency;
}

/** Currencies of the range: the main one, then by name, so that none changes its place. */
export const currencies = computed(() => {
  const main = status.value?.currency || usual.value;
  // Those that the server does not name have no money that could be shown.
  const all = (metrics.revenue.value.total ?? []).flatMap((row) =>
    row.revenue === null ? [] : row.currency,
  );
  const rank = (currency: string) => (currency === main ? 0 : currency === 'unknown' ? 2 : 1);
  return all.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
});

/** Purchases without any money: an export of events that has no prices. Zero in no currency would only look like a fault. */
export const hasMoney = computed(() =>
  (metrics.revenue.value.total ?? []).some(
    (row) => row.currency !== 'unknown' || Number(row.revenue) !== 0 || Number(row.refunded) !== 0,
  ),
);

/** The one that is shown where there is room for one. */
export const currency = computed(() =>
  currencies.value.includes(shown.value.currency) ? shown.value.currency : (currencies.value[0] ?? ''),
);
