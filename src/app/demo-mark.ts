import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { now } from '../system/clock.ts';
import { writeFileDurable } from '../system/write-durable.ts';

/** Marks a data folder that was made for the demo: its lines are simulated, and it takes no others. */
export interface DemoMark {
  /** Of the simulated shop: the same seed and times give the same history. */
  seed: number;
  /** The shop's past, as ISO 8601 times. */
  from: string;
  until: string;
  /** Up to when the folder has the shop's events; null while its past is being written. */
  filled_until: string | null;
  /** The event log or the archive is on a server: moving the folder away would leave simulated lines there. */
  on_servers: boolean;
}

/** Sources of simulated lines, the past and the live ones. */
const DEMO_SOURCES: readonly string[] = ['demo-history', 'demo'];
const DEMO_DAYS = 30;

const demoFile = (dataDir: string): string => join(dataDir, 'demo.json');

export const DEMO_REFUSAL =
  'This is the demo: its data folder holds a simulated shop, and takes no events of your own.';

/** The mark of a folder of the demo; null for any other folder. */
export async function readDemoMark(dataDir: string): Promise<DemoMark | null> {
  const text = await readFile(demoFile(dataDir), 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Where the folder is a file, its opening says so.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  return text === null ? null : (JSON.parse(text) as DemoMark);
}

export function writeDemoMark(dataDir: string, mark: DemoMark): Promise<void> {
  return writeFileDurable(demoFile(dataDir), `${JSON.stringify(mark)}\n`);
}

/** A topic may hold lines of a shop that is not simulated: then the folder is not one of the demo, and loses its mark. */
export async function confirmDemo(
  dataDir: string,
  mark: DemoMark,
  bySource: Readonly<Record<string, { received: number }>>,
): Promise<DemoMark | null> {
  const isOwn = ([source, { received }]: [string, { received: number }]) =>
    received > 0 && !DEMO_SOURCES.includes(source);
  if (!Object.entries(bySource).some(isOwn)) return mark;
  await rm(demoFile(dataDir), { force: true });
  return null;
}

/** What stays where it is: the user's, of the running process, or the data of servers. */
const STAYS = /^(lock.*|config\.yaml|tillstream\.log|run\.json(\.tmp)?|services|demo-\d.*)$/;

/** Moves everything of a demo into a folder of its own inside of the data folder; gives its name. */
export async function moveDemoAside(dataDir: string): Promise<string> {
  const name = `demo-${new Date(now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}`;
  const aside = join(dataDir, name);
  await mkdir(aside, { recursive: true });
  const names = (await readdir(dataDir)).filter((entry) => !STAYS.test(entry) && entry !== 'demo.json');
  for (const entry of names) await rename(join(dataDir, entry), join(aside, entry));
  // The mark goes last: a stop in the middle leaves a folder of the demo, whose rest is moved at the next try.
  await using folder = await open(dataDir, 'r');
  await folder.sync();
  await rename(demoFile(dataDir), join(aside, 'demo.json'));
  await folder.sync();
  return aside;
}

export function newDemoMark(onServers: boolean): DemoMark {
  const nowMs = now();
  // From the start of a day: the page's 30 days are whole, and nothing before them is compared with.
  const from = Math.floor(nowMs / 86_400_000) * 86_400_000 - (DEMO_DAYS - 1) * 86_400_000;
  return {
    seed: nowMs % 2 ** 31,
    from: new Date(from).toISOString(),
    until: new Date(nowMs).toISOString(),
    filled_until: null,
    on_servers: onServers,
  };
}
