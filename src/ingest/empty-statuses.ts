import type { FindingTally } from './finding-tally.ts';

/** What the column with the status of an order says. */
export interface OrderStatus {
  readonly field: string;
  readonly isGiven: boolean;
}

/** Finds orders that have no status, where others of their input have one. */
export class EmptyStatuses {
  #given = 0;
  /** Orders whose status is empty. */
  #empty = 0;
  /** Orders without that member: of a table, this is an empty cell. */
  #absent = 0;
  #field = '';
  #emptyExample = '';
  #absentExample = '';

  /** Takes the first row of an order. */
  take(status: OrderStatus | null, example: () => string): void {
    if (status !== null) this.#field = status.field;
    if (status?.isGiven) {
      this.#given++;
      return;
    }
    if (status === null) {
      if (this.#absent++ === 0) this.#absentExample = example();
    } else if (this.#empty++ === 0) this.#emptyExample = example();
  }

  /** What shows when all has come. `isTable`: what a record lacks is an empty cell. Where most have no status, that says nothing. */
  summarize(tally: FindingTally, isTable: boolean): void {
    const rows = this.#empty + (isTable ? this.#absent : 0);
    const example = this.#emptyExample || this.#absentExample;
    if (rows > 0 && rows <= this.#given) tally.add('status_missing', example, this.#field, '', rows);
  }
}
