import { isbot } from 'isbot';

/** Browsers that are remembered: shops see few at a time, and looking one up takes longer than all else of a record. */
const REMEMBERED_MAX = 10_000;
const remembered = new Map<string, boolean>();

/** All browsers begin like that, with their system; libraries of trackers and short logs say no more. */
const CUT_OFF = /^Mozilla\/\d\.\d(?: \((?:X11|Windows|Macintosh|Linux|iPhone|iPad|Android)[^()]*\))?$/;

/** Whether a user agent is that of a known bot. */
export function isKnownBot(userAgent: string): boolean {
  let answer = remembered.get(userAgent);
  if (answer === undefined) {
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    answer = isbot(userAgent) && !CUT_OFF.test(userAgent);
    remembered.set(userAgent, answer);
  }
  return answer;
}
