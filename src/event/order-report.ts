/** What a purchase or refund says of its order. */
export interface OrderReport {
  readonly order: string;
  /** The product of a line of the order; null where there is none, or the report has all lines. */
  readonly product: string | null;
  readonly amount: string | null;
  readonly price: string | null;
  readonly currency: string | null;
  /** The event's time, microseconds since 1970. */
  readonly micros: number;
}
