/**
 * The fenced blocks of a page of docs/, as the tests type them. The language of a block says what becomes of it:
 *
 * | block | in a test |
 * |---|---|
 * | `sh` | typed into a shell, from the top of the page to its end; `sh exit=1`: its last command ends with 1 |
 * | `text`, `json` | right behind an `sh` block: what that prints |
 * | `python NAME` and others with a file name | written into that file, which the text before it names |
 * | `yaml` | a config of Tillstream, or settings of one source: checked, not used |
 * | `console` and all else | not typed: for another machine or program; the tests count them, each with its reason |
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_DIR } from './product.ts';

interface DocsBlock {
  readonly language: string;
  /** What stands behind the language. */
  readonly info: string;
  readonly text: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** The paragraph before it. */
  readonly before: string;
}

export interface DocsStep {
  readonly block: DocsBlock;
  /** What it prints, where the page shows that. */
  readonly shown: DocsBlock | null;
}

const PRINTED = new Set(['text', 'json']);

export function blocksOf(page: string): DocsBlock[] {
  const lines = readFileSync(join(PROJECT_DIR, page), 'utf8').split('\n');
  const blocks: DocsBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const opened = /^( *)```(\w*) ?(.*)$/.exec(lines[i]!);
    if (!opened) continue;
    const [, indent = '', language = '', info = ''] = opened;
    const end = lines.indexOf(`${indent}\`\`\``, i + 1);
    assert.ok(end > i, `${page}:${i + 1}: the block has no end`);
    let from = i - 1;
    while (from > 0 && (lines[from]!.trim() !== '' || from === i - 1)) from--;
    blocks.push({
      language,
      info,
      text: lines
        .slice(i + 1, end)
        .map((line) => `${line.slice(indent.length)}\n`)
        .join(''),
      line: i + 1,
      before: lines.slice(from, i).join('\n'),
    });
    i = end;
  }
  return blocks;
}

/** What a reader types, in order, each with what it prints. */
export function stepsOf(page: string): DocsStep[] {
  const blocks = blocksOf(page);
  return blocks.flatMap((block, index): DocsStep[] => {
    const where = `${page}:${block.line}`;
    if (PRINTED.has(block.language)) {
      assert.equal(blocks[index - 1]?.language, 'sh', `${where}: no command before it prints this`);
      return [];
    }
    if (block.language !== 'sh' && !fileOf(block)) return [];
    if (block.language !== 'sh')
      assert.ok(
        block.before.includes(`\`${block.info}\``),
        `${where}: the text before it does not name the file`,
      );
    const next = blocks[index + 1];
    return [{ block, shown: block.language === 'sh' && next && PRINTED.has(next.language) ? next : null }];
  });
}

/** The file that a block is to be written into. */
export function fileOf({ language, info }: DocsBlock): string | null {
  return language !== 'sh' && /^[\w-]+\.\w+$/.test(info) ? info : null;
}

/** The blocks that no test types, but for samples of a config, which are checked. */
export function notTyped(page: string): DocsBlock[] {
  return blocksOf(page).filter((block, index, all) => {
    if (PRINTED.has(block.language)) return all[index - 1]?.language !== 'sh';
    return block.language !== 'sh' && block.language !== 'yaml' && fileOf(block) === null;
  });
}

/** With TILLSTREAM_DOCS=write an empty block is filled with what the command printed. */
export function fillIn(page: string, printed: string): void {
  const file = join(PROJECT_DIR, page);
  const lines = readFileSync(file, 'utf8').split('\n');
  const at = lines.findIndex(
    (line, index) => PRINTED.has(line.trim().replace('```', '')) && lines[index + 1]?.trim() === '```',
  );
  assert.ok(at >= 0, `${page}: there is no empty block to fill in`);
  const indent = lines[at]!.replace(/\S.*/, '');
  const filling = printed
    .trimEnd()
    .split('\n')
    .map((line) => `${indent}${line}`.trimEnd());
  lines.splice(at + 1, 0, ...filling);
  writeFileSync(file, lines.join('\n'));
}

/** What differs from run to run, with a number of its own kind in place of it. */
const VARYING: readonly [RegExp, string][] = [
  [/\b\d+(\.\d+)? (ms|s|min|MB|KB|kB|GB)\b/g, '1 $2'],
  [/\b[\d,]+ (records|lines|rows|events)\/s\b/g, '1 $1/s'],
  [/\b[Pp]rocess \d+/g, 'process 1'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'an-id'],
  [/\bdemo-\d{8}-\d{6}\b/g, 'demo-1'],
];

/** Without what varies, and without layout: that of JSON and the width of columns are the reader's. */
function plain(shown: DocsBlock, text: string): string {
  let result = text;
  for (const [pattern, one] of VARYING) result = result.replace(pattern, one);
  if (shown.language === 'json') return result.replace(/\s+/g, '');
  return result
    .replace(/[ \t\r]+/g, ' ')
    .replace(/ $/gm, '')
    .trim();
}

/** Whether `printed` is what the page shows. "..." stands for any text, on a line of its own for any lines. */
export function isPrinted(shown: DocsBlock, printed: string): boolean {
  const wanted = plain(shown, shown.text)
    .split(/(?:^|(?<=\n))\.\.\.(?:\n|$)/)
    .map((lines) =>
      lines
        .split('...')
        .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
        .join('.*?'),
    )
    .join('(?:.*(?:\\n|$))*?');
  return new RegExp(`^${wanted}$`).test(plain(shown, printed));
}

export function assertPrinted(shown: DocsBlock, printed: string, where: string): void {
  if (isPrinted(shown, printed)) return;
  // The texts side by side show what is different.
  assert.equal(
    plain(shown, printed),
    plain(shown, shown.text),
    `${where}: it prints something else than the page shows`,
  );
}
