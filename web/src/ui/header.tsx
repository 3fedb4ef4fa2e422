import { setTheme, type Theme, theme } from '../charts/palette.ts';
import { now } from '../state/clock.ts';
import { logOut, pause, start } from '../state/live.ts';
import { hashOf, useRoute, VIEWS } from '../state/route.ts';
import { connection, session, status, timeZone } from '../state/server.ts';
import { clockTime } from '../time/labels.ts';

const TEXT: Record<Theme, string> = { system: 'Auto', dark: 'Dark', light: 'Light' };
const MARK: Record<Theme, string> = { system: '◐', dark: '●', light: '○' };
const NEXT: Record<Theme, Theme> = { system: 'dark', dark: 'light', light: 'system' };

function connectionText(): { text: string; tone: string } {
  const state = connection.value;
  if (state.kind === 'live') return { text: 'Live', tone: 'good' };
  if (state.kind === 'paused')
    return { text: `Paused at ${clockTime(timeZone.value, state.at)}`, tone: 'warn' };
  if (state.kind === 'retrying') return { text: 'Not connected', tone: 'bad' };
  if (state.kind === 'unauthorized') return { text: 'Not logged in', tone: 'warn' };
  return { text: 'Connecting', tone: 'none' };
}

/** Apart, so that the ticking clock does not draw the whole header again. */
const Clock = () =>
  status.value && (
    <span class="clock" title="Time of the server, in the shop's time zone">
      <span class="num">{clockTime(timeZone.value, now.value)}</span> {timeZone.value}
    </span>
  );

/** The views of the page. */
function Views() {
  const route = useRoute();
  if (VIEWS.length < 2) return null;
  return (
    <nav class="views" aria-label="Views">
      {VIEWS.map((view) => (
        <a
          key={view.route}
          href={hashOf(view.route)}
          aria-current={view.route === route ? 'page' : undefined}
        >
          {view.title}
        </a>
      ))}
    </nav>
  );
}

export function Header() {
  const { text, tone } = connectionText();
  const { kind } = connection.value;
  const paused = kind === 'paused';
  return (
    <header class="top">
      <h1>
        <img src="./icon.svg" alt="" width="22" height="22" /> Tillstream
      </h1>
      <Views />
      <Clock />
      <div class="top-right">
        <p class={`connection ${tone}`} role="status" aria-live="polite">
          <span class="dot" aria-hidden="true" /> {text}
        </p>
        <button
          type="button"
          id="pause"
          disabled={kind === 'unauthorized'}
          title={paused ? 'Resume live updates' : 'Pause live updates'}
          onClick={() => (paused ? start() : pause())}
        >
          {paused ? 'Resume' : 'Pause'}
        </button>
        <button
          type="button"
          id="theme"
          title={`Colours. Change to ${TEXT[NEXT[theme.value]].toLowerCase()}`}
          onClick={() => setTheme(NEXT[theme.value])}
        >
          <span aria-hidden="true">{MARK[theme.value]} </span>
          {TEXT[theme.value]}
          <span class="hidden"> colours, change to {TEXT[NEXT[theme.value]].toLowerCase()}</span>
        </button>
        {session.value.login_required && session.value.scope !== null && (
          <button type="button" id="logout" onClick={() => void logOut().catch(start)}>
            Log out
          </button>
        )}
      </div>
    </header>
  );
}
