/** What stands in the place of numbers that are not there: each says why, and what to do. */
import { useState } from 'preact/hooks';
import { count } from '../format.ts';
import { eventsInRange, newestDay, newestView } from '../state/newest.ts';
import { hashOf } from '../state/route.ts';
import { ledger, session, status, timeZone } from '../state/server.ts';
import { isOpening, opening, setRange, setView, span, view } from '../state/view.ts';
import { dayLabel, rangeLabel } from '../time/labels.ts';
import { Command } from './command.tsx';

/** What still keeps events from the numbers; null where nothing does. */
function fillingNote(): string | null {
  const part = status.value?.parts.metrics;
  if (part && part.state !== 'ready')
    return `The metrics wait: ${part.message || 'they are being started'}`.replace(
      /\.?$/,
      '. The page is not complete.',
    );
  const { in_flight } = ledger.value?.metrics ?? { in_flight: 0 };
  const windows = ledger.value?.dirty_windows ?? 0;
  // A few lines are always on their way.
  if (in_flight > FEW || windows > FEW) {
    const left = [
      in_flight > 0 && `${count(in_flight)} lines`,
      windows > 0 && `${count(windows)} windows`,
    ].filter(Boolean);
    return `The metrics are still being filled: ${left.join(' and ')} to go. The numbers below grow until then.`;
  }
  return null;
}
const FEW = 1000;

/** A panel without numbers. `reason` is what is missing when there are events, but none of the kind. */
export function Empty({ reason, loaded }: { reason: string; loaded: boolean }) {
  const why = !loaded
    ? 'Loading …'
    : fillingNote() !== null
      ? 'No numbers yet: the metrics are not complete.'
      : eventsInRange() === 0
        ? 'No events in this range.'
        : reason;
  return <p class="empty-note">{why}</p>;
}

/** While the metrics are filled, the numbers that are there are not all. */
export function Filling() {
  const note = fillingNote();
  if (note === null) return null;
  return (
    <section class="banner" aria-label="Metrics being filled">
      <p>{note}</p>
    </section>
  );
}

function curl(): string {
  const address = new URL('v1/events', location.href).href;
  const event = {
    timestamp: Date.now(),
    event_type: 'view_product',
    user_id: 'u1',
    product_id: 'p1',
    device_type: 'mobile',
  };
  const key = session.value.login_required ? ` -H "Authorization: Bearer $API_KEY"` : '';
  return `curl ${address}${key} -H 'Content-Type: application/json' -d '${JSON.stringify(event)}'`;
}

/** Starts in a folder and on a port of its own: simulated events never come into the shop that is looked at. */
const DEMO = 'TILLSTREAM_DATA=demo TILLSTREAM_PORT=8081 ./start-pipeline.sh';

/** Nothing was ever received: how the first event comes in. */
export function NoEventsYet() {
  // Made once: a timestamp that moves could not be selected.
  const [command] = useState(curl);
  return (
    <section class="empty" aria-labelledby="empty-title">
      <h2 id="empty-title">No events yet</h2>
      <p>Everything runs and waits for the first event. It appears here within a second of being sent.</p>
      <p class="empty-action">
        <a class="button primary" href={hashOf('import')}>
          Import a file
        </a>
        <span class="note">
          an export of orders or events: CSV, JSON, Parquet, logs. You see what would come of it first.
        </span>
      </p>
      <h3>Or send one</h3>
      <Command text={command} label="curl line" />
      <h3>Or look at the demo first, a simulated shop next to this one</h3>
      <Command text={DEMO} label="command of the demo" />
      <p class="note">
        On the command line <code>./tillstream load FILE</code> does the same.{' '}
        <a class="link" href={hashOf('sources')}>
          Sources
        </a>{' '}
        says how to connect your shop, its trackers and webhooks.
      </p>
    </section>
  );
}

/** The page opened on older events, or the range that was chosen has none. */
export function NoEventsHere() {
  const zone = timeZone.value;
  const { from, to } = span.value;
  if (isOpening.value && opening.value !== null) {
    const shown = view.value.range === '7d' ? 'the last 7 days' : rangeLabel(zone, from, to);
    return (
      <section class="banner" aria-label="No recent events">
        <p>No events in the last 24 hours; showing {shown}.</p>
        <button type="button" onClick={() => setRange('24h')}>
          Back to the last 24 hours
        </button>
      </section>
    );
  }
  if (eventsInRange() !== 0 || fillingNote() !== null) return null;
  const known = status.value?.newest_event_day;
  const show = async () => {
    // The page shows what is wrong with the connection.
    const found = await newestView().catch(() => null);
    setView(found ?? { range: '12mo' });
  };
  return (
    <section class="banner" aria-label="No events in this range">
      <p>No events from {rangeLabel(zone, from, to)}.</p>
      {known && (
        <button type="button" onClick={show}>
          Show the newest events{newestDay.value === null ? '' : `, ${dayLabel(zone, newestDay.value)}`}
        </button>
      )}
    </section>
  );
}

/** The demo must not be taken for a shop, nor a shop be looked for in it. */
export function DemoBanner() {
  if (!status.value?.demo) return null;
  return (
    <details class="banner demo">
      <summary>
        <strong>Demo</strong> All numbers are of a simulated shop.{' '}
        <span class="link">Connect your own shop</span>
      </summary>
      <div>
        <p>
          The demo takes no events of yours, so the two are never mixed. End it and start your own shop; the
          data of the demo are moved aside:
        </p>
        <Command text={'./stop-pipeline.sh && ./start-pipeline.sh --no-demo'} label="commands" />
        <p class="note">
          Then send events, load a file, or name your sources in a config: this page says how while it is
          empty, the README has it all.
        </p>
      </div>
    </details>
  );
}
