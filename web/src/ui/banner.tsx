import { useRef, useState } from 'preact/hooks';
import { ApiError } from '../api.ts';
import { age } from '../format.ts';
import { now } from '../state/clock.ts';
import { logIn, retryNow } from '../state/live.ts';
import { connection, secondsToNextTry, session, status, timeZone } from '../state/server.ts';
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
              Is it running? <code>./tillstream status</code> reports it, <code>./start-pipeline.sh</code>{' '}
              starts it. Events already accepted are safe: they are on disk.
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

function refusal(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 401) return 'This key is not valid. Check that you copied all of it.';
  if (error.status === 0) return 'Tillstream does not answer. Try again in a moment.';
  return error.message;
}

/** One login for all tabs of this browser. */
function Login() {
  const input = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  // Logged in, and refused all the same: the key has another right.
  const message = wrong || (session.value.scope === null ? '' : 'This key does not have the right to read.');
  const submit = async () => {
    const key = input.current?.value.trim();
    if (!key || busy) return;
    setBusy(true);
    setWrong('');
    try {
      await logIn(key);
    } catch (error) {
      setWrong(refusal(error));
      input.current?.select();
    }
    setBusy(false);
  };
  return (
    <form
      class="login"
      aria-labelledby="login-title"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h2 id="login-title">Log in</h2>
      <label class="field" for="api-key">
        API key
      </label>
      <div class="login-row">
        <input
          id="api-key"
          ref={input}
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          aria-invalid={message !== ''}
          aria-describedby="login-note"
        />
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Logging in …' : 'Log in'}
        </button>
      </div>
      <p class="field-error" role="alert">
        {message}
      </p>
      <p class="note" id="login-note">
        A key of the config with the right to read. The login holds for all tabs of this browser, until you
        log out.
      </p>
    </form>
  );
}

export function Banner() {
  return connection.value.kind === 'unauthorized' ? <Login /> : <Unreachable />;
}
