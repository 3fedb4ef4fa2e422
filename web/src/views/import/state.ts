/** The life of an import: choose, upload, try out, load. It outlives the view, so that one may look at the dashboard meanwhile. */
import { computed, signal } from '@preact/signals';
import { ApiError } from '../../api.ts';
import {
  announce,
  type Choice,
  type FieldChange,
  getImport,
  getOffer,
  type ImportOptions,
  type ImportView,
  type ItemsChange,
  type Preview,
  removeAtOnce,
  removeImport,
  startLoad,
  tryOut,
} from './api.ts';
import { upload } from './upload.ts';

const POLL_MS = 500;
/** The server removes what nobody asks for. */
const KEEP_MS = 45_000;

/** What went wrong, in words. */
export interface Problem {
  message: string;
  hint: string;
}

export const offer = signal<ImportOptions | null>(null);
/** The file that was chosen; null before, and where an import of another tab is shown. */
export const chosen = signal<{ name: string; size: number } | null>(null);
export const current = signal<ImportView | null>(null);
export const sent = signal(0);
export const preview = signal<Preview | null>(null);
export const isTrying = signal(false);
export const problem = signal<Problem | null>(null);
/** What was set besides the mapping, and the mapping as it was last answered. */
export const choice = signal<Choice>({});
export const isRunning = computed(() => ['loading', 'counting'].includes(current.value?.state ?? ''));
export const isEnded = computed(() => ['done', 'failed', 'cancelled'].includes(current.value?.state ?? ''));

/** Changes of the form that no answer has yet. */
let changes: Changes = noChanges();
let isCancelling = false;
let work = new AbortController();
let trial = new AbortController();

interface Changes {
  fields: Record<string, FieldChange>;
  items?: ItemsChange;
  event_types: Record<string, string>;
}

function noChanges(): Changes {
  return { fields: {}, event_types: {} };
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiError && error.status === 0)
    return {
      message: 'Tillstream does not answer.',
      hint: 'Stored records stay. Try again when Tillstream is running; see "tillstream status".',
    };
  if (error instanceof ApiError) return { message: error.message, hint: error.hint };
  return { message: String(error), hint: '' };
}

/** Asks what a form offers; shows a load that another tab has begun. */
export async function open(): Promise<void> {
  try {
    offer.value = await getOffer();
    if (problem.value && current.value === null) problem.value = null;
    const begun = offer.value.imports.find(({ state }) => state === 'loading' || state === 'counting');
    if (begun && current.value === null) {
      current.value = begun;
      void follow(begun.id);
    }
  } catch (error) {
    problem.value = problemOf(error);
  }
}

/** Uploads a file and tries it out. */
export async function choose(file: File): Promise<void> {
  await forget();
  const { signal } = work;
  chosen.value = { name: file.name, size: file.size };
  if (file.size === 0) {
    problem.value = { message: `${file.name} is empty.`, hint: 'Choose another file.' };
    return;
  }
  try {
    const announced = await announce(file.name, file.size, signal);
    current.value = announced;
    const view = await upload(
      announced,
      file,
      (bytes) => {
        if (!signal.aborted) sent.value = bytes;
      },
      signal,
    );
    if (signal.aborted) return;
    current.value = view;
    await tryAgain(true);
  } catch (error) {
    if (signal.aborted) return;
    problem.value = problemOf(error);
    const left = current.value;
    current.value = null;
    // The server removes what nobody asks for.
    if (left) await removeImport(left.id).catch(() => {});
  }
}

/** Tries the file with what is chosen now; a newer try ends this one. */
async function tryAgain(isGuess = false): Promise<void> {
  const id = current.value?.id;
  if (id === undefined) return;
  trial.abort();
  trial = new AbortController();
  const { signal } = trial;
  const asked = changes;
  const hasChanges =
    asked.items !== undefined || Object.keys(asked.fields).length + Object.keys(asked.event_types).length > 0;
  isTrying.value = true;
  problem.value = null;
  try {
    const answer = await tryOut(id, { ...choice.value, ...(hasChanges ? asked : {}) }, isGuess, signal);
    if (signal.aborted) return;
    preview.value = answer;
    choice.value = { ...choice.value, map: answer.map ?? undefined, mapping: answer.mapping ?? undefined };
    changes = noChanges();
    isTrying.value = false;
  } catch (error) {
    if (signal.aborted) return;
    problem.value = problemOf(error);
    isTrying.value = false;
    // The form goes on from what was answered last.
    changes = noChanges();
    const { map, mapping } = preview.value ?? {};
    choice.value = { ...choice.value, map: map ?? undefined, mapping: mapping ?? undefined };
  }
}

/** Changes where a field comes from. */
export function setField(field: string, change: FieldChange): void {
  changes = { ...changes, fields: { ...changes.fields, [field]: change } };
  void tryAgain();
}

/** Takes another list as the lines of an order; their names are read as they are. */
export function setLines(path: string): void {
  changes = { ...changes, items: path };
  void tryAgain();
}

/** Changes where a field of a line comes from; the others stay where they are shown. */
export function setLineField(field: string, path: string | null): void {
  const shown = preview.value?.items;
  const each = shown?.path;
  if (shown === undefined || typeof each !== 'string') return;
  const asked = typeof changes.items === 'object' ? changes.items.fields : {};
  const known = shown.fields.flatMap(({ field: name, from, paths }) =>
    (from === 'path' || from === 'name') && paths.length === 1 ? [[name, paths[0]!] as const] : [],
  );
  changes = {
    ...changes,
    items: { each, fields: { ...Object.fromEntries(known), ...asked, [field]: path } },
  };
  void tryAgain();
}

/** Changes what a name of the file means. */
export function setEventType(value: string, ours: string): void {
  changes = { ...changes, event_types: { ...changes.event_types, [value]: ours } };
  void tryAgain();
}

/** Changes how values or the file are read; empty: as it is found. */
export function setSetting(name: keyof Choice, value: string): void {
  choice.value = { ...choice.value, [name]: value === '' ? undefined : value };
  void tryAgain();
}

/** Takes another mapping: by its name, as a text, or none. */
export function setMapping(mapping: Pick<Choice, 'map' | 'mapping'>): void {
  changes = noChanges();
  choice.value = { ...choice.value, map: undefined, mapping: undefined, ...mapping };
  void tryAgain();
}

/** Begins to load the file. */
export async function load(again: boolean): Promise<void> {
  const id = current.value?.id;
  if (id === undefined) return;
  problem.value = null;
  try {
    current.value = await startLoad(id, choice.value, again);
    await follow(id);
  } catch (error) {
    problem.value = problemOf(error);
  }
}

/** Shows how far a load is, until it has ended. */
async function follow(id: string): Promise<void> {
  while (current.value?.id === id && isRunning.value) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const view = await getImport(id).catch((error: unknown) => {
      if (isCancelling) return undefined;
      problem.value = problemOf(error);
      // It may be back in a moment; an import that is gone is not.
      return error instanceof ApiError && error.status === 404 ? null : undefined;
    });
    // It was cancelled meanwhile.
    if (current.value?.id !== id || !isRunning.value || isCancelling) return;
    if (view === null) current.value = null;
    else if (view !== undefined) {
      problem.value = null;
      current.value = view;
    }
  }
}

/** Ends the load; what is stored by then stays. */
export async function cancel(): Promise<void> {
  const id = current.value?.id;
  if (id === undefined || isCancelling) return;
  isCancelling = true;
  try {
    current.value = await removeImport(id);
  } catch (error) {
    problem.value = problemOf(error);
    isCancelling = false;
    await follow(id);
  }
  isCancelling = false;
}

/** Goes back to the beginning; the file is removed. */
export async function forget(): Promise<void> {
  work.abort();
  trial.abort();
  work = new AbortController();
  const before = current.value;
  current.value = null;
  chosen.value = null;
  preview.value = null;
  problem.value = null;
  isTrying.value = false;
  sent.value = 0;
  choice.value = {};
  changes = noChanges();
  // The server removes what nobody asks for.
  if (before) await removeImport(before.id).catch(() => {});
}

setInterval(() => {
  const id = current.value?.id;
  // It only says that the page is still open.
  if (id !== undefined && !isRunning.value && !isEnded.value) getImport(id).catch(() => {});
}, KEEP_MS);

// A load goes on without its tab; a file that waits for one does not.
addEventListener('pagehide', () => {
  const view = current.value;
  if (view && !isRunning.value) removeAtOnce(view.id);
});
