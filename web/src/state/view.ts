/** What is looked at. It lives in the address after the #, so that a link or a bookmark brings the same view back. */
import { computed, signal } from '@preact/signals';
import { defaultWindow, RANGES, type Range, spanOf, type View, windowChoices } from '../time/span.ts';
import { formatLocal, HOUR, windowStart } from '../time/windows.ts';
import { nowMinute } from './clock.ts';
import { timeZone } from './server.ts';

const START: View = { range: '24h', window: '1h', from: '', to: '' };

/** Any text into a view that can be shown: what is unknown or does not fit together becomes the nearest sensible. */
function sensible(view: View): View {
  const choices = windowChoices(view, timeZone.value);
  return choices.includes(view.window) ? view : { ...view, window: defaultWindow(view.range, choices) };
}

function readHash(): View {
  const params = new URLSearchParams(location.hash.slice(1));
  const range = RANGES.find((known) => known === params.get('range')) ?? START.range;
  const window = (params.get('window') ?? '') as View['window'];
  return { range, window, from: params.get('from') ?? '', to: params.get('to') ?? '' };
}

const asked = signal<View>(readHash());
export const view = computed(() => sensible(asked.value));
export const span = computed(() => spanOf(view.value, timeZone.value, nowMinute.value));
export const choices = computed(() => windowChoices(view.value, timeZone.value));

export function setView(change: Partial<View>): void {
  const next = sensible({ ...view.value, ...change });
  const params = new URLSearchParams({ range: next.range, window: next.window });
  if (next.range === 'custom') {
    params.set('from', next.from);
    params.set('to', next.to);
  }
  asked.value = next;
  history.replaceState(null, '', `#${params}`);
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

addEventListener('hashchange', () => {
  asked.value = readHash();
});
