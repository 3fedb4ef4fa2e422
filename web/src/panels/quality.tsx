import { REASONS } from '../../../src/event/reasons.ts';
import { count } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { Empty } from '../ui/empty.tsx';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';

const LATE = [
  ['late_5m', '5 min'],
  ['late_1h', '1 h'],
  ['late_1d', '1 d'],
  ['late_7d', '7 d'],
  ['late_30d', '30 d'],
] as const;

const explain = (reason: string): string => (REASONS as Record<string, string>)[reason] ?? '';

export function Quality() {
  const total = metrics.quality.value.total ?? [];
  const rows = (reason: string) => total.find((row) => row.reason === reason)?.rows ?? 0;
  const bad = total.filter(({ reason, rows }) => reason in REASONS && rows > 0);
  // What is left are codes of findings, which the panel of those explains.
  const doubtful = total.filter(
    ({ reason }) =>
      !(reason in REASONS) && !['duplicate', 'invalid_field'].includes(reason) && !reason.startsWith('late_'),
  );
  bad.sort((a, b) => b.rows - a.rows);
  const late = LATE.map(([reason, name]) => ({ name, rows: rows(reason) }));
  const most = Math.max(1, ...late.map((one) => one.rows));
  // One late event corrects several windows, and a window may be late in several ways: this is the most that is sure.
  const corrected = Math.max(
    0,
    ...total.filter((row) => row.reason.startsWith('late_')).map((row) => row.windows),
  );
  return (
    <Panel
      title="Data quality"
      area="quality"
      note="by the time of receipt, in this range"
      error={metrics.quality.value.error}
      empty={metrics.quality.value.total === null && <Empty reason="" loaded={false} />}
    >
      <dl class="facts">
        <div>
          <dt>Bad rows</dt>
          <dd class="num">{count(bad.reduce((sum, row) => sum + row.rows, 0))}</dd>
        </div>
        <div>
          <dt>Duplicates</dt>
          <dd class="num">{count(rows('duplicate'))}</dd>
        </div>
        <div>
          <dt title="Events that count, with a field that could not be read">Unread fields</dt>
          <dd class="num">{count(rows('invalid_field'))}</dd>
        </div>
        <div>
          <dt title="Events that count although something about them is doubtful, such as purchases without a currency. See Findings.">
            Doubtful events
          </dt>
          <dd class="num">{count(doubtful.reduce((sum, row) => sum + row.rows, 0))}</dd>
        </div>
        <div>
          <dt>Late events</dt>
          <dd class="num">{count(late.reduce((sum, one) => sum + one.rows, 0))}</dd>
        </div>
        <div>
          <dt>Minutes corrected</dt>
          <dd class="num">{corrected > 0 ? `≥ ${count(corrected)}` : count(0)}</dd>
        </div>
      </dl>
      <div class="quality">
        <div>
          <h3>Bad rows by reason</h3>
          {bad.length === 0 && <p class="note">None. Every line was read.</p>}
          <ul class="pairs">
            {bad.slice(0, 8).map((row) => (
              <li key={row.reason}>
                <code>
                  <Name text={row.reason} title={explain(row.reason)} />
                </code>{' '}
                <span class="num">{count(row.rows)}</span>
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>Late by at least</h3>
          {late.every((one) => one.rows === 0) && (
            <p class="note">None. Events of live sources came within 5 minutes; loaded files are history.</p>
          )}
          <ul class="late" hidden={late.every((one) => one.rows === 0)}>
            {late.map((one) => (
              <li key={one.name}>
                <span class="late-by">{one.name}</span>
                <span class="bar-track thin">
                  <span class="bar plain" style={{ width: `${(one.rows / most) * 100}%` }} />
                </span>
                <span class="num">{count(one.rows)}</span>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </Panel>
  );
}
