export interface StoredFile {
  path: string;
  bytes: number;
  modifiedMs: number;
}

/**
 * Small texts of a table: its log. Paths are relative to the table's root, with '/'.
 *
 * - `read` gives the text of a file; null where there is none.
 * - `putIfAbsent` creates `path` with the text, whole and durable, or resolves false when it exists already, and then
 *   changes nothing. Of several callers at once exactly one gets true. This is what makes a commit atomic.
 * - `put` does the same to what may exist, and replaces it in one step.
 *
 * What rejects may have happened nevertheless when it was the answer that was lost, but never half.
 */
export interface TextStorage {
  read(path: string): Promise<string | null>;
  putIfAbsent(path: string, text: string): Promise<boolean>;
  put(path: string, text: string): Promise<void>;
}

/**
 * Files of a table.
 *
 * - `list` gives the files that are right in a folder, all of them; none where there is no folder.
 * - `publish` moves a complete, synced local file to `path`, in place of what is there; it is durable when this
 *   resolves. Nobody sees half of it, also if this fails in the middle.
 * - `remove` deletes a file; a missing one is no error.
 * - `withLocal` gives local paths of the files while `use` runs. They end as the paths do.
 * - `removeLeftovers` deletes what broken uploads of before `beforeMs` have left apart from the table's files.
 */
export interface FileStorage {
  list(folder: string): Promise<StoredFile[]>;
  publish(localFile: string, path: string): Promise<void>;
  remove(path: string): Promise<void>;
  withLocal<T>(paths: string[], use: (localPaths: string[]) => Promise<T>): Promise<T>;
  removeLeftovers(beforeMs: number): Promise<void>;
}

/** Where a table is. */
export interface TableStorage extends TextStorage, FileStorage {
  /** Tries what normal work does, once, and rejects with a sentence for people. */
  check(): Promise<void>;
  /** The whole name of a path, for people. */
  address(path: string): string;
}
