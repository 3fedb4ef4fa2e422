/** An event by our names; what is no field of ours is kept in `extra`. */
export type ModuleEvent = Readonly<Record<string, unknown>>;

/** What came with a record, but is not of it. */
export interface ModuleContext {
  /** Headers of the request, in lower case; empty where there was none. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Makes events of a record: one, several, or none (null), which leaves the record out and counts it. It must take no longer than a second,
 * and gives for the same record the same events. An error makes the record a bad row.
 */
export type MapFunction = (
  record: Readonly<Record<string, unknown>>,
  context: ModuleContext,
) => ModuleEvent | readonly ModuleEvent[] | null | undefined;

/** What the worker is asked. */
export interface WorkerRequest {
  readonly records: readonly Readonly<Record<string, unknown>>[];
  readonly context: ModuleContext;
}

/** What the module made of each record, or why it failed on it. */
export type WorkerAnswer = readonly (
  | { readonly events: readonly ModuleEvent[] }
  | { readonly fault: string }
)[];
