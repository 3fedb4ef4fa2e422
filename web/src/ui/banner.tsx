import { useRef } from 'preact/hooks';
import { age } from '../format.ts';
import { now } from '../state/clock.ts';
import { retryNow, useKey } from '../state/live.ts';
import { connection, secondsToNextTry, status, timeZone } from '../state/server.ts';
import { clockTime } from '../time/labels.ts';

function Unreachable() {
  const state = connection.value;
  if (state.kind !== 'retrying') return null;
  return (
    <section class="banner bad" aria-label="Connection problem">
      <div>
        <p>
          <strong>{state.error.message}</strong> Since {clockTime(timeZone.value, state.since)} (
          {age(now.value - state.since)} ago). {status.value && 'The numbers below are from then. '}
          Next try in {secondsToNextTry.value} s.
        </p>
        <p class="note">
          {state.error.hint || (
            <>
              Is it running? <code>./tillstream status</code> tells, <code>./start-pipeline.sh</code> starts
              it. Events already accepted are safe: they are on disk.
            </>
          )}
        </p>
      </div>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </section>
  );
}

function KeyForm({ refused }: { refused: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <form
      class="banner key"
      aria-label="API key"
      onSubmit={(event) => {
        event.preventDefault();
        const key = input.current?.value.trim();
        if (key) useKey(key);
      }}
    >
      <label class="field" for="api-key">
        <strong>{refused ? 'This API key was refused.' : 'This server asks for an API key.'}</strong>
        <span class="note">
          A key with the right to read. It is kept in this tab only, until the tab is closed.
        </span>
      </label>
      <input
        id="api-key"
        ref={input}
        type="password"
        autocomplete="off"
        spellcheck={false}
        required
        aria-invalid={refused}
      />
      <button type="submit" class="primary">
        Use key
      </button>
    </form>
  );
}

export function Banner() {
  const state = connection.value;
  if (state.kind === 'unauthorized') return <KeyForm refused={state.refused} />;
  return <Unreachable />;
}
