import { connection, timeZone } from '../../state/server.ts';
import '../../styles/sources.css';
import { clockTime } from '../../time/labels.ts';
import { Panel } from '../../ui/panel.tsx';
import { Connect } from './connect.tsx';
import { problem, sources, useFresh } from './data.ts';
import { Source } from './source.tsx';

/** The view of what comes in, and of how to connect more. */
export function SourcesView() {
  useFresh();
  const answer = sources.value;
  const error = problem.value;
  if (answer === null)
    return error === null || connection.value.kind === 'retrying' ? (
      <p class="waiting note">Loading the sources …</p>
    ) : (
      <p class="panel-error" role="alert">
        Not loaded: {error.message} {error.hint}
      </p>
    );
  return (
    <div class="sources-view">
      {error !== null && (
        <p class="panel-error" role="alert">
          Not loaded: {error.message} {error.hint} What is shown is from{' '}
          {clockTime(timeZone.value, Date.parse(answer.now))}.
        </p>
      )}
      <Panel title="What comes in" area="sources" note="counts of the ledger, and the latest records">
        {answer.archive_error !== null && (
          <p class="panel-error">Events from before the start are not shown: {answer.archive_error}</p>
        )}
        <ul class="sources">
          {answer.sources.map((source) => (
            <Source key={source.name} source={source} startedAt={answer.started_at} />
          ))}
        </ul>
      </Panel>
      <Connect />
    </div>
  );
}
