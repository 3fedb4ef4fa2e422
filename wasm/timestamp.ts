/** Times in the commonest form, as src/event/scan-timestamp.ts reads them. */
import { MICROS, setNotCanonical, setPlain } from './found';
import { COLON, digitsEnd, MINUS, POINT, ZERO } from './json';
import { doubtfulBeforeMicros, timestampBytesMax } from './rules';

/** `YYYY-MM-DDTHH:MM:SS[.fff...]Z` of the years 1970 to 2100. */
export function isFineTimestamp(field: i32, start: usize, end: usize, latestMicros: f64): bool {
  const length = <i32>(end - start);
  if (length < 20 || length > 30 || load<u8>(end - 1) !== 0x5a) return false;
  if (load<u8>(start, 4) !== MINUS || load<u8>(start, 7) !== MINUS || load<u8>(start, 10) !== 0x54)
    return false;
  if (load<u8>(start, 13) !== COLON || load<u8>(start, 16) !== COLON) return false;
  const century = twoDigits(start);
  const ofCentury = twoDigits(start + 2);
  const month = twoDigits(start + 5);
  const day = twoDigits(start + 8);
  const hour = twoDigits(start + 11);
  const minute = twoDigits(start + 14);
  const second = twoDigits(start + 17);
  // -1 from a byte that is no digit
  if ((century | ofCentury | month | day | hour | minute | second) < 0) return false;
  const year = century * 100 + ofCentury;
  if (year < 1970 || year > 2100 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month))
    return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  let micros: i32 = 0;
  if (length > 20) {
    if (load<u8>(start, 19) !== POINT || length === 21 || digitsEnd(start + 20) !== end - 1) return false;
    let scale: i32 = 100000;
    for (let at = start + 20; at < end - 1; at++, scale /= 10) micros += <i32>(load<u8>(at) - ZERO) * scale;
  }
  const seconds = <i64>daysSince1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
  const time = <f64>(seconds * 1000000 + <i64>micros);
  if (time > latestMicros || time < doubtfulBeforeMicros) return false;
  if (length > timestampBytesMax) setNotCanonical();
  else setPlain(field);
  store<f64>(MICROS, time);
  return true;
}

function twoDigits(at: usize): i32 {
  const high = <i32>load<u8>(at) - <i32>ZERO;
  const low = <i32>load<u8>(at, 1) - <i32>ZERO;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

function isLeap(year: i32): bool {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
function daysSince1970(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year;
  const era = y / 400;
  const ofEra = y - era * 400;
  const ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468;
}
