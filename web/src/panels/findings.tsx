import type { Finding } from '../api.ts';
import { count } from '../format.ts';
import { status } from '../state/server.ts';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';

/** More are for "tillstream status". */
const SHOWN_MAX = 12;

/** Names of fields and settings stand between backticks. */
const marked = (text: string) =>
  text.split('`').map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece));

function Item({ source, finding }: { source: string; finding: Finding }) {
  const { code, rows, message, example, setting } = finding;
  return (
    <li>
      <span class="finding-rows num">{count(rows)}</span>
      <div>
        <p>{marked(message)}</p>
        <p class="note">
          <code>{code}</code> from <Name text={source} />
        </p>
      </div>
      <p class="finding-example">
        <span class="note">Example</span> <Name text={example} />
      </p>
      <p class="finding-remedy">
        <span class="note">What to do</span> {marked(setting)}
      </p>
    </li>
  );
}

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
        <ul class="findings">
          {all.slice(0, SHOWN_MAX).map(({ source, finding }) => (
            <Item key={`${source} ${finding.code} ${finding.message}`} source={source} finding={finding} />
          ))}
        </ul>
        {more > 0 && (
          <p class="note">
            And {count(more)} more: see <code>tillstream status</code>.
          </p>
        )}
      </Panel>
    </div>
  );
}
