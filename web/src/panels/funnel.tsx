import { FUNNEL_STEPS } from '../../../src/event/fields.ts';
import { colourOf } from '../charts/palette.ts';
import { count, share, words } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { timeZone } from '../state/server.ts';
import { span } from '../state/view.ts';
import { hourMinute } from '../time/labels.ts';
import { Empty } from '../ui/empty.tsx';
import { Panel } from '../ui/panel.tsx';

/**
 * Users per step. The bar's length is the share of the first step; between two steps stands how many went on. More users at a step
 * than before it means that events of the step before are missing: then nobody can say how many went on.
 */
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
    <Panel
      title="Funnel"
      area="funnel"
      note={note}
      error={metrics.funnel.value.error}
      empty={
        steps.every((row) => row.users === 0) && (
          <Empty
            reason="No views, carts, checkouts or purchases with a user in this range (fields user_id, session_id)."
            loaded={metrics.funnel.value.total !== null}
          />
        )
      }
    >
      <ol class="funnel">
        {steps.map((row, index) => (
          <li key={row.step}>
            {index > 0 && (
              <p class="funnel-step">
                <span aria-hidden="true">↓</span>{' '}
                {row.users > steps[index - 1]!.users ? (
                  <span class="note">events of “{words(steps[index - 1]!.step)}” are missing</span>
                ) : (
                  // Of nobody no share goes on.
                  row.conversion !== null && (
                    <>
                      <strong class="num">{share(row.conversion, 1)}</strong>{' '}
                      <span class="note">continued</span>
                    </>
                  )
                )}
              </p>
            )}
            <div class="funnel-label">
              <span>{words(row.step)}</span>
              <span class="num">
                {count(row.users)}{' '}
                <span class="note">
                  {index > 0 && first >= row.users && first > 0 ? share(row.users / first, 1) : ''}
                </span>
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
