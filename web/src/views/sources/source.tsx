/** One source: what it has brought, what came last, what was rejected and why, and what is doubtful in it. */
import type { ComponentChildren } from 'preact';
import type { Finding, SourceReport } from '../../api.ts';
import { age, count, words } from '../../format.ts';
import { now } from '../../state/clock.ts';
import { timeZone } from '../../state/server.ts';
import { fullTime } from '../../time/labels.ts';
import { FindingList } from '../../ui/finding-list.tsx';
import { Name } from '../../ui/name.tsx';
import { Scroll } from '../../ui/table.tsx';
import { ways } from './data.ts';

const KINDS: Readonly<Record<string, string>> = {
  http: 'HTTP',
  hook: 'webhook',
  poll: 'polled address',
  tail: 'log files',
  kafka: 'Kafka topic',
  load: 'loaded files',
  demo: 'simulated shop',
  other: 'not in the config',
};

const tone = (state: string): string => (state === 'ready' ? 'good' : state === 'failed' ? 'bad' : 'warn');

function Age({ at }: { at: string }) {
  const instant = Date.parse(at);
  return (
    <time dateTime={at} title={fullTime(timeZone.value, instant)} class="num">
      {age(now.value - instant)}
    </time>
  );
}

/** When something came last. What is not known is said, not left out. */
function Last({ source, startedAt }: { source: SourceReport; startedAt: string }) {
  const { activity, received, last_received_at } = source;
  if (last_received_at !== null)
    return (
      <p class="source-last">
        <span>
          last <Age at={last_received_at} /> ago
        </span>
        <span class="note num">
          {activity === null
            ? 'nothing since the start'
            : `${count(activity.last_minute)} in the last minute`}
        </span>
      </p>
    );
  if (received > 0)
    return (
      <p class="source-last note">
        <span>
          nothing since Tillstream started, <Age at={startedAt} /> ago
        </span>
      </p>
    );
  if (activity !== null && activity.refused > 0)
    return <p class="source-last warned">only refused requests so far</p>;
  return <p class="source-last note">has never sent anything</p>;
}

const FIGURES = [
  ['received', 'Received'],
  ['counted', 'Counted'],
  ['duplicate', 'Duplicates'],
  ['excluded', 'Excluded'],
  ['bad_rows', 'Bad rows'],
  ['in_flight', 'In flight'],
] as const;

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="source-part">
      <h4>{title}</h4>
      {children}
    </section>
  );
}

/** The members of an event; the text itself where it was cut. */
function fieldsOf(event: string): [string, string][] {
  try {
    return Object.entries(JSON.parse(event) as Record<string, unknown>).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
  } catch {
    // It was cut, so it is not JSON any more.
    return [['event', event]];
  }
}

function Events({ events }: { events: SourceReport['latest_events'] }) {
  return (
    <Part title="Latest events">
      <ul class="latest">
        {events.map(({ received_at, event }, index) => (
          <li key={`${received_at} ${index}`}>
            <Age at={received_at} />
            <p class="event">
              {fieldsOf(event).map(([name, value]) => (
                <span key={name}>
                  <span class="note">{name}</span> <Name text={value} />
                </span>
              ))}
            </p>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Rejected({ activity }: { activity: NonNullable<SourceReport['activity']> }) {
  const reasons = Object.entries(activity.reasons).sort(([, a], [, b]) => b - a);
  if (reasons.length === 0) return null;
  return (
    <Part title="Rejected">
      <p>
        {reasons.map(([reason, rows], index) => (
          <span key={reason}>
            {index > 0 && ', '}
            <code>{reason}</code> <span class="num">{count(rows)}</span>
          </span>
        ))}
        {activity.refused > 0 && (
          <span class="note"> ({count(activity.refused)} in requests of which nothing was stored)</span>
        )}
      </p>
      <ul class="latest">
        {activity.latest_rejected.map(({ received_at, reason, field, example }, index) => (
          <li key={`${received_at} ${index}`}>
            <Age at={received_at} />
            <p class="event">
              <span>
                <code>{reason}</code>
                {field !== null && (
                  <>
                    {' '}
                    in <code>{field}</code>
                  </>
                )}
              </span>
              <Name text={example} />
            </p>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <Part title="Findings">
      <FindingList isNarrow items={findings.map((finding) => ({ finding }))} />
    </Part>
  );
}

function ByWay({ source }: { source: SourceReport }) {
  const own = Object.entries(source.activity?.ways ?? {});
  if (own.length === 0) return null;
  const titleOf = (name: string) => ways.value?.ways.find((way) => way.name === name)?.title ?? name;
  return (
    <Part title="By address, since the start">
      <Scroll label="By address" whole>
        <table>
          <thead>
            <tr>
              <th scope="col">Way</th>
              <th scope="col" class="num">
                Accepted
              </th>
              <th scope="col" class="num">
                Rejected
              </th>
              <th scope="col" class="num">
                Left out
              </th>
              <th scope="col" class="num">
                Last
              </th>
            </tr>
          </thead>
          <tbody>
            {own.map(([name, counts]) => (
              <tr key={name}>
                <th scope="row">
                  <Name text={titleOf(name)} />
                </th>
                <td class="num">{count(counts.accepted)}</td>
                <td class="num">{count(counts.rejected + counts.refused)}</td>
                <td class="num">{count(counts.left_out)}</td>
                <td class="num">
                  {counts.last_received_at === null ? '–' : <Age at={counts.last_received_at} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Part>
  );
}

/** What shows whether there is more to see about a source. */
const hasMore = ({ activity, findings, latest_events: events }: SourceReport): boolean =>
  activity !== null || findings.length > 0 || events.length > 0;

export function Source({ source, startedAt }: { source: SourceReport; startedAt: string }) {
  const { name, kind, of, map, state, message, activity, findings } = source;
  return (
    <li class="source" data-source={name}>
      <div class="source-head">
        <h3>
          {state !== null && <span class={`dot ${tone(state)}`} aria-hidden="true" />}
          <Name text={name} /> <span class="note">{KINDS[kind] ?? kind}</span>
        </h3>
        <Last source={source} startedAt={startedAt} />
      </div>
      {of !== '' && (
        <p class="note source-of">
          {of}
          {map !== null && (
            <>
              , by the mapping <code>{map}</code>
            </>
          )}
        </p>
      )}
      {state !== null && state !== 'ready' && (
        <p class={`stage-message ${tone(state)}`}>
          {words(state)}
          {message && `: ${message}`}
        </p>
      )}
      {source.refused !== null && (
        <p class="warned">
          {source.refused.requests === 1
            ? 'One request was'
            : `${count(source.refused.requests)} requests were`}{' '}
          refused since the start, for want of a valid {kind === 'hook' ? 'signature or secret' : 'key'}; the
          last <Age at={source.refused.last_at} /> ago.
        </p>
      )}
      {source.received > 0 && (
        <dl class="facts">
          {FIGURES.filter(([key]) => key !== 'in_flight' || source[key] > 0).map(([key, title]) => (
            <div key={key}>
              <dt>{title}</dt>
              <dd class="num" data-figure={key}>
                {count(source[key])}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {hasMore(source) && (
        <details>
          <summary>
            Latest events
            {activity !== null && Object.keys(activity.reasons).length > 0 && ', rejected'}
            {findings.length > 0 &&
              `, ${findings.length === 1 ? 'one finding' : `${findings.length} findings`}`}
          </summary>
          {activity !== null && <ByWay source={source} />}
          {source.latest_events.length > 0 && <Events events={source.latest_events} />}
          {activity !== null && <Rejected activity={activity} />}
          {findings.length > 0 && <Findings findings={findings} />}
        </details>
      )}
    </li>
  );
}
