import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileDurable } from '../../system/write-durable.ts';
import { readStateFile } from '../state.ts';
import { NO_FINGERPRINT } from './fingerprint.ts';

const NAME = 'tail.json';
/** An older version kept a file for each pattern. */
const OLD_NAME = /^tail-[0-9a-f]{16}\.json$/;

const fingerprintSchema = z.object({ bytes: z.int().min(0), crc: z.int().min(0) });

/** What is remembered of a file across restarts. Members with a default came with a later version. */
const fileRecordSchema = z.object({
  /** Device and inode. */
  id: z.string(),
  path: z.string(),
  /** The name under which its writer wrote it; files of one family are read one after the other. */
  family: z.string(),
  /** Where a link of that name led to. */
  realPath: z.string().default(''),
  /** All before it is in the log. Of a packed file: of its content. */
  position: z.int().min(0),
  /** In the middle of a line too long to keep; all up to the next line end is skipped. */
  skipping: z.boolean(),
  fingerprint: fingerprintSchema,
  trail: fingerprintSchema.default(NO_FINGERPRINT),
  rotated: z.boolean(),
  /** Rotated or packed, and read to its end. */
  finished: z.boolean(),
  modifiedMs: z.number(),
  isPacked: z.boolean().default(false),
  /** Bytes at its beginning that decided on the format, so that a restart decides alike; 0: it is not decided. */
  sampleBytes: z.int().min(0).default(0),
  /** The last line read that names columns (`#Fields:`). */
  directive: z.string().nullable().default(null),
  /** Its records get ids of this prefix and their number. */
  idPrefix: z.string().default(''),
  records: z.int().min(0).default(0),
});
export type FileRecord = z.infer<typeof fileRecordSchema>;

const tailStateSchema = z.object({
  files: z.array(fileRecordSchema),
  /** Files that are not followed now, and must not be read twice: gone, or outside of the pattern. */
  known: z.array(fileRecordSchema).default([]),
});
type TailState = z.infer<typeof tailStateSchema>;

/** The positions of one source. They belong to files, so a change of its pattern leaves them as they are. */
export class TailStateFile {
  readonly #dir: string;
  #saved = '';
  #oldNames: string[] = [];

  constructor(dir: string) {
    this.#dir = dir;
  }

  async load(): Promise<TailState> {
    const path = join(this.#dir, NAME);
    const own = await readStateFile(path);
    if (own !== null) return parsed(own, path);
    // Without the folder there is no state.
    const names = await readdir(this.#dir).catch(() => []);
    this.#oldNames = names.filter((name) => OLD_NAME.test(name));
    const state: TailState = { files: [], known: [] };
    for (const name of this.#oldNames) {
      const old = await readStateFile(join(this.#dir, name));
      if (old !== null) for (const file of parsed(old, name).files) state.files.push(file);
    }
    return state;
  }

  /** Writes the positions; does nothing when they are on disk already. */
  async save(state: TailState): Promise<void> {
    const text = JSON.stringify(state);
    if (text === this.#saved) return;
    await writeFileDurable(join(this.#dir, NAME), text);
    this.#saved = text;
    for (const name of this.#oldNames.splice(0)) await rm(join(this.#dir, name), { force: true });
  }
}

function parsed(value: unknown, path: string): TailState {
  const result = tailStateSchema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`${path} is damaged. Remove it to read from the beginning again.`);
}
