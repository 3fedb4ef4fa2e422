import { REASONS, type Reason } from '../../../../src/event/reasons.ts';
import { count } from '../../format.ts';
import { FindingList, marked } from '../../ui/finding-list.tsx';
import { Name } from '../../ui/name.tsx';
import type { Figures } from './api.ts';

const EXAMPLES_MAX = 3;

/** Findings, and reasons of rejected records, that a setting of the form settles, by its name. */
const SETTLED_BY: Readonly<Record<string, string>> = {
  not_utf8: 'encoding',
  date_order: 'date_order',
  currency_unknown: 'currency',
  zone_assumed: 'time_zone',
  day_month: 'date_order',
  ambiguous_number: 'decimal',
};

function focusSetting(name: string): void {
  const setting = document.querySelector<HTMLElement>(`.settings [name="${name}"]`);
  setting?.closest('details')?.setAttribute('open', '');
  setting?.focus();
}

/** Leads to the setting that settles a doubt, where one does. */
function SetIt({ code, hasForm }: { code: string; hasForm: boolean }) {
  const setting = SETTLED_BY[code];
  if (!hasForm || setting === undefined) return null;
  return (
    <button type="button" class="quiet" onClick={() => focusSetting(setting)}>
      Set it here
    </button>
  );
}

/** Records that are not events, by reason, and values that could not be read. */
export function Rejected({ figures, hasForm = false }: { figures: Figures | null; hasForm?: boolean }) {
  if (figures === null) return null;
  const reasons = Object.entries(figures.bad_by_reason).sort((a, b) => b[1] - a[1]);
  const invalid = Object.entries(figures.invalid_fields).sort((a, b) => b[1] - a[1]);
  const file = figures.files[0];
  if (reasons.length + invalid.length === 0 && !file?.cut) return null;
  return (
    <section class="panel" aria-labelledby="rejected-title">
      <header class="panel-head">
        <h2 id="rejected-title">
          {reasons.length > 0 || file?.cut ? 'Rejected' : 'Values that were not read'}
        </h2>
        {reasons.length > 0 && <p class="note">kept as bad rows with their reason, and not counted</p>}
      </header>
      {file?.cut && <p>The file can’t be read to the end: {file.cut}. Only the part before that was read.</p>}
      <ul class="doubts">
        {reasons.map(([reason, rows]) => (
          <li key={reason}>
            <span class="finding-rows num">{count(rows)}</span>
            <div>
              <p>{marked(REASONS[reason as Reason] ?? reason)}</p>
              <ul class="doubt-examples note">
                {file?.errors
                  .filter(({ code }) => code === reason)
                  .slice(0, EXAMPLES_MAX)
                  .map(({ line, field, example = '' }) => (
                    <li key={line}>
                      line {count(line)}: {field && <code>{field}</code>} <Name text={example} />
                    </li>
                  ))}
              </ul>
              <SetIt code={reason} hasForm={hasForm} />
            </div>
          </li>
        ))}
      </ul>
      {invalid.length > 0 && (
        <>
          <h3 class="doubts-part">Values that can’t be read: the events count, without them</h3>
          <ul class="doubts">
            {invalid.map(([field, rows]) => (
              <li key={field}>
                <span class="finding-rows num">{count(rows)}</span>
                <p>
                  <code>{field}</code>
                </p>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** What is doubtful about what would be accepted. `hasForm`: settings can still be made. */
export function Findings({ figures, hasForm = false }: { figures: Figures | null; hasForm?: boolean }) {
  const findings = figures?.findings.filter(({ code }) => code !== 'invalid_field') ?? [];
  if (findings.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="doubts-title">
      <header class="panel-head">
        <h2 id="doubts-title">Findings</h2>
        <p class="note">doubtful; nothing is rejected because of it</p>
      </header>
      <FindingList
        isNarrow
        items={findings.map((finding) => ({
          finding,
          action: <SetIt code={finding.code} hasForm={hasForm} />,
        }))}
      />
    </section>
  );
}
