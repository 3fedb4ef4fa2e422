/** An event in its canonical form, as far as it is observed. */
export interface ObservedEvent {
  /** Whether it has a value of a field, by its index in FIELDS. */
  has(index: number): boolean;
  /** Text of a field by its index in FIELDS; null where it has none. */
  text(index: number): string | null;
  /** The event's time, microseconds since 1970. */
  readonly micros: number;
  readonly isBot: boolean;
}
