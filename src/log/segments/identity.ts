import { randomUUID } from 'node:crypto';
import { ignoreMissing } from '../../system/error-code.ts';
import type { CountsBySource, Offset } from '../offset.ts';
import { type LogFiles, readUpTo, replaceFile } from './files.ts';
import { decodeSegmentHeader, FORMAT_VERSION, HEADER_BYTES_MAX, segmentFirst } from './format.ts';

const NAME = 'log.json';
const IDENTITY_BYTES_MAX = 1024 * 1024;

/** Where the log stood when it was last closed in order. */
export interface Closed {
  end: Offset;
  received: CountsBySource;
  last_received_at: number | null;
}

export interface LogIdentity {
  format_version: number;
  id: string;
  written_by: string;
  closed: Closed | null;
}

/** Reads `log.json`; makes it, with a new id, in a folder without a log. */
export async function openIdentity(files: LogFiles, dir: string, program: string): Promise<LogIdentity> {
  const identity = await readIdentity(files, dir);
  if (identity !== null) {
    refuseNewer(dir, identity.format_version, identity.written_by);
    // A process that was killed may have written it, and its name be nowhere but in memory.
    await files.syncDir(dir);
    return identity;
  }
  // Without a readable log.json the segments still tell the id: only an empty folder is a new log.
  const id = (await idFromSegments(files, dir)) ?? randomUUID();
  const made = { format_version: FORMAT_VERSION, id, written_by: program, closed: null };
  await writeIdentity(files, dir, made);
  return made;
}

export async function writeIdentity(files: LogFiles, dir: string, identity: LogIdentity): Promise<void> {
  await replaceFile(files, dir, NAME, Buffer.from(`${JSON.stringify(identity, null, 2)}\n`));
}

/** Throws when a folder or file was written in a later format than this program knows. */
export function refuseNewer(path: string, formatVersion: number, writtenBy: string): void {
  if (formatVersion <= FORMAT_VERSION) return;
  throw new Error(
    `${path} holds an event log of format version ${formatVersion}, written by ${writtenBy}. This program is older: ` +
      `it reads format versions up to ${FORMAT_VERSION}. Start the version that wrote it, or a later one.`,
  );
}

async function readIdentity(files: LogFiles, dir: string): Promise<LogIdentity | null> {
  const content = await readStart(files, `${dir}/${NAME}`, IDENTITY_BYTES_MAX);
  if (content === null) return null;
  try {
    const raw = JSON.parse(content.toString('utf8')) as Partial<LogIdentity>;
    if (!Number.isSafeInteger(raw.format_version) || typeof raw.id !== 'string' || raw.id === '') return null;
    return {
      format_version: raw.format_version!,
      id: raw.id,
      written_by: String(raw.written_by ?? 'an unknown version'),
      closed: raw.closed ?? null,
    };
  } catch {
    // Damaged: the caller makes it again from the segments.
    return null;
  }
}

async function idFromSegments(files: LogFiles, dir: string): Promise<string | null> {
  for (const name of (await files.readdir(dir)).filter((entry) => segmentFirst(entry) !== null).sort()) {
    const start = await readStart(files, `${dir}/${name}`, HEADER_BYTES_MAX);
    const found = start === null ? null : decodeSegmentHeader(start);
    if (found === null) continue;
    refuseNewer(`${dir}/${name}`, found.header.formatVersion, 'a later version');
    return found.header.logId;
  }
  return null;
}

async function readStart(files: LogFiles, path: string, bytesMax: number): Promise<Buffer | null> {
  let fd: number;
  try {
    fd = await files.open(path, 'read');
  } catch (error) {
    ignoreMissing(error);
    return null;
  }
  try {
    return await readUpTo(files, fd, 0, Math.min(bytesMax, await files.size(fd)));
  } finally {
    await files.close(fd);
  }
}
