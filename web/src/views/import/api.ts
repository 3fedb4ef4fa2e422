/** `/v1/imports` as the page sees it. */
import type { Finding } from '../../api.ts';
import { request } from '../../api.ts';

/** A form can take a while: a file is tried out for it. */
const PREVIEW_TIMEOUT_MS = 120_000;
const ANSWER_TIMEOUT_MS = 60_000;

export interface Progress {
  bytes_read: number | null;
  received: number;
  events: number;
  bad_rows: number;
  left_out: number;
  stored_before: number;
}

export interface RejectedLine {
  line: number;
  code: string;
  field?: string;
  example?: string;
}

/** What a load gave, or would give. */
export interface Figures {
  received: number;
  events: number;
  bad_rows: number;
  duplicates: number;
  left_out?: number;
  bad_by_reason: Record<string, number>;
  invalid_fields: Record<string, number>;
  findings: Finding[];
  files: { unused_columns: string[]; cut?: string; stored_before: number; errors: RejectedLine[] }[];
}

export interface Loaded extends Figures {
  seconds: number;
  stores_behind: Record<string, string>;
  balanced: boolean;
  is_without_events: boolean;
}

export interface ImportView {
  id: string;
  name: string;
  bytes: number;
  received_bytes: number;
  state: 'uploading' | 'ready' | 'loading' | 'counting' | 'done' | 'failed' | 'cancelled';
  progress: Progress | null;
  result: Loaded | null;
  error: { message: string } | null;
}

export interface ImportOptions {
  bytes_max: number;
  mappings: { name: string; description: string }[];
  event_types: string[];
  imports: ImportView[];
}

export type FieldChange = string | { value: string } | null;

/** A list whose names are read as they are; or a list, and the paths of the fields of a line. */
export type ItemsChange = string | { each: string; fields: Record<string, string | null> };

/** How a file is to be read. */
export interface Choice {
  map?: string | undefined;
  mapping?: string | undefined;
  fields?: Record<string, FieldChange>;
  items?: ItemsChange;
  event_types?: Record<string, string>;
  time_zone?: string | undefined;
  date_order?: string | undefined;
  decimal?: string | undefined;
  currency?: string | undefined;
  encoding?: string | undefined;
  delimiter?: string | undefined;
  columns?: string | undefined;
}

export interface FormField {
  field: string;
  from: 'path' | 'name' | 'value' | 'rule' | 'none';
  paths: string[];
  value: string | null;
}

export interface FormColumn {
  path: string;
  example: string;
}

export interface FormItems {
  from: 'list' | 'rule' | 'none';
  path: string | null;
  lists: FormColumn[];
  columns: FormColumn[];
  fields: FormField[];
}

export interface FormEventType {
  value: string;
  rows: number;
  becomes: string;
  is_known: boolean;
}

type MetricRow = Record<string, string | number | null>;

export interface ShownMetric {
  windows: number;
  first: string | null;
  last: string | null;
  total: MetricRow[];
  overall?: MetricRow | null;
}

export interface Preview {
  description: string;
  refusal: string | null;
  map: string | null;
  mapping: string | null;
  settings: { time_zone: string; date_order: string | null; decimal: string | null; currency: string | null };
  is_guess: boolean;
  is_whole: boolean;
  example: { record: string; event: string } | null;
  loaded_before: { records: number; is_all: boolean; file: string; at: string; same_options: boolean } | null;
  result: Figures | null;
  metrics: Partial<Record<'traffic' | 'audience' | 'funnel' | 'revenue' | 'sales', ShownMetric>>;
  columns: FormColumn[];
  fields: FormField[];
  items: FormItems;
  event_types: FormEventType[];
  /** Records at the beginning of the file that the columns and the numbers of `event_types` are of. */
  sampled: number;
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(path.includes('/preview') ? PREVIEW_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
  const response = await request(`v1/imports${path}`, {
    method,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...(body === undefined
      ? {}
      : body instanceof Blob
        ? { body }
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return (await response.json()) as T;
}

export const getOffer = () => ask<ImportOptions>('GET', '');

export const announce = (name: string, bytes: number, signal: AbortSignal) =>
  ask<ImportView>('POST', `?${new URLSearchParams({ name, bytes: String(bytes) })}`, undefined, signal);

export const putPiece = (id: string, offset: number, piece: Blob, signal: AbortSignal) =>
  ask<ImportView>('PUT', `/${id}/content?offset=${offset}`, piece, signal);

export const getImport = (id: string) => ask<ImportView>('GET', `/${id}`);

export const tryOut = (id: string, choice: Choice, isGuess: boolean, signal: AbortSignal) =>
  ask<Preview>('POST', `/${id}/preview${isGuess ? '?guess=true' : ''}`, choice, signal);

export const startLoad = (id: string, choice: Choice, again: boolean) =>
  ask<ImportView>('POST', `/${id}/load${again ? '?again=true' : ''}`, choice);

export const removeImport = (id: string) => ask<ImportView>('DELETE', `/${id}`);

/** When the tab is closed there is no time to wait for an answer. */
export function removeAtOnce(id: string): void {
  void fetch(`v1/imports/${id}`, { method: 'DELETE', keepalive: true, credentials: 'same-origin' }).catch(
    () => {},
  );
}
