import type { RecordIds } from './format.ts';
import type { Normalizer } from './normalize.ts';

export interface ValidateOptions {
  /** More lines than this refuse the whole input. */
  linesMax?: number;
  /** Lines that another validator has marked as rejected keep their mark; else the mark is a reserved field. */
  takesMarked?: boolean;
  /** Time of receipt, ms since 1970; now where left out. */
  nowMs?: number;
  /** Orders that records which a mapping left out say to be cancelled. */
  withdrawn?: readonly string[];
  /** Records at the beginning that are not to be looked at. */
  skip?: number;
  /**
   * Ids for events that are known by nothing but their place: a prefix, the number of the record and a checksum of it, where `next` is
   * the number of the first record of the input; or an id for each record of the input.
   */
  ids?: RecordIds;
}

export interface ValidatorOptions {
  normalizer: Normalizer;
  timeZone: string;
  /** Longest line that is accepted, and longest record that the log stores. */
  lineBytesMax: number;
  storedBytesMax: number;
  now: () => number;
}
