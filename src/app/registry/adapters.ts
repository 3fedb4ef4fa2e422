import type { z } from 'zod';
import type { ArchiveKind } from '../../archive/archive-kind.ts';
import type { Format } from '../../ingest/format.ts';
import { FORMATS } from '../../ingest/formats/all.ts';
import type { LogKind } from '../../log/log-kind.ts';
import { CATALOGUE } from '../../metrics/catalogue.ts';
import type { Metric } from '../../metrics/definition.ts';
import type { EngineKind } from '../../metrics/engine-kind.ts';
import type { SinkKind } from '../../sinks/sink-kind.ts';
import type { SourceKind } from '../../sources/source.ts';
import * as archives from './archives.ts';
import * as engines from './engines.ts';
import * as logs from './logs.ts';
import * as sources from './sources.ts';
import * as stores from './stores.ts';

type Kinds<K> = Readonly<Record<string, K>>;

/** What can be chosen from: the config and the wiring follow from it. */
export interface Adapters {
  readonly sources: Kinds<SourceKind>;
  readonly logs: Kinds<LogKind>;
  readonly archives: Kinds<ArchiveKind>;
  readonly engines: Kinds<EngineKind>;
  readonly stores: Kinds<SinkKind>;
  /** In the order in which they are tried. */
  readonly formats: readonly Format[];
  readonly metrics: readonly Metric[];
}

/** All that there is. */
export const ADAPTERS: Adapters = {
  sources,
  logs,
  archives,
  engines,
  stores,
  formats: FORMATS,
  metrics: CATALOGUE,
};

/** A part of the config: which kind, and the settings of that kind beside it. */
export interface Chosen {
  kind: string;
}

/** The kind that a part of the config names, and its settings. */
export function chosenOf<K extends { schema: z.ZodObject }>(
  kinds: Kinds<K>,
  { kind, ...settings }: Chosen,
): { adapter: K; settings: Record<string, unknown> } {
  const adapter = kinds[kind];
  if (adapter === undefined) throw new TypeError(`no adapter of kind ${kind}`);
  return { adapter, settings };
}
