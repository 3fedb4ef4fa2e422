import { readdirSync, readFileSync } from 'node:fs';

/** Where nobody waits for a process that has ended, as in some containers, it stays as a zombie. */
export function isAlive(pid: number): boolean {
  return !/\) [ZX] /.test(ofProcess(pid, 'stat') ?? ') X ');
}

/** Processes whose command line has all of the texts. */
export function processesWith(...texts: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const command = ofProcess(pid, 'cmdline') ?? '';
      return texts.every((text) => command.includes(text));
    });
}

/** Those of them that `pid` has started, directly or not. */
export function descendants(pid: number, ...texts: string[]): number[] {
  const isBelow = (id: number): boolean => {
    const stat = ofProcess(id, 'stat');
    const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
    return parent === pid || (parent > 1 && isBelow(parent));
  };
  return processesWith(...texts).filter(isBelow);
}

/** Null when it has ended. */
function ofProcess(pid: number, file: 'cmdline' | 'stat'): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return null;
  }
}
