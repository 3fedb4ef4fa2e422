import type { FindingCode } from './finding-catalogue.ts';
import type { Fate } from './order-status.ts';
import type { AmountForm } from './values/read-money.ts';

/**
 * What the normalizer notes: a finding, a name that is not a field, what shows whether day and month are swapped or amounts are in the
 * smaller unit, what became of the order, or that a refund is for goods that came back, what lines cost, and that an order has a status.
 */
export type NoteCode =
  | FindingCode
  | 'unused'
  | 'day_month_both_small'
  | 'day_month_certain'
  | 'goods_returned'
  | 'line_price'
  | 'status_given'
  | AmountForm
  | Fate['fate'];

/** The note for an optional number that could not be read. */
export const codeOf = (reason: string): NoteCode =>
  reason === 'ambiguous_number' ? reason : 'invalid_field';

/** A doubt about one record. Codes that are the same for many records share an object. */
export interface Note {
  readonly code: NoteCode;
  /** The field, or the name of the source. */
  readonly field: string;
  /** As it came; the reader cuts and prints it. */
  readonly value?: unknown;
  /** The known name that may be meant. */
  readonly nearest?: string | null;
}
