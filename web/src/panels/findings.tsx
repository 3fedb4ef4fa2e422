import { count } from '../format.ts';
import { status } from '../state/server.ts';
import { FindingList } from '../ui/finding-list.tsx';
import { Panel } from '../ui/panel.tsx';

/** More are for "tillstream status". */
const SHOWN_MAX = 12;

/** What was doubtful in the events that came in, with the remedy. Absent where nothing was. */
export function FindingsPanel() {
  const all = (status.value?.findings ?? [])
    .flatMap(({ source, findings }) => findings.map((finding) => ({ source, finding })))
    .sort((a, b) => b.finding.rows - a.finding.rows);
  if (all.length === 0) return null;
  const more = all.length - SHOWN_MAX;
  return (
    <div class="below">
      <Panel
        title="Findings"
        area="findings"
        note="doubtful in the data received since the start; nothing was rejected because of it"
      >
        <FindingList items={all.slice(0, SHOWN_MAX)} />
        {more > 0 && (
          <p class="note">
            And {count(more)} more: see <code>tillstream status</code>.
          </p>
        )}
      </Panel>
    </div>
  );
}
