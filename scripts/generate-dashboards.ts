/**
 * Writes the Grafana dashboards of deploy/grafana/dashboards:
 *   node scripts/generate-dashboards.ts            writes them
 *   node scripts/generate-dashboards.ts --check    fails when one is not up to date
 * What they show is in tools/dashboards/.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { allDashboards } from '../tools/dashboards/index.ts';

const DIR = join(import.meta.dirname, '..', 'deploy', 'grafana', 'dashboards');
const isCheck = process.argv.includes('--check');

const dashboards = allDashboards();
const there = (await readdir(DIR, { recursive: true }).catch(() => [])).filter((name) =>
  name.endsWith('.json'),
);
const stale: string[] = [];
for (const file of new Set([...dashboards.keys(), ...there])) {
  const path = join(DIR, file);
  const text = dashboards.get(file);
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue;
  stale.push(file);
  if (isCheck) continue;
  if (text === undefined) {
    await rm(path);
    continue;
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
if (isCheck && stale.length > 0) {
  console.error(`Not up to date: ${stale.sort().join(', ')}. Run: node scripts/generate-dashboards.ts`);
  process.exitCode = 1;
}
