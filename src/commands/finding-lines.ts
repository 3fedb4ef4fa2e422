import type { Finding } from '../ingest/finding.ts';
import { printable } from '../telemetry/printable.ts';

const WIDTH = 80;
const TEXT_CHARACTERS_MAX = 3 * (WIDTH - 4);

/** Findings for people, after a blank line and a title; nothing where there are none. */
export function findingLines(title: string, findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [];
  return [
    '',
    title,
    ...findings.flatMap(({ code, rows, message, example, setting }) => [
      ...hanging(`  ${code}: ${rows}`, message),
      ...wrapped(`Example: ${example}`),
      ...wrapped(`-> ${setting}`),
    ]),
  ];
}

/** A title, and a text that goes on below it where the line is full. */
export function hanging(title: string, text: string): string[] {
  return title.length + 2 + text.length <= WIDTH ? [`${title}  ${text}`] : [title, ...wrapped(text)];
}

/** A text in lines of the terminal's width, indented. */
export function wrapped(text: string): string[] {
  const shown = printable(text.slice(0, TEXT_CHARACTERS_MAX));
  const rest = text.length > TEXT_CHARACTERS_MAX ? `${shown} …` : shown;
  const lines: string[] = [];
  let line = '';
  for (const word of rest.split(' ').flatMap(pieces)) {
    if (line !== '' && line.length + 1 + word.length > WIDTH - 4) {
      lines.push(`    ${line}`);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, `    ${line}`];
}

/** Long words, such as JSON, in pieces that fit. */
function pieces(word: string): string[] {
  return word.match(new RegExp(`.{1,${WIDTH - 4}}`, 'gu')) ?? [''];
}
