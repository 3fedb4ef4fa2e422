/** Digits of the hash of a file's beginning with which an id begins. */
export const FILE_HASH_DIGITS = 12;
const RECORD_SUM_DIGITS = 8;

/** Ids that `load` gives events that have none, as a regular expression of JavaScript and of DuckDB. */
export const GIVEN_ID = `^[0-9a-f]{${FILE_HASH_DIGITS}}-[0-9]+-[0-9a-f]{${RECORD_SUM_DIGITS}}$`;
const PATTERN = new RegExp(GIVEN_ID);

/**
 * The id of a record that is known by its place alone: of the beginning of its file, FILE_HASH_DIGITS of its hash, of its number, and
 * the CRC-32 of its content, as files that begin alike may have other records at the same place.
 */
export function givenId(fileHash: string, number: number, sum: number): string {
  return `${fileHash}-${number}-${sum.toString(16).padStart(RECORD_SUM_DIGITS, '0')}`;
}

export const isGivenId = (id: string): boolean => PATTERN.test(id);
