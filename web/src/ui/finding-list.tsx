import type { ComponentChildren } from 'preact';
import type { Finding } from '../api.ts';
import { count } from '../format.ts';
import { Name } from './name.tsx';

/** Text of the program, in which names of fields and settings stand between backticks. */
export const marked = (text: string) =>
  text.split('`').map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece));

export interface ListedFinding {
  readonly finding: Finding;
  /** The source that it is about, where the list is about several. */
  readonly source?: string;
  /** What else can be done about it here. */
  readonly action?: ComponentChildren;
}

/** Findings, those of most rows first. `isNarrow`: below each other in place of columns. */
export function FindingList({
  items,
  isNarrow = false,
}: {
  items: readonly ListedFinding[];
  isNarrow?: boolean;
}) {
  const sorted = [...items].sort((a, b) => b.finding.rows - a.finding.rows);
  return (
    <ul class={isNarrow ? 'findings narrow' : 'findings'}>
      {sorted.map(({ finding: { code, rows, message, example, setting }, source, action }) => (
        <li key={`${source} ${code} ${message}`}>
          <span class="finding-rows num">{count(rows)}</span>
          <div>
            <p>{marked(message)}</p>
            <p class="note">
              <code>{code}</code>
              {source !== undefined && (
                <>
                  {' '}
                  from <Name text={source} />
                </>
              )}
            </p>
          </div>
          {example !== '' && (
            <p class="finding-example">
              <span class="note">Example</span> <Name text={example} />
            </p>
          )}
          <div class="finding-remedy">
            <p>
              <span class="note">What to do</span> {marked(setting)}
            </p>
            {action}
          </div>
        </li>
      ))}
    </ul>
  );
}
