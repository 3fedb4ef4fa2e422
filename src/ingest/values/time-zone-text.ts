import { isTimeZone } from '../../event/time-zone.ts';
import { foldName } from '../names.ts';
import { unaccented } from '../unaccented.ts';

/** What a text says about its zone: minutes ahead of UTC, or an IANA zone. */
export type Zone = { readonly offsetMs: number } | { readonly name: string };

const OFFSET = /^(?:(?:UTC|GMT|UT|Z)\s*)?([+\-\u2212\u2013])(\d{1,2})(?::?(\d{2})(?::?(\d{2}))?)?(?!\d)/i;
const UTC = /^(?:Z|UTC|GMT|UT)(?![a-z/+-])/i;
/** What may follow an offset and adds nothing: `[Europe/Berlin]`, `(Central European Time)`, Go's `CET` or `UTC m=+0.01`. */
const ADDS_NOTHING = /^(?:\[[^\]]{1,64}\]|\([^)]{1,64}\)|(?:[A-Z]{1,5}|[+-]\d{2,4})?(?:\s*m=[+-][\d.]+)?)$/;
const BRACKETED = /^\[([^\]]{1,64})\]$/;
const IANA_NAME = /^[A-Za-z_]{2,32}(?:\/[A-Za-z0-9_+-]{1,32}){1,2}$/;

/** Abbreviations that mean one offset wherever they are used. CST, IST and BST, for example, mean several. */
const ABBREVIATION_HOURS: Readonly<Record<string, number>> = {
  WET: 0,
  WEST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  EDT: -4,
  PDT: -7,
  JST: 9,
};

const HOUR_MS = 3_600_000;
const UTC_ZONE: Zone = { offsetMs: 0 };

/** Columns with the zone of the times beside them: in English, German, French and Spanish. Those of a visitor are others. */
const ZONE_NAME =
  /^(?:event|order|local|shop|store|created|transaction|sale|purchase)?(?:timezone|tz)(?:name)?$|^(?:zeitzone|fuseau(?:horaire)?|zonahoraria|husohorario)$/;

/** Whether a column of this name has the zone of the times beside it. */
export const isZoneName = (name: string) => ZONE_NAME.test(foldName(unaccented(name)));

/** Names that have been looked up; few are ever used. */
const known = new Map<string, boolean>();
const KNOWN_MAX = 1000;

/** The zone that `text`, all that follows the time, names; null where it names none. */
export function readZone(text: string): Zone | null {
  const offset = OFFSET.exec(text);
  if (offset) {
    if (!ADDS_NOTHING.test(text.slice(offset[0].length).trim())) return null;
    const [hours, minutes, seconds] = [Number(offset[2]), Number(offset[3] ?? 0), Number(offset[4] ?? 0)];
    if (hours > 15 || minutes > 59 || seconds > 59) return null;
    const ms = ((hours * 60 + minutes) * 60 + seconds) * 1000;
    return { offsetMs: offset[1] === '+' ? ms : -ms };
  }
  const utc = UTC.exec(text);
  if (utc) return ADDS_NOTHING.test(text.slice(utc[0].length).trim()) ? UTC_ZONE : null;
  const hours = Object.hasOwn(ABBREVIATION_HOURS, text) ? ABBREVIATION_HOURS[text] : undefined;
  if (hours !== undefined) return { offsetMs: hours * HOUR_MS };
  const name = BRACKETED.exec(text)?.[1] ?? (IANA_NAME.test(text) ? text : null);
  return name !== null && isKnownZone(name) ? { name } : null;
}

function isKnownZone(name: string): boolean {
  let answer = known.get(name);
  if (answer === undefined) {
    if (known.size >= KNOWN_MAX) known.clear();
    answer = isTimeZone(name);
    known.set(name, answer);
  }
  return answer;
}
