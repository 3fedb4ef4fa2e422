/// <reference lib="esnext.disposable" preserve="true" />
import type { IngestResult } from '../ingest/ingest-result.ts';
import type { MetricResult } from '../metrics/metrics-store.ts';
import type { WindowSize } from '../metrics/window.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ComponentStatus } from '../telemetry/status.ts';

export interface OpenOptions {
  /** The data folder; it is made where it is missing. One process has it open at a time. */
  readonly data: string;
  /**
   * A config file, or what such a file would hold: docs/config.md has all settings. Default: `config.yaml` in the data folder, if it is there.
   * Mapping files are looked for from the folder of the config file, else from the current one.
   */
  readonly config?: string | object | undefined;
  /** Gets what Tillstream logs, such as a logger of pino. Default: warnings and errors as JSON lines on stderr. */
  readonly logger?: Logger | undefined;
}

/** Bytes or text in any format of docs/formats.md, or records as objects. */
export type IngestInput = string | Uint8Array | object | readonly object[];

export interface IngestOptions {
  /** Name of the records in the ledger: 1 to 32 of a-z, 0-9, _ and -. Default: `embedded`. */
  readonly source?: string | undefined;
  /** Mapping that makes events of the records: a name of the config, that of a preset, or a YAML, TypeScript or JavaScript file. */
  readonly map?: string | undefined;
  /** Stores nothing unless every record is an event. */
  readonly strict?: boolean | undefined;
}

export interface QueryOptions {
  /** Default: the smallest window of the metric. */
  readonly window?: WindowSize | undefined;
  /** Start of the range: a day or time as text, without a zone in that of the shop. Default: 60 windows before its end. */
  readonly from?: string | Date | undefined;
  /** End of the range: a day, which is part of it, or a time, which is not. Default: now, with the open window. */
  readonly to?: string | Date | undefined;
  /** Also merge all windows of the range. */
  readonly total?: boolean | undefined;
  /** With `total`: only the best so many of the metric's last key, 1 to 1000; the rest is `other`. */
  readonly top?: number | undefined;
}

export interface QueryResult extends MetricResult {
  readonly metric: string;
  readonly window: WindowSize;
  /** Zone of the shop, in which its days are. */
  readonly timeZone: string;
  /** The range, as ISO 8601 times; without its end. */
  readonly from: string;
  readonly to: string;
  /** Records that had been ingested, and were not counted yet: the rows may lack them. */
  readonly inFlight: number;
}

/** A data folder that is open: what `tillstream up` does, without its HTTP server. Every method throws a TillstreamError. */
export interface Pipeline extends AsyncDisposable {
  /**
   * Stores records; resolves when they are on disk (or acknowledged by Kafka). Records that are not events are kept as bad rows, with
   * their reason. Throws RejectedError, and stores nothing, where none is an event.
   *
   * @example
   * await pipeline.ingest({ timestamp: '2025-11-23T10:00:00Z', event_type: 'view_product', product_id: 'p1' });
   * await pipeline.ingest(await readFile('orders.csv'), { map: 'shopify-orders', source: 'orders' });
   */
  ingest(input: IngestInput, options?: IngestOptions): Promise<IngestResult>;
  /**
   * Resolves when all that was ingested is archived and counted, and the stores of the config have it or can't take it: `storesBehind` has those,
   * with the reason.
   */
  flush(): Promise<{ storesBehind: Record<string, string> }>;
  /**
   * The rows of a metric. What was ingested a moment ago may be missing before `flush`.
   *
   * @example
   * const { rows } = await pipeline.query('revenue', { window: '1d', from: '2025-11-01', to: '2025-11-30' });
   */
  query(metric: string, options?: QueryOptions): Promise<QueryResult>;
  /** What became of every record received. `ledger().balanced` is true unless something is lost. */
  ledger(): Ledger;
  /** The state of each component, with what is wrong and what to do. */
  components(): Record<string, ComponentStatus>;
  /**
   * Archives and counts what was ingested, for at most a minute, and closes the data folder; what is left is taken at the next opening. Closing
   * again does nothing.
   */
  close(): Promise<void>;
}
