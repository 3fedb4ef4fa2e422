import type { Snippet, SnippetTarget } from './snippet-text.ts';

/** Ways that belong together on the page, with their heading. */
export const GROUPS = {
  api: 'HTTP API',
  tracker: 'Trackers and their libraries',
  webhook: 'Webhooks',
  browser: 'Pages of the shop',
  shipper: 'Log shippers',
  pull: 'Files, logs and topics to read',
  mapping: 'Other systems, with a mapping',
} as const;

/** A way by which events come in. */
export interface Way {
  /** As in counters and links. */
  readonly name: string;
  readonly title: string;
  readonly group: keyof typeof GROUPS;
  /** Method and path each; none for what this process reads by itself. */
  readonly addresses: readonly string[];
  /** Where the key goes, as a part of a sentence; null where there is none. */
  readonly key: string | null;
  /** The preset whose text says how to connect the system, step by step. */
  readonly preset?: string;
  /** A page of the documents. */
  readonly docs: string;
  /** Everybody can read the key there. */
  readonly isPublic?: true;
  readonly snippets: (to: SnippetTarget) => Snippet[];
}

/** Paths as one address each; those that differ in their last part only are written as one, `POST /v1/{track,page}`. */
export function addressesOf(paths: readonly string[], method = 'POST'): string[] {
  const shown = paths.filter((path) => !paths.includes(`${path}/`));
  const parents = Map.groupBy(shown, (path) => path.slice(0, path.lastIndexOf('/') + 1));
  return [...parents].flatMap(([parent, group]) =>
    group.length > 2
      ? [`${method} ${parent}{${group.map((path) => path.slice(parent.length)).join(',')}}`]
      : group.map((path) => `${method} ${path}`),
  );
}
