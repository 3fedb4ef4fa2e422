import { type Part, STAGES, type Stage } from '../api.ts';
import { age, count, words } from '../format.ts';
import { now } from '../state/clock.ts';
import { status, timeZone } from '../state/server.ts';
import { fullTime } from '../time/labels.ts';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';

const MEANING: Record<Stage, string> = {
  collector: 'received',
  log: 'safe on disk',
  archive: 'in the tables',
  metrics: 'in the numbers',
};

const tone = (part: Part | undefined): string =>
  part === undefined || part.state === 'ready'
    ? 'good'
    : /fail|down|error|stopped/.test(part.state)
      ? 'bad'
      : 'warn';

/** Ticks each second, so it is drawn alone and is not read out. */
function Age({ at }: { at: string | null }) {
  if (at === null) return <span class="note">no event yet</span>;
  const instant = Date.parse(at);
  return (
    <time dateTime={at} title={fullTime(timeZone.value, instant)} class="num">
      {age(now.value - instant)}
    </time>
  );
}

function Row({ name, stage }: { name: string; stage?: Stage }) {
  const part = status.value?.parts[name];
  const behind = status.value?.lag[name] ?? 0;
  const state = tone(part);
  return (
    <li>
      <span class={`dot ${state}`} aria-hidden="true" />
      <div class="stage">
        <strong>
          <Name text={words(name)} />
        </strong>{' '}
        {stage && <span class="note">{MEANING[stage]}</span>}
        {part && part.state !== 'ready' && (
          <p class={`stage-message ${state}`}>
            {words(part.state)}
            {part.message ? `: ${part.message}` : ''}
          </p>
        )}
      </div>
      <div class="stage-age">
        {stage ? (
          <Age at={status.value?.freshness[stage] ?? null} />
        ) : (
          <span class="note">{part?.state}</span>
        )}
        {behind > 0 && <span class="note num">{count(behind)} behind</span>}
      </div>
    </li>
  );
}

export function FreshnessPanel() {
  if (!status.value) return null;
  const others = Object.keys(status.value.parts).filter(
    (name) => !(STAGES as readonly string[]).includes(name),
  );
  return (
    <Panel title="Freshness" area="freshness" note="age of the last event">
      <ol class="stages">
        {STAGES.map((stage) => (
          <Row key={stage} name={stage} stage={stage} />
        ))}
        {others.map((name) => (
          <Row key={name} name={name} />
        ))}
      </ol>
      <p class="note version">Tillstream {status.value.version}</p>
    </Panel>
  );
}
