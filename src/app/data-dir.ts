import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { closeFolder, makePrivately } from '../system/access.ts';
import { errorCode } from '../system/error-code.ts';
import { makeFolder } from '../system/make-folder.ts';
import { acquireLock, LockHeldError, lockHolder } from '../system/process-lock.ts';
import { VERSION } from '../system/version.ts';
import { writeFileDurable } from '../system/write-durable.ts';
import { UsageError } from '../telemetry/errors.ts';
import { messageOf } from '../telemetry/system-error.ts';
import { type DemoMark, moveDemoAside, newDemoMark, readDemoMark, writeDemoMark } from './demo-mark.ts';

/** Layout of the data folder; a folder of a newer one is refused. */
const DATA_FORMAT = 1;
/** Has permissions of its own: the archive may be shared, and the config file belongs to whoever wrote it. */
const APART = ['archive', 'config.yaml'];

/** Another process has the data folder open. */
export class DataDirInUseError extends UsageError {}

export interface Opening {
  /**
   * play: a new folder becomes one of the demo. end: a demo in the folder is moved aside first, so that simulated lines and own
   * ones never meet. as_is: neither.
   */
  demo: 'play' | 'end' | 'as_is';
  /** The event log or the archive of the config is on a server. */
  onServers: boolean;
  /** The archive in the folder is shared, so that its group may go through. */
  archiveIsShared: boolean;
  /** The file of the config in use, and its time zone, which the folder remembers. A config that a program gives has no file. */
  configFile: string | undefined;
  timeZone: string;
  /** There is no file, and without the config log or archive would not be found. */
  isUnnamed: boolean;
}

/** What is in data.json. */
interface DataFile {
  format: number;
  created_by: string;
  id: string;
  /** Path of the config that the folder was opened with last; left out where that had no file. */
  config?: string | undefined;
  /** It had none, and must be named. */
  config_unnamed?: true | undefined;
  /** Zone of the days of its metrics. */
  time_zone?: string | undefined;
}

const dataFile = (dataDir: string): string => join(dataDir, 'data.json');

/** The config and the zone that a data folder was opened with last; none where there is no such folder. */
export async function rememberedSettings(dataDir: string): Promise<Partial<DataFile>> {
  try {
    return (JSON.parse(await readFile(dataFile(dataDir), 'utf8')) as DataFile | null) ?? {};
  } catch {
    // The opening of the folder says what is wrong with it.
    return {};
  }
}

export interface TakenDataDir {
  release(): Promise<void>;
  demo: DemoMark | null;
  /** Where the data of a demo were moved; null where nothing was. */
  demoMovedTo: string | null;
}

/** Makes the folder where it is missing, refuses one that is not ours or in use, takes its lock, and closes it to other users. */
export async function takeDataDir(dataDir: string, opening: Opening): Promise<TakenDataDir> {
  const file = dataFile(dataDir);
  try {
    makePrivately();
    makeFolder(dataDir);
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    const data = found === null ? null : checkedData(found, dataDir);
    const lock = await acquireLock(join(dataDir, 'lock'));
    try {
      let demo = await readDemoMark(dataDir);
      let demoMovedTo: string | null = null;
      if (demo !== null && opening.demo === 'end') {
        if (demo.on_servers && opening.onServers)
          throw new UsageError(
            `The data folder ${dataDir} holds the demo, whose simulated lines are also on servers. Use another data folder (--data or ` +
              'TILLSTREAM_DATA), and another topic and archive path if the config names them.',
          );
        demoMovedTo = await moveDemoAside(dataDir);
        demo = null;
      } else if (demo === null && found === null && opening.demo === 'play') {
        demo = newDemoMark(opening.onServers);
        // Before anything else: a folder without the mark never gets a simulated line.
        await writeDemoMark(dataDir, demo);
      }
      const isNew = data === null || demoMovedTo !== null;
      const before = isNew ? newData() : data;
      const used = usedSettings(dataDir, opening);
      if (isNew || Object.entries(used).some(([name, value]) => value !== before[name as keyof typeof used]))
        await writeDataFile(file, { ...before, ...used });
      await closeFolder(dataDir, { mayPass: opening.archiveIsShared, apart: APART });
      return { release: () => lock.release(), demo, demoMovedTo };
    } catch (error) {
      // The first error is what matters; the lock ends with the process.
      await lock.release().catch(() => {});
      throw error;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof LockHeldError)
      throw new DataDirInUseError(
        `The data folder ${dataDir} is in use by ${error.holder}. Only one process can use it at a time: stop that one first.`,
      );
    throw dataDirError(dataDir, error);
  }
}

/** Why the data folder can't be used, and what to do. */
export function dataDirError(dataDir: string, error: unknown): UsageError {
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new UsageError(
      `The disk of the data folder ${dataDir} is full${code === 'ENOSPC' ? '' : ' for this user (a quota or a limit of file sizes)'}. Free some space, then start again.`,
    );
  return new UsageError(
    `The data folder ${dataDir} can't be used: ${messageOf(error)}. Set TILLSTREAM_DATA or --data to your own folder.`,
  );
}

/** The config to remember: one in the folder is found there, and whoever removes it wants none. */
function usedSettings(dataDir: string, { configFile, timeZone, isUnnamed }: Opening) {
  const path = configFile === undefined ? undefined : resolve(configFile);
  return {
    config: path === resolve(dataDir, 'config.yaml') ? undefined : path,
    config_unnamed: isUnnamed ? (true as const) : undefined,
    time_zone: timeZone,
  };
}

function newData(): DataFile {
  return { format: DATA_FORMAT, created_by: `tillstream ${VERSION}`, id: randomUUID() };
}

function writeDataFile(file: string, data: DataFile): Promise<void> {
  // In one piece: a start that is killed here must not leave half of it.
  return writeFileDurable(file, `${JSON.stringify(data)}\n`);
}

/** Process id of who has the data folder open; null when nobody has. */
export async function holderOf(dataDir: string): Promise<number | null> {
  if (!existsSync(dataFile(dataDir))) return null;
  return lockHolder(join(dataDir, 'lock'));
}

function checkedData(text: string, dataDir: string): DataFile {
  let data: DataFile | null = null;
  try {
    data = JSON.parse(text) as DataFile | null;
  } catch {
    // Told below.
  }
  if (typeof data?.format !== 'number') {
    throw new UsageError(
      `${dataFile(dataDir)} is damaged. It records which version wrote the folder: restore it, or move the folder away.`,
    );
  }
  if (data.format > DATA_FORMAT) {
    throw new UsageError(
      `The data folder ${dataDir} was written by a newer Tillstream (format ${data.format}; this one reads ${DATA_FORMAT}). ` +
        'Update Tillstream, or use another folder.',
    );
  }
  return data;
}
