import { timeZone } from '../state/server.ts';
import { choices, setRange, setView, span, view } from '../state/view.ts';
import { rangeLabel } from '../time/labels.ts';
import type { Range } from '../time/span.ts';
import { parseLocal } from '../time/windows.ts';
import { Segmented } from './segmented.tsx';

const RANGE_OPTIONS: { value: Range; text: string; title?: string }[] = [
  { value: '1h', text: '1 h', title: 'Last hour' },
  { value: '24h', text: '24 h', title: 'Last 24 hours' },
  { value: '7d', text: '7 d', title: 'Last 7 days, today included' },
  { value: '30d', text: '30 d', title: 'Last 30 days, today included' },
  { value: '12mo', text: '12 mo', title: 'Last 365 days, today included' },
  { value: 'custom', text: 'Custom' },
];
const WINDOW_TEXT = { '1m': 'minutes', '1h': 'hours', '1d': 'days' } as const;

function Custom() {
  const { from, to } = view.value;
  const [first, last] = [parseLocal(timeZone.value, from), parseLocal(timeZone.value, to)];
  const wrong = first === null || last === null || first >= last;
  const input = (label: string, value: string, onInput: (value: string) => void) => (
    <label class="field">
      {label}
      <input
        type="datetime-local"
        value={value}
        aria-invalid={wrong}
        aria-describedby={wrong ? 'range-error' : undefined}
        onChange={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <div class="custom">
      {input('From', from, (value) => setView({ from: value }))}
      {input('To', to, (value) => setView({ to: value }))}
      {wrong && (
        <p id="range-error" class="field-error">
          “From” must be before “To”. Shown is the last day.
        </p>
      )}
    </div>
  );
}

export function RangeBar() {
  const { from, to } = span.value;
  const { range, window } = view.value;
  return (
    <div class="range">
      <Segmented label="Time range" options={RANGE_OPTIONS} value={range} onChange={setRange} />
      {choices.value.length > 1 && (
        <Segmented
          label="Length of a window"
          options={choices.value.map((value) => ({ value, text: WINDOW_TEXT[value] }))}
          value={window}
          onChange={(value) => setView({ window: value })}
        />
      )}
      {range === 'custom' && <Custom />}
      <p class="range-label">
        {rangeLabel(timeZone.value, from, to)}
        <span class="note"> by the {{ '1m': 'minute', '1h': 'hour', '1d': 'day' }[window]}</span>
      </p>
    </div>
  );
}
