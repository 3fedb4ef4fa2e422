/** What the server says about itself: status and ledger, and how well it can be reached. */
import { computed, signal } from '@preact/signals';
import type { ApiError, Ledger, Session, Status } from '../api.ts';
import { now, setServerTime } from './clock.ts';

export const status = signal<Status | null>(null);
export const ledger = signal<Ledger | null>(null);
export const session = signal<Session>({ login_required: false, scope: null });
export const timeZone = computed(() => status.value?.time_zone ?? 'UTC');

export type Connection =
  | { kind: 'connecting' }
  | { kind: 'live' }
  | { kind: 'paused'; at: number }
  | { kind: 'retrying'; since: number; error: ApiError }
  | { kind: 'unauthorized' };

export const connection = signal<Connection>({ kind: 'connecting' });
/** When the next try is due, in the page's clock. Apart from `connection`, whose changes are read out loud. */
export const nextTryAt = signal(0);

export function takeStatus(next: Status): void {
  setServerTime(Date.parse(next.now));
  status.value = next;
}

/** Received counts of the last seconds, for the rate of this moment. */
const RATE_SPAN_MS = 15_000;
let samples: { at: number; received: number }[] = [];
export const liveRate = signal<number | null>(null);

export function takeLedger(next: Ledger): void {
  ledger.value = next;
  const at = Date.now();
  samples = [...samples.filter((sample) => at - sample.at < RATE_SPAN_MS), { at, received: next.received }];
  const first = samples[0]!;
  if (at - first.at >= 1000) {
    liveRate.value = Math.max(0, ((next.received - first.received) * 1000) / (at - first.at));
  }
}

export function forgetRate(): void {
  samples = [];
  liveRate.value = null;
}

export const secondsToNextTry = computed(() => Math.max(0, Math.ceil((nextTryAt.value - now.value) / 1000)));
