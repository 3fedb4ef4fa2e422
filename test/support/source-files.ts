/** The files of this project, and looking for what should not be in them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');
const NOT_OURS = new Set(['.git', '.bootstrap', 'node_modules', 'dist', 'data']);
export const BINARY = /\.(png|jpe?g|ico|woff2?|gz|bz2|zst|parquet|snappy|sqlite|duckdb)$/;

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name) || entry.name.endsWith('.log')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield relative(ROOT, path);
  }
}

export const files = [...walk(ROOT)].sort();
export const text = (file: string) => readFileSync(join(ROOT, file), 'utf8');
export const written = files.filter((file) => !BINARY.test(file) && file !== 'package-lock.json');

/** Every place in `among` where `pattern` is found, as "file:line: text". */
export function places(among: string[], pattern: RegExp): string[] {
  return among.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}

export function none(found: string[], message: string): void {
  assert.equal(found.length, 0, `${message}\n  ${found.join('\n  ')}`);
}
