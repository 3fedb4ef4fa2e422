import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** CPU time that a process and those that it started have used, as proc(5) tells it. */
export function cpuSeconds(pid: number): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'latin1');
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
        // State, parent, ...; from the twelfth on: utime, stime, and of children that have ended.
        return [{ pid: Number(name), parent: Number(fields[1]), ticks: sum(fields.slice(11, 15)) }];
      } catch {
        return [];
      }
    });
  const tree = (root: number): number =>
    stats.filter(({ parent }) => parent === root).reduce((total, each) => total + tree(each.pid), 0) +
    (stats.find((each) => each.pid === root)?.ticks ?? 0);
  return tree(pid) / TICKS_PER_SECOND;
}

const sum = (numbers: string[]) => numbers.reduce((total, each) => total + Number(each), 0);
