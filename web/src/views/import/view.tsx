import { useEffect } from 'preact/hooks';
import { session, status } from '../../state/server.ts';
import { Scroll } from '../../ui/table.tsx';
import { Actions } from './actions.tsx';
import { ChooseFile, FileBar } from './choose.tsx';
import { Findings, Rejected } from './doubts.tsx';
import { Figures } from './figures.tsx';
import { MappingForm } from './mapping.tsx';
import { Running } from './running.tsx';
import { chosen, current, isEnded, isRunning, isTrying, open, preview, problem } from './state.ts';
import '../../styles/import.css';
import '../../styles/import-form.css';

/** What is wrong with the request as a whole, and what to do. */
function ProblemBanner() {
  const wrong = problem.value;
  return (
    <div role="alert">
      {wrong && (
        <section class="banner bad import-problem" aria-label="Problem">
          <div>
            <p class="lines">
              <strong>{wrong.message}</strong>
            </p>
            {wrong.hint && <p class="note">{wrong.hint}</p>}
          </div>
        </section>
      )}
    </div>
  );
}

/** A record as it came, and the event that it becomes. */
function Example() {
  const found = preview.value;
  if (!found?.result) return null;
  if (found.example === null)
    return found.result.events > 0 ? (
      <section class="panel" aria-labelledby="example-title">
        <h2 id="example-title" class="panel-title">
          One record
        </h2>
        <p class="note">The records are events in the form that is stored: nothing about them is changed.</p>
      </section>
    ) : null;
  return (
    <section class="panel" aria-labelledby="example-title">
      <h2 id="example-title" class="panel-title">
        One record, before and after
      </h2>
      <div class="before-after">
        <div>
          <h3>In the file</h3>
          <Scroll label="The record in the file" whole>
            <pre>
              <code>{found.example.record.trim()}</code>
            </pre>
          </Scroll>
        </div>
        <div>
          <h3>As an event</h3>
          <Scroll label="The event" whole>
            <EventFields text={found.example.event} />
          </Scroll>
        </div>
      </div>
    </section>
  );
}

/** The fields of an event, one a line. */
function EventFields({ text }: { text: string }) {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A long one is cut.
    return (
      <pre>
        <code>{text.trim()}</code>
      </pre>
    );
  }
  return (
    <dl class="as-event">
      {Object.entries(event).map(([name, value]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
          </dt>
          <dd>
            <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Tried() {
  const found = preview.value;
  if (!found) return null;
  return (
    <div class="import-grid" aria-busy={isTrying.value}>
      <div class="import-main">
        <Figures />
        <Example />
        <Rejected figures={found.result} hasForm />
        <Findings figures={found.result} hasForm />
      </div>
      <MappingForm />
    </div>
  );
}

/** A file of the shop, from the first look at it to its numbers on the dashboard. */
export function ImportView() {
  const { login_required, scope } = session.value;
  useEffect(() => void open(), [login_required, scope]);
  const isWaiting = chosen.value === null && current.value === null;
  const isShown = isRunning.value || isEnded.value;
  return (
    <div class="import">
      <div class="import-head">
        <h2 class="import-title">Import a file</h2>
        <p class="note">
          You see what would come of it first. Nothing is stored until you import it, and a file counts once,
          however often it is imported.
        </p>
      </div>
      {status.value?.demo && (
        <p class="note import-demo">
          This is the demo: try a file out here, and import it when your own shop runs.
        </p>
      )}
      <ProblemBanner />
      {isWaiting ? <ChooseFile /> : <FileBar />}
      {isShown ? <Running /> : <Tried />}
      {!isShown && preview.value && <Actions />}
    </div>
  );
}
