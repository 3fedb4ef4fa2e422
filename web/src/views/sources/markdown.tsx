import type { ComponentChildren } from 'preact';
import { Command } from '../../ui/command.tsx';

/** A paragraph, a list with numbers, or a text to copy. */
type Block =
  | { kind: 'text'; lines: string[] }
  | { kind: 'list'; items: string[] }
  | { kind: 'code'; lines: string[] };

/** Cuts the little Markdown that the presets are written in into blocks. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  const begin = (block: Block) => {
    blocks.push(block);
    open = block;
  };
  for (const line of text.split('\n')) {
    const last = open as Block | null;
    const isFence = line.startsWith('```');
    if (last?.kind === 'code' && isFence) open = null;
    else if (last?.kind === 'code') last.lines.push(line);
    else if (isFence) begin({ kind: 'code', lines: [] });
    else if (line.trim() === '') open = null;
    else if (/^\d+\. /.test(line)) {
      const item = line.replace(/^\d+\. /, '');
      const list = blocks.at(-1);
      if (list?.kind === 'list') list.items.push(item);
      else blocks.push({ kind: 'list', items: [item] });
      open = blocks.at(-1)!;
    } else if (last?.kind === 'list' && line.startsWith(' '))
      last.items[last.items.length - 1] += ` ${line.trim()}`;
    else if (last?.kind === 'text') last.lines.push(line.trim());
    else begin({ kind: 'text', lines: [line.trim()] });
  }
  return blocks;
}

/** `code`, **strong** and *emphasis* in a line. */
function inline(text: string): ComponentChildren[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*)/).map((piece, index) => {
    if (index % 2 === 0) return piece;
    if (piece.startsWith('`')) return <code key={index}>{piece.slice(1, -1)}</code>;
    if (piece.startsWith('**')) return <strong key={index}>{inline(piece.slice(2, -2))}</strong>;
    return <em key={index}>{piece.slice(1, -1)}</em>;
  });
}

export const Inline = ({ text }: { text: string }) => <>{inline(text)}</>;

/** The steps of a preset. */
export function Markdown({ text }: { text: string }) {
  let number = 0;
  return (
    <div class="steps">
      {blocksOf(text).map((block, index) => {
        if (block.kind === 'text') {
          number = 0;
          return <p key={index}>{inline(block.lines.join(' '))}</p>;
        }
        if (block.kind === 'code')
          return <Command key={index} text={block.lines.join('\n')} label="lines of the steps" />;
        // A list that a text to copy has interrupted goes on.
        const start = number + 1;
        number += block.items.length;
        return (
          <ol key={index} start={start}>
            {block.items.map((item) => (
              <li key={item}>{inline(item)}</li>
            ))}
          </ol>
        );
      })}
    </div>
  );
}
