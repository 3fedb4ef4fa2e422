import { useRef, useState } from 'preact/hooks';

/** A text to copy, with a button that does it. */
export function Command({ text, label }: { text: string; label: string }) {
  const code = useRef<HTMLElement>(null);
  const [state, setState] = useState<'fresh' | 'copied' | 'marked'>('fresh');
  const copy = async () => setState(await copied(text, code.current!));
  const name = state === 'copied' ? 'Copied' : state === 'marked' ? 'Marked: press Ctrl+C' : 'Copy';
  return (
    <div class="command">
      <pre>
        <code ref={code}>{text}</code>
      </pre>
      <button type="button" onClick={copy} aria-label={`${name}: ${label}`}>
        {name}
      </button>
      <span class="hidden" role="status">
        {state === 'fresh' ? '' : name}
      </span>
    </div>
  );
}

/**
 * Copies a text. Browsers offer the clipboard to pages of https and localhost only; elsewhere the text is marked and copied in the old
 * way, and where that is forbidden too it stays marked.
 */
async function copied(text: string, shown: HTMLElement): Promise<'copied' | 'marked'> {
  try {
    await navigator.clipboard.writeText(text);
    return 'copied';
  } catch {
    // The page may not write to the clipboard: the reader copies what is marked.
    getSelection()?.selectAllChildren(shown);
    return document.execCommand('copy') ? 'copied' : 'marked';
  }
}
