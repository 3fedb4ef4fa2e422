/**
 * A small JSON document on disk. `write` replaces it in one step and resolves when it is durable: a crash leaves the old
 * or the new one. `read` gives null where there is none or where it is damaged; who reads it then begins again.
 */
export interface StateFile {
  read(): Promise<unknown>;
  write(value: object): Promise<void>;
}
