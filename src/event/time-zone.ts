/** Local days of a time zone, DST included. */

const formats = new Map<string, Intl.DateTimeFormat>();

/** True when this runtime knows the IANA time zone `zone`. */
export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    // RangeError: the runtime does not know it.
    return false;
  }
}

/** Local time minus UTC at the instant `epochMs`, in milliseconds. */
export function zoneOffsetMs(zone: string, epochMs: number): number {
  if (zone === 'UTC') return 0;
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(epochMs)) part[type] = Number(value);
  const local = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!);
  return local - Math.floor(epochMs / 1000) * 1000;
}

const DAY_MS = 86_400_000;

/** Midnight UTC of a date; `month` is 1 to 12. Date.UTC reads the years 0 to 99 as 1900 to 1999; this doesn't. */
export function utcMidnightMs(year: number, month: number, day: number): number {
  if (year > 99) return Date.UTC(year, month - 1, day);
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

/**
 * The instant at which clocks of the zone show a time, given as the milliseconds that it would be in UTC: of two such instants
 * (clocks put back) the first; where there is none (clocks put forward), as clocks that were not put forward would show it.
 */
export function localTimeMs(zone: string, wallMs: number): number {
  if (zone === 'UTC') return wallMs;
  const offsetBefore = zoneOffsetMs(zone, wallMs - DAY_MS);
  const offsetAfter = zoneOffsetMs(zone, wallMs + DAY_MS);
  const candidates = [wallMs - offsetBefore, wallMs - offsetAfter].sort((a, b) => a - b);
  for (const instant of candidates) {
    if (instant + zoneOffsetMs(zone, instant) === wallMs) return instant;
  }
  return wallMs - offsetBefore;
}

/**
 * The first instant of a local day, in milliseconds since 1970: of two midnights (clocks put back) the first; where
 * midnight does not exist (clocks put forward), the instant of the change.
 * `month` is 1 to 12.
 */
export function localDayStartMs(zone: string, year: number, month: number, day: number): number {
  return localTimeMs(zone, utcMidnightMs(year, month, day));
}

/** The first instant of the local day in which `epochMs` lies. */
export function localDayStartOfMs(zone: string, epochMs: number): number {
  const local = new Date(epochMs + zoneOffsetMs(zone, epochMs));
  return localDayStartMs(zone, local.getUTCFullYear(), local.getUTCMonth() + 1, local.getUTCDate());
}
