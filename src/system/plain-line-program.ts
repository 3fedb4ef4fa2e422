import { readFileSync } from 'node:fs';
import { PLAIN_LINE_FILE } from './own-files.ts';

/** What is needed of it here: Node's types have none of it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> };
};

let compiled: object | undefined;

/** The exports of a new instance of wasm/plain-line.ts, or null if the process has no memory left for it. Lines are then checked more slowly. */
export function newPlainLineProgram(): Record<string, unknown> | null {
  compiled ??= new WebAssembly.Module(readFileSync(PLAIN_LINE_FILE));
  try {
    return new WebAssembly.Instance(compiled, {}).exports;
  } catch (error) {
    // Each instance takes gigabytes of addresses, of which a process may have few (ulimit -v).
    if (error instanceof RangeError) return null;
    throw error;
  }
}
