import type { Account } from '../api.ts';
import { count } from '../format.ts';
import { ledger } from '../state/server.ts';
import { Panel } from '../ui/panel.tsx';
import { Scroll } from '../ui/table.tsx';

/** Added up here again, rather than believed: what is on the screen must balance on the screen. */
function gaps(account: Account): { archive: number; metrics: number } {
  const { received, archive, metrics } = account;
  return {
    archive: received - archive.events - archive.bad_rows - archive.in_flight - (archive.lost ?? 0),
    metrics:
      received - metrics.counted - metrics.duplicate - metrics.bad - metrics.in_flight - (metrics.lost ?? 0),
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
    metrics.bad,
    metrics.in_flight,
  ];
  const starts = new Set([0, 3]);
  return (
    <tr class={total ? 'total' : undefined}>
      <th scope="row">{name}</th>
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
      <Scroll label="Ledger">
        <table class="ledger">
          <caption class="hidden">Received lines and where they are, per source</caption>
          <thead>
            <tr>
              <td colSpan={2} />
              <th colSpan={3} scope="colgroup" class="equals">
                = Archive
              </th>
              <th colSpan={4} scope="colgroup" class="equals">
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
