import { useRef, useState } from 'preact/hooks';
import { bytes as inWords } from './format.ts';
import {
  choose,
  chosen,
  current,
  forget,
  isEnded,
  isRunning,
  isTrying,
  offer,
  preview,
  problem,
  sent,
} from './state.ts';

const FORMATS = 'CSV, JSON, NDJSON, Parquet or access logs, also compressed with gzip, zstd or bz2';

/** Exports that need no mapping of one's own. */
function Known() {
  const mappings = offer.value?.mappings.filter(({ description }) => description !== '') ?? [];
  if (mappings.length === 0) return null;
  return (
    <section class="known" aria-labelledby="known-title">
      <h3 id="known-title" class="known-title">
        Recognized by their content
      </h3>
      <ul>
        {mappings.map(({ name, description }) => (
          <li key={name}>{description}</li>
        ))}
      </ul>
      <p class="note">For any other table a mapping is proposed, and you see each column of it.</p>
    </section>
  );
}

/** Where a file is dropped or chosen. */
export function ChooseFile() {
  return (
    <>
      <Drop />
      <Known />
    </>
  );
}

function Drop() {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const isRejected = offer.value === null && problem.value !== null;
  const take = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file && !isRejected) void choose(file);
  };
  const max = offer.value?.bytes_max;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button in it is for everyone
    <div
      class={isOver ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <svg viewBox="0 0 32 32" width="40" height="40" aria-hidden="true">
        <path d="M16 21V7m0 0-5 5m5-5 5 5M6 20v4a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2v-4" />
      </svg>
      <h3 class="drop-title">Drop a file here</h3>
      <button type="button" class="primary" disabled={isRejected} onClick={() => input.current?.click()}>
        Choose a file
      </button>
      <input
        ref={input}
        type="file"
        class="hidden"
        tabIndex={-1}
        aria-label="File to import"
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <p class="note">
        {FORMATS}
        {max ? `. Up to ${inWords(max)}.` : '.'}
      </p>
    </div>
  );
}

/** The file that is worked on. */
export function FileBar() {
  const view = current.value;
  const name = view?.name ?? chosen.value?.name ?? '';
  const size = view?.bytes ?? chosen.value?.size ?? 0;
  const isUploading = view?.state === 'uploading' || (view === null && chosen.value !== null);
  return (
    <section class="panel file-bar" aria-label="File">
      <div class="file-name">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        <span class="note">
          {inWords(size)}
          {preview.value && ` · ${preview.value.description}`}
        </span>
      </div>
      {!isRunning.value && !isEnded.value && (
        <button type="button" onClick={() => void forget()}>
          {isUploading && view !== null ? 'Cancel' : 'Another file'}
        </button>
      )}
      {view?.state === 'uploading' && <Bar label="Uploading" done={sent.value} all={view.bytes} />}
      {isTrying.value && preview.value === null && (
        <p class="note file-note" role="status">
          Looking at it …
        </p>
      )}
    </section>
  );
}

/** How much of something is done. `done` null: that is not known. */
export function Bar({ label, done, all }: { label: string; done: number | null; all: number }) {
  const share = done === null ? null : Math.min(1, all === 0 ? 1 : done / all);
  return (
    <div class="progress">
      <progress aria-label={label} max={1} {...(share === null ? {} : { value: share })} />
      <span class="note num">
        {label}
        {share !== null && `: ${inWords(done!)} of ${inWords(all)}, ${Math.floor(share * 100)} %`}
      </span>
    </div>
  );
}
