import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../src/system/make-folder.ts';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { ServiceError } from './failure.ts';
import type { ProcessId } from './processes.ts';
import type { Setup } from './server.ts';

/** What is known of one server of a data folder. */
export interface ServerState extends Setup {
  /** By name; what was started and not stopped by `down`. */
  processes: Record<string, ProcessId>;
}

export type State = Record<string, ServerState>;

/** Folder of the servers within a data folder. */
export const servicesDir = (dataDir: string) => join(dataDir, 'services');

const fileIn = (dataDir: string) => join(servicesDir(dataDir), 'services.json');

/** Of all servers that `up` was ever called for and whose data were not removed. */
export function readState(dataDir: string): State {
  const file = fileIn(dataDir);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ServiceError(`${file} can't be read: ${reasonOf(error)}.`);
  }
  try {
    return JSON.parse(text) as State;
  } catch {
    throw new ServiceError(
      `${file}, which lists the running servers, is damaged. Stop the servers by hand, remove its folder, and start them again.`,
    );
  }
}

/** In one piece, and for the user's eyes only: it holds secrets. */
export function writeState(dataDir: string, state: State): void {
  const file = fileIn(dataDir);
  try {
    makeFolder(servicesDir(dataDir), 0o700);
    writeFileSync(`${file}.tmp`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(`${file}.tmp`, file);
  } catch (error) {
    throw new ServiceError(
      `${file} can't be written: ${reasonOf(error)}. Set TILLSTREAM_DATA or --data to your own folder.`,
    );
  }
}
