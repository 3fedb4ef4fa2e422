import type { Account, Changed } from '../api.ts';
import { count } from '../format.ts';
import { ledger } from '../state/server.ts';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';
import { Scroll } from '../ui/table.tsx';

/** Added up here again, rather than believed: what is on the screen must balance on the screen. */
function gaps(account: Account): { archive: number; metrics: number } {
  const { received, archive, metrics } = account;
  const others = ({ lost = 0, deleted = 0, added = 0 }: Changed) => lost + deleted - added;
  return {
    archive: received - archive.events - archive.bad_rows - archive.in_flight - others(archive),
    metrics:
      received -
      metrics.counted -
      metrics.duplicate -
      metrics.excluded -
      metrics.bad -
      metrics.in_flight -
      others(metrics),
  };
}

function balanced(account: Account): boolean {
  const { archive, metrics } = gaps(account);
  return account.balanced && archive === 0 && metrics === 0;
}

function Mark({ account }: { account: Account }) {
  if (balanced(account)) {
    return (
      <span class="mark good">
        <span aria-hidden="true">✓</span> balanced
      </span>
    );
  }
  const { archive, metrics } = gaps(account);
  const off = [
    archive !== 0 && `archive ${count(archive)}`,
    metrics !== 0 && `metrics ${count(metrics)}`,
  ].filter(Boolean);
  return (
    <span class="mark bad">
      <span aria-hidden="true">✗</span> off{off.length > 0 ? `: ${off.join(', ')}` : ''}
    </span>
  );
}

function Line({ name, account, total }: { name: string; account: Account; total?: boolean }) {
  const { received, archive, metrics } = account;
  const cells = [
    archive.events,
    archive.bad_rows,
    archive.in_flight,
    metrics.counted,
    metrics.duplicate,
    metrics.excluded,
    metrics.bad,
    metrics.in_flight,
  ];
  const starts = new Set([0, 3]);
  return (
    <tr class={total ? 'total' : undefined}>
      <th scope="row">
        <Name text={name} />
      </th>
      <td class="num strong">{count(received)}</td>
      {cells.map((value, index) => (
        <td key={index} class={`num ${starts.has(index) ? 'equals' : ''} ${value === 0 ? 'zero' : ''}`}>
          {count(value)}
        </td>
      ))}
      <td>
        <Mark account={account} />
      </td>
    </tr>
  );
}

const PHONE_ROWS: [name: string, of: (account: Account) => number, start?: boolean][] = [
  ['Received', (account) => account.received],
  ['= Archive: events', (account) => account.archive.events, true],
  ['+ bad', (account) => account.archive.bad_rows],
  ['+ in flight', (account) => account.archive.in_flight],
  ['= Metrics: counted', (account) => account.metrics.counted, true],
  ['+ duplicate', (account) => account.metrics.duplicate],
  ['+ excluded', (account) => account.metrics.excluded],
  ['+ bad', (account) => account.metrics.bad],
  ['+ in flight', (account) => account.metrics.in_flight],
];

/** The same turned round, for a phone: all lines first, and both halves in view. */
function Narrow({ all, sources }: { all: Account; sources: [string, Account][] }) {
  const columns: [string, Account][] = [['All', all], ...(sources.length > 1 ? sources : [])];
  return (
    <table class="ledger narrow">
      <caption class="hidden">Received lines and where they are, per source</caption>
      <thead>
        <tr>
          <td />
          {columns.map(([name]) => (
            <th key={name} scope="col" class="num">
              <Name text={name} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {PHONE_ROWS.map(([name, of, start], index) => (
          <tr key={index} class={start ? 'starts' : undefined}>
            <th scope="row">{name}</th>
            {columns.map(([source, account]) => (
              <td key={source} class={`num ${of(account) === 0 ? 'zero' : ''}`}>
                {count(of(account))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function LedgerPanel() {
  const all = ledger.value;
  if (!all) return null;
  const sources = Object.entries(all.by_source).sort(([, a], [, b]) => b.received - a.received);
  return (
    <Panel
      title="Ledger"
      area="ledger"
      note="every line received, accounted for twice"
      controls={
        <span class="ledger-state">
          {all.dirty_windows > 0 && (
            <span class="mark warn">{count(all.dirty_windows)} windows being recomputed</span>
          )}
          <Mark account={all} />
        </span>
      }
    >
      <Scroll label="Ledger" whole>
        <Narrow all={all} sources={sources} />
        <table class="ledger wide">
          <caption class="hidden">Received lines and where they are, per source</caption>
          <thead>
            <tr>
              <td colSpan={2} />
              <th colSpan={3} scope="colgroup" class="equals">
                = Archive
              </th>
              <th colSpan={5} scope="colgroup" class="equals">
                = Metrics
              </th>
              <td />
            </tr>
            <tr>
              <th scope="col">Source</th>
              <th scope="col" class="num">
                Received
              </th>
              <th scope="col" class="num equals">
                events
              </th>
              <th scope="col" class="num">
                + bad
              </th>
              <th scope="col" class="num">
                + in flight
              </th>
              <th scope="col" class="num equals">
                counted
              </th>
              <th scope="col" class="num">
                + duplicate
              </th>
              <th scope="col" class="num" title="Test orders and known bots">
                + excluded
              </th>
              <th scope="col" class="num">
                + bad
              </th>
              <th scope="col" class="num">
                + in flight
              </th>
              <th scope="col">
                <span class="hidden">Balance</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sources.map(([name, account]) => (
              <Line key={name} name={name} account={account} />
            ))}
            <Line name="All" account={all} total />
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
