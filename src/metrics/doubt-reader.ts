import type { OrderReport } from '../event/order-report.ts';

/** A doubt about events that shows only beside what the archive had before them. */
export interface ArchivedDoubt {
  /** A code of docs/findings.md. */
  readonly code:
    | 'order_told_again'
    | 'order_currencies'
    | 'order_cancelled'
    | 'line_changed'
    | 'order_spelled'
    | 'rows_loaded_before';
  readonly rows: number;
  readonly example: string;
}

/** The rows that a source has brought since a time. */
export interface Arrival {
  readonly source: string;
  /** Received at, ms since 1970. */
  readonly sinceMs: number;
}

/** What is asked about an arrival. */
export interface DoubtsAsked extends Arrival {
  /** Orders that are said to be cancelled. */
  readonly withdrawn: readonly string[];
  /** Orders that the arrival says were cancelled or given back, and has no refund of. */
  readonly givenBack: readonly string[];
  /** The rows came in several inputs, of which some may hold the same. */
  readonly isOfSeveral: boolean;
}

/** What the archive says about an arrival. */
export interface ArchiveAnswer {
  readonly doubts: readonly ArchivedDoubt[];
  /** Those of the orders `givenBack` that have a refund. */
  readonly refunded: readonly string[];
}

/** What of an arrival is worth a look at other rows. */
export interface ArrivalSummary {
  /** Purchases or refunds name orders. */
  readonly hasOrders: boolean;
  /** Rows that are known by their place in a file and their content alone, and the dates (UTC) that they have. */
  readonly unnamedRows: number;
  readonly unnamedDates: readonly string[];
}

/** A purchase or refund that counts, as far as it says something of its order. */
export interface ArchivedSale extends OrderReport {
  readonly isRefund: boolean;
}

/** Compares rows of Parquet files of `events` with others of them. */
export interface DoubtReader {
  summary(files: readonly string[], arrival: Arrival): Promise<ArrivalSummary>;
  /** The newest purchases and refunds of the files that name an order, the oldest of them first. */
  sales(files: readonly string[], limit: number): Promise<readonly ArchivedSale[]>;
  /**
   * Doubts about the orders of an arrival, and those that are said to be cancelled: `withdrawn`. `arrived`: the files that may have rows of the
   * arrival; `files` are these and older ones.
   */
  ofOrders(
    files: readonly string[],
    arrived: readonly string[],
    arrival: Arrival,
    withdrawn: readonly string[],
  ): Promise<readonly ArchivedDoubt[]>;
  /** Those of the orders that have a refund in the files. */
  refundedOf(files: readonly string[], orders: readonly string[]): Promise<readonly string[]>;
  /** Rows of the arrival that equal rows of other inputs, which had come before. */
  ofUnnamedRows(files: readonly string[], arrival: Arrival): Promise<readonly ArchivedDoubt[]>;
}
