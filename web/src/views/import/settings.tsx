import type { Choice, Preview } from './api.ts';
import { choice, setSetting } from './state.ts';

const ORDERS = [
  ['mdy', 'month / day / year'],
  ['dmy', 'day / month / year'],
  ['ymd', 'year / month / day'],
] as const;
const DECIMALS = [
  ['.', '1,234.50 (point)'],
  [',', '1.234,50 (comma)'],
] as const;

type TextSetting = 'time_zone' | 'currency' | 'encoding' | 'delimiter' | 'columns';

/** How values, and the file itself, are read. */
export function SettingsForm({ found }: { found: Preview }) {
  const { time_zone, date_order, decimal, currency } = found.settings;
  return (
    <>
      <h3 class="mapping-part">How values are read</h3>
      <div class="settings">
        <TextField name="time_zone" label="Time zone" found={time_zone} list="time-zones" />
        <Choices name="date_order" label="Dates" options={ORDERS} found={date_order} />
        <Choices name="decimal" label="Amounts" options={DECIMALS} found={decimal} />
        <TextField name="currency" label="Currency" found={currency ?? 'as it says'} />
      </div>
      <datalist id="time-zones">
        {Intl.supportedValuesOf('timeZone').map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <details class="more-fields">
        <summary>How the file is read</summary>
        <div class="settings">
          <TextField name="encoding" label="Encoding" found="found by its content" />
          <TextField name="delimiter" label="Between cells" found="found by its content" />
          <TextField name="columns" label="Names of the columns" found="those in line 1" />
        </div>
      </details>
    </>
  );
}

/** A text that is taken when it is left, or with Enter. Empty: as it was found. */
function TextField(props: { name: TextSetting; label: string; found: string; list?: string }) {
  const { name, label, found, list } = props;
  const given = choice.value[name] ?? '';
  return (
    <label>
      <span>{label}</span>
      <input
        type="text"
        name={name}
        value={given}
        placeholder={found}
        spellcheck={false}
        autocomplete="off"
        {...(list === undefined ? {} : { list })}
        onChange={({ currentTarget }) => {
          const next = currentTarget.value.trim();
          if (next !== given) setSetting(name, next);
        }}
      />
    </label>
  );
}

interface ChoicesProps {
  name: keyof Choice & ('date_order' | 'decimal');
  label: string;
  options: readonly (readonly [value: string, text: string])[];
  found: string | null;
}

function Choices({ name, label, options, found }: ChoicesProps) {
  const given = choice.value[name] ?? '';
  const byItself = options.find(([value]) => value === found)?.[1];
  return (
    <label>
      <span>{label}</span>
      <select
        name={name}
        value={given}
        onChange={({ currentTarget }) => setSetting(name, currentTarget.value)}
      >
        <option value="">{given === '' && byItself ? byItself : 'as it is written'}</option>
        {options
          .filter(([value]) => given !== '' || value !== found)
          .map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
      </select>
    </label>
  );
}
