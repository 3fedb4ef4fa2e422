/**
 * `tillstream load` of simulated events end to end (checked lines, log with fsync, Delta archive, all metrics) against the lean
 * job that would give the numbers once (bench/peer-lean-job.ts), in turn, and checks the results of both.
 * Usage: node bench/load.ts [LINES=1000000] [PAIRS=3] [--very-late]
 *   --very-late: 1 % of the lines are months late, else none.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvironment } from '../src/launch.ts';
import { cpuSeconds } from './cpu-seconds.ts';

const [lines = 1_000_000, pairs = 3] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith('--'))
  .map(Number);
const isLate = process.argv.includes('--very-late');
const root = join(import.meta.dirname, '..');
const dir = mkdtempSync(join(tmpdir(), 'tillstream-bench-'));
const file = join(
  tmpdir(),
  `tillstream-bench-${lines}-${isLate ? 'late' : 'timely'}-${new Date().toISOString().slice(0, 13)}.ndjson`,
);
/** Runs a program as ./tillstream does; gives its JSON and, on Linux, its peak resident memory and CPU seconds. */
const run = async (script: string, ...args: string[]) => {
  const env = { ...process.env, ...startEnvironment(process.env), TILLSTREAM_PORT: '0' };
  let [peakMiB, cpu] = [0, 0];
  const text = await new Promise<string>((resolve, reject) => {
    const command = [join(root, script), ...args];
    const child = execFile(process.execPath, command, { env, maxBuffer: 1 << 28 }, (error, stdout) => {
      clearInterval(timer);
      if (error) reject(error);
      else resolve(stdout);
    });
    const timer = setInterval(() => {
      const status = `/proc/${child.pid}/status`;
      const peak = existsSync(status) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8')) : null;
      if (!peak) return;
      peakMiB = Math.round(Number(peak[1]) / 1024);
      cpu = cpuSeconds(child.pid!);
    }, 50);
  });
  return { result: JSON.parse(text), peakMiB, cpu };
};
const check = (what: string, got: number, wanted: number) => {
  if (got !== wanted) throw new Error(`${what}: ${got}, but it should be ${wanted}`);
};

if (!existsSync(file)) {
  const spanSeconds = 6 * 3600;
  const rates = ['--very-late', isLate ? '0.01' : '0', '--duplicate', '0.01', '--malformed', '0.005'];
  await run(
    'src/main.ts',
    'simulate',
    '--out',
    file,
    '--count',
    String(lines),
    '--rate',
    String(lines / spanSeconds),
    ...rates,
    '--truth',
    `${file}.truth`,
    '--json',
  );
}
const truth = JSON.parse(readFileSync(`${file}.truth`, 'utf8')) as {
  events: number;
  bad: number;
  duplicates: number;
};
const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const peer = await run('bench/peer-lean-job.ts', file, join(dir, 'peer'));
  // It counts duplicates, and drops the lines whose time is a number.
  const readable = lines - truth.bad;
  if (Math.abs(peer.result.events - readable) > readable / 20)
    throw new Error(`events of the peer: ${peer.result.events}, but it should be about ${readable}`);
  const data = join(dir, 'data');
  const ours = await run('src/main.ts', 'load', file, '--data', data, '--json');
  check('received', ours.result.received, lines);
  check('bad rows', ours.result.bad_rows, truth.bad);
  check('events', ours.result.events, lines - truth.bad);
  check('balanced', Number(ours.result.ledger.balanced), 1);
  rmSync(data, { recursive: true, force: true });
  const ratio = peer.result.seconds / ours.result.seconds;
  ratios.push(ratio);
  const rate = (seconds: number) => `${Math.round(lines / seconds / 1000)} k/s`;
  console.log(
    `pair ${pair + 1}: peer ${peer.result.seconds.toFixed(2)} s (${rate(peer.result.seconds)}), tillstream ${ours.result.seconds.toFixed(2)} s (${rate(ours.result.seconds)}), ratio ${ratio.toFixed(2)}; CPU ${ours.cpu.toFixed(1)} s (peer ${peer.result.cpu.toFixed(1)}), memory ${ours.peakMiB} MiB (peer ${peer.peakMiB})`,
  );
}
ratios.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    scenario: isLate ? 'load-very-late' : 'load-timely',
    lines,
    ratio_median: ratios[ratios.length >> 1],
  }),
);
rmSync(dir, { recursive: true, force: true });
