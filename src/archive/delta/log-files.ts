import { crc32 } from 'node:zlib';
import { ArchiveError } from '../../telemetry/errors.ts';
import type { StoredFile } from '../storage/storage.ts';
import type { Action } from './actions.ts';

/** Names and texts of the files in `_delta_log`. */

export const LOG_FOLDER = '_delta_log';
export const LAST_CHECKPOINT = `${LOG_FOLDER}/_last_checkpoint`;
const ENGINE = 'tillstream';

const versionName = (version: number) => String(version).padStart(20, '0');
export const commitPath = (version: number) => `${LOG_FOLDER}/${versionName(version)}.json`;
export const checkpointPath = (version: number) => `${LOG_FOLDER}/${versionName(version)}.checkpoint.parquet`;

export interface Checkpoint {
  version: number;
  /** One file, or all of its parts in order. */
  paths: string[];
}

/** What the folder of the log holds. */
export interface DeltaLogFiles {
  commits: ReadonlySet<number>;
  /** Largest version of a commit or checkpoint; -1 in an empty folder. */
  newest: number;
  /** Complete ones, newest first. Those of version 2 of the format are left out: tables with them are refused. */
  checkpoints: Checkpoint[];
}

export function logFiles(files: readonly StoredFile[]): DeltaLogFiles {
  const commits = new Set<number>();
  const checkpoints: Checkpoint[] = [];
  const parts = new Map<string, string[]>();
  for (const { path } of files) {
    const name = path.slice(LOG_FOLDER.length + 1);
    const match = /^(\d{20})\.(?:json|checkpoint\.(?:(\d{10})\.(\d{10})\.)?parquet)$/.exec(name);
    if (!match) continue;
    const [, version, part, count] = match;
    if (name.endsWith('.json')) commits.add(Number(version));
    else if (part === undefined) checkpoints.push({ version: Number(version), paths: [path] });
    else {
      const key = `${version}/${count}`;
      parts.set(key, [...(parts.get(key) ?? []), path].sort());
    }
  }
  for (const [key, paths] of parts) {
    const [version, count] = key.split('/').map(Number);
    if (paths.length === count) checkpoints.push({ version: version!, paths });
  }
  checkpoints.sort((a, b) => b.version - a.version);
  let newest = checkpoints[0]?.version ?? -1;
  for (const version of commits) newest = Math.max(newest, version);
  return { commits, newest, checkpoints };
}

/** The text of a commit. Its first line has a checksum of the others, so that damage is found. */
export function commitText(actions: readonly Action[], txnId: string): string {
  const lines = actions.filter(({ commitInfo }) => !commitInfo).map((action) => JSON.stringify(action));
  const info = actions.find(({ commitInfo }) => commitInfo)?.commitInfo;
  const commitInfo = { ...info, engineInfo: ENGINE, txnId, checksum: crc32(lines.join('\n')) };
  return `${[JSON.stringify({ commitInfo }), ...lines].join('\n')}\n`;
}

/** The actions of a commit; `file` is its name for people. */
export function parseCommit(text: string, file: string): Action[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const actions = lines.map((line, index) => {
    try {
      return JSON.parse(line) as Action;
    } catch {
      throw damaged(file, `line ${index + 1} is not JSON`);
    }
  });
  if (actions.length === 0) throw damaged(file, 'it is empty');
  const { engineInfo, checksum } = actions[0]?.commitInfo ?? {};
  if (engineInfo === ENGINE && checksum !== undefined && checksum !== crc32(lines.slice(1).join('\n')))
    throw damaged(file, 'its checksum does not match');
  return actions;
}

function damaged(file: string, why: string): ArchiveError {
  return new ArchiveError(`The archive file ${file} is damaged: ${why}. ${PUT_BACK}`);
}

const PUT_BACK =
  'Put this file back from a backup of the archive, then start again. ' +
  'Nothing was written: without it, lines would be archived twice or not at all.';

/** `damaged` names checkpoints that would replace the commit, but can't be read. */
export function missingCommit(file: string, newest: string, damaged: readonly string[]): ArchiveError {
  const instead = damaged.length > 0 ? ` The checkpoints after it can't be read: ${damaged.join(', ')}.` : '';
  return new ArchiveError(
    `The archive file ${file} is missing, but there are newer ones up to ${newest}.${instead} ${PUT_BACK}`,
  );
}
