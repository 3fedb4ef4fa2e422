import { count, counted } from '../../format.ts';
import { newestView } from '../../state/newest.ts';
import { navigate } from '../../state/route.ts';
import { timeZone } from '../../state/server.ts';
import { setView } from '../../state/view.ts';
import type { View } from '../../time/span.ts';
import { dayStart, formatLocal } from '../../time/windows.ts';
import type { Loaded, Progress } from './api.ts';
import { Bar } from './choose.tsx';
import { Findings, Rejected } from './doubts.tsx';
import { cancel, current, forget, isRunning, load, preview } from './state.ts';

const DAYS_MAX = 366;
const HOURLY_DAYS_MAX = 3;
const DAY_MS = 86_400_000;

/** The days of the file on the dashboard; null where they are not known, or too many for one view. */
function viewOfFile(): Partial<View> | null {
  const found = preview.value;
  const { first, last } = found?.metrics.traffic ?? {};
  if (!found?.is_whole || !first || !last) return null;
  const zone = timeZone.value;
  const to = dayStart(zone, Date.parse(last), 1);
  const from = Date.parse(first);
  if (to - from > DAYS_MAX * DAY_MS) return null;
  // By the day, a month of orders is a line; by the hour, needles.
  const window = to - from > HOURLY_DAYS_MAX * DAY_MS ? '1d' : ('' as View['window']);
  return { range: 'custom', window, from: formatLocal(zone, from), to: formatLocal(zone, to) };
}

async function showOnDashboard(): Promise<void> {
  // The page shows what is wrong with the connection.
  const view = viewOfFile() ?? (await newestView().catch(() => null)) ?? { range: '12mo' as const };
  await forget();
  navigate('dashboard');
  setView({ window: '' as View['window'], ...view });
}

function Counts({ progress }: { progress: Progress }) {
  const { received, events, bad_rows, left_out, stored_before } = progress;
  return (
    <dl class="facts num" aria-label="So far">
      <Fact name="Records" value={received} />
      <Fact name="Events" value={events} />
      <Fact name="Rejected" value={bad_rows} />
      {left_out > 0 && <Fact name="Left out" value={left_out} />}
      {stored_before > 0 && <Fact name="Loaded before" value={stored_before} />}
    </dl>
  );
}

const Fact = ({ name, value }: { name: string; value: number }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      <data value={value} data-progress={name}>
        {count(value)}
      </data>
    </dd>
  </div>
);

/** A load that runs, and how it ended. */
export function Running() {
  const view = current.value;
  if (!view) return null;
  const { state, progress, result, error } = view;
  if (isRunning.value)
    return (
      <section class="panel running" aria-labelledby="running-title">
        <div role="status">
          <h2 id="running-title" class="running-title">
            {state === 'counting'
              ? 'Everything is stored; archiving and computing the metrics …'
              : 'Importing …'}
          </h2>
        </div>
        {state === 'loading' && progress && <Bar label="Read" done={progress.bytes_read} all={view.bytes} />}
        {state === 'counting' && <Bar label="Archiving and measuring" done={null} all={0} />}
        {progress && <Counts progress={progress} />}
        <div class="running-actions">
          <button type="button" onClick={() => void cancel()}>
            Cancel
          </button>
          <p class="note">
            You can leave this page: the import continues. If you cancel, stored records stay.
          </p>
        </div>
      </section>
    );
  return (
    <>
      <section class={`panel running ${state}`} aria-labelledby="ended-title">
        <div role="status">
          <h2 id="ended-title" class="running-title">
            {state === 'done' && result
              ? doneText(result)
              : state === 'cancelled'
                ? 'Cancelled'
                : 'The import failed'}
          </h2>
        </div>
        {error && <p class="lines">{error.message}</p>}
        {progress && <Counts progress={progress} />}
        {result && <Notes result={result} />}
        <div class="running-actions">
          {(result === null ? (progress?.events ?? 0) : result.events + (progress?.stored_before ?? 0)) >
            0 && (
            <button type="button" class="primary" onClick={() => void showOnDashboard()}>
              Show on the dashboard
            </button>
          )}
          {state === 'failed' && (
            <button type="button" onClick={() => void load(false)}>
              Try again
            </button>
          )}
          <button type="button" onClick={() => void forget()}>
            Import another file
          </button>
        </div>
      </section>
      <Rejected figures={result} />
      <Findings figures={result} />
    </>
  );
}

function doneText({ received, events, is_without_events }: Loaded): string {
  if (is_without_events) return 'Nothing in it counts';
  return received === 0 ? 'There was nothing new in it' : `Imported ${counted(events, 'event')}`;
}

function Notes({ result }: { result: Loaded }) {
  const { received, seconds, duplicates, bad_rows, events } = result;
  const before = result.files[0]?.stored_before ?? 0;
  return (
    <div class="notes">
      <p>
        {counted(received, 'record')} in {seconds} s: {counted(events, 'event')} (
        {counted(duplicates, 'duplicate')}), {counted(bad_rows, 'bad row')}.
      </p>
      {before > 0 && received === 0 && <p>All {counted(before, 'record')} were loaded before.</p>}
      {before > 0 && received > 0 && (
        <p>{counted(before, 'record')} were loaded before; the import continued after them.</p>
      )}
      {Object.entries(result.stores_behind).map(([store, reason]) => (
        <p key={store}>
          The store {store} is behind, and gets the rest when it can: {reason}
        </p>
      ))}
      <p class="note">
        {result.balanced ? 'The ledger balances.' : 'THE LEDGER DOES NOT BALANCE: see the dashboard.'}
      </p>
    </div>
  );
}
