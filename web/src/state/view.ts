/** What is looked at. It lives in the address after the #, so that a link, a bookmark or the back button brings it back. */
import { computed, signal } from '@preact/signals';
import { defaultWindow, RANGES, type Range, spanOf, type View, windowChoices } from '../time/span.ts';
import { formatLocal, HOUR, windowStart } from '../time/windows.ts';
import { nowMinute } from './clock.ts';
import { routeOf } from './route.ts';
import { timeZone } from './server.ts';

/** What of the page is shown, besides the time. */
export interface Shown {
  /** Empty: the shop's main one. */
  currency: string;
  /** Column of the products, with a "-" before it where the largest come first. Empty: by revenue. */
  sort: string;
  /** Areas of the panels that are shown as a table, or in full. */
  open: readonly string[];
}

const START: View = { range: '24h', window: '1h', from: '', to: '' };

/** Any text into a view that can be shown: what is unknown or does not fit together becomes the nearest sensible. */
function sensible(view: View): View {
  const choices = windowChoices(view, timeZone.value);
  return choices.includes(view.window) ? view : { ...view, window: defaultWindow(view.range, choices) };
}

const paramsOf = () => new URLSearchParams(location.hash.slice(1));

/** Null where the address names no range: the page then opens on what there is to see. */
function readTime(): View | null {
  const params = paramsOf();
  const range = RANGES.find((known) => known === params.get('range'));
  if (!range) return null;
  const window = (params.get('window') ?? '') as View['window'];
  return { range, window, from: params.get('from') ?? '', to: params.get('to') ?? '' };
}

function readShown(): Shown {
  const params = paramsOf();
  const open = (params.get('open') ?? '').split(',').filter(Boolean);
  return { currency: params.get('currency') ?? '', sort: params.get('sort') ?? '', open };
}

const asked = signal<View | null>(readTime());
export const shown = signal<Shown>(readShown());
/** Where the page opens when the address names no range: not on the last 24 hours when these are empty. */
export const opening = signal<View | null>(null);
export const view = computed(() => sensible(asked.value ?? opening.value ?? START));
/** The range was chosen by the page, and not by a person or a link. */
export const isOpening = computed(() => asked.value === null);
export const span = computed(() => spanOf(view.value, timeZone.value, nowMinute.value));
export const choices = computed(() => windowChoices(view.value, timeZone.value));

/** Each change is a step that the back button undoes. */
function write(time: View, { currency, sort, open }: Shown): void {
  const params = new URLSearchParams({ range: time.range, window: time.window });
  if (time.range === 'custom') {
    params.set('from', time.from);
    params.set('to', time.to);
  }
  if (currency) params.set('currency', currency);
  if (sort) params.set('sort', sort);
  if (open.length > 0) params.set('open', open.join(','));
  const hash = `#${params}`;
  if (hash !== location.hash) history.pushState(null, '', hash);
}

export function setView(change: Partial<View>): void {
  const next = sensible({ ...view.value, ...change });
  asked.value = next;
  write(next, shown.value);
}

export function setShown(change: Partial<Shown>): void {
  shown.value = { ...shown.value, ...change };
  // The whole view is in the link: who opens it sees the same.
  asked.value = view.value;
  write(view.value, shown.value);
}

export function toggleOpen(area: string): void {
  const { open } = shown.value;
  setShown({ open: open.includes(area) ? open.filter((one) => one !== area) : [...open, area] });
}

export function setRange(range: Range): void {
  if (range !== 'custom') {
    setView({ range, window: '' as View['window'] });
    return;
  }
  // Custom starts from what is on the screen, so that one end can be moved without typing the other.
  const to = Math.min(span.value.to, windowStart('1h', timeZone.value, nowMinute.value) + HOUR);
  setView({
    range,
    from: formatLocal(timeZone.value, span.value.from),
    to: formatLocal(timeZone.value, to),
  });
}

addEventListener('popstate', () => {
  // The address is of another view: what the dashboard shows stays until it is back.
  if (routeOf(location.hash) !== 'dashboard') return;
  asked.value = readTime();
  shown.value = readShown();
});
