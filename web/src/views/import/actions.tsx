import { useState } from 'preact/hooks';
import { counted } from '../../format.ts';
import { status } from '../../state/server.ts';
import { isTrying, load, preview, problem } from './state.ts';

/** What an earlier import has stored of the file, in words. */
function knownText(): { text: string; needsAgain: boolean } | null {
  const before = preview.value?.loaded_before;
  if (!before) return null;
  const day = before.at.slice(0, 10);
  const records = counted(before.records, 'record');
  if (!before.same_options)
    return {
      text: `This file was loaded on ${day} (as ${before.file}) with other options. Importing it again would count most of its events twice.`,
      needsAgain: true,
    };
  return before.is_all
    ? { text: `All ${records} were loaded before, on ${day}: there is nothing new in it.`, needsAgain: true }
    : {
        text: `${records} were loaded before, on ${day}; the import continues after them.`,
        needsAgain: false,
      };
}

/** The last step: import what was tried. Stays in sight. */
export function Actions() {
  const [again, setAgain] = useState(false);
  const found = preview.value;
  if (!found) return null;
  const { result } = found;
  const known = knownText();
  const isDemo = status.value?.demo === true;
  const isNothing = result === null || result.events === 0;
  const isHeld = known?.needsAgain === true && !again;
  const label =
    result !== null && found.is_whole ? `Import ${counted(result.events, 'event')}` : 'Import the file';
  return (
    <section class="import-actions" aria-label="Import">
      <div>
        {isNothing && <p>Nothing in it would count: set where the fields come from.</p>}
        {isDemo && (
          <p>The demo accepts no events of your own. The banner above shows how to start your own shop.</p>
        )}
        {known && <p>{known.text}</p>}
        {!known && !isNothing && !isDemo && <p class="note">Nothing is stored yet.</p>}
        {known?.needsAgain && (
          <label class="again">
            <input
              type="checkbox"
              checked={again}
              onChange={({ currentTarget }) => setAgain(currentTarget.checked)}
            />{' '}
            Import it anyway; events already stored count as duplicates if they have an id or an order
          </label>
        )}
      </div>
      <button
        type="button"
        class="primary"
        disabled={isTrying.value || isNothing || isDemo || isHeld || problem.value !== null}
        onClick={() => void load(again)}
      >
        {label}
      </button>
    </section>
  );
}
