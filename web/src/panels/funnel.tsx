import { FUNNEL_STEPS } from '../../../src/domain/fields.ts';
import { colourOf } from '../charts/palette.ts';
import { count, share, words } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { hourMinute } from '../time/labels.ts';
import { Panel } from '../ui/panel.tsx';

/** Users per step. The bar's length is the share of the first step; between two steps stands how many went on. */
export function Funnel() {
  const total = metrics.funnel.value.total ?? [];
  const { hourly, from, window } = span.value;
  const steps = FUNNEL_STEPS.map(
    (step) => total.find((row) => row.step === step) ?? { step, users: 0, conversion: null },
  );
  const most = Math.max(1, ...steps.map((row) => row.users));
  const first = steps[0]!.users;
  const note =
    window === '1m' && hourly.from !== from
      ? `users, since ${hourMinute(timeZone.value, hourly.from)}`
      : 'users';
  return (
    <Panel title="Funnel" area="funnel" note={note} error={metrics.funnel.value.error}>
      <ol class="funnel">
        {steps.map((row, index) => (
          <li key={row.step}>
            {index > 0 && (
              <p class="funnel-step">
                <span aria-hidden="true">↓</span> <strong class="num">{share(row.conversion, 1)}</strong>{' '}
                <span class="note">went on</span>
              </p>
            )}
            <div class="funnel-label">
              <span>{words(row.step)}</span>
              <span class="num">
                {count(row.users)}{' '}
                <span class="note">{index > 0 && first > 0 ? share(row.users / first, 1) : ''}</span>
              </span>
            </div>
            <div class="bar-track">
              <div
                class="bar"
                style={{ width: `${(row.users / most) * 100}%`, background: colourOf(row.step, []) }}
              />
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
