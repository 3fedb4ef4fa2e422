/** The server's time, second by second. A phone whose clock is wrong would show wrong ages and ask for wrong ranges. */
import { computed, signal } from '@preact/signals';
import { MINUTE } from '../time/windows.ts';

let ahead = 0;
export const now = signal(Date.now());
/** For what need not be worked out again each second. */
export const nowMinute = computed(() => Math.floor(now.value / MINUTE) * MINUTE);

export function setServerTime(at: number): void {
  ahead = at - Date.now();
}

let timer: ReturnType<typeof setInterval> | undefined;

export function startClock(): void {
  if (timer !== undefined) return;
  now.value = Date.now() + ahead;
  timer = setInterval(() => {
    now.value = Date.now() + ahead;
  }, 1000);
}

/** Paused means that nothing on the page moves, ages included. */
export function stopClock(): void {
  clearInterval(timer);
  timer = undefined;
}
