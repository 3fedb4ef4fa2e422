import { currencies, currency } from '../state/currency.ts';
import { setShown } from '../state/view.ts';
import { Segmented } from './segmented.tsx';

/** With more than these side by side, a list to choose from. */
const SIDE_BY_SIDE = 3;

/** Which currency is shown; all that the range has can be chosen. Nothing where there is no choice. */
export function CurrencyChoice({ label }: { label: string }) {
  const all = currencies.value;
  if (all.length < 2) return null;
  const choose = (next: string) => setShown({ currency: next });
  if (all.length <= SIDE_BY_SIDE) {
    const options = all.map((value) => ({ value, text: value }));
    return <Segmented label={label} options={options} value={currency.value} onChange={choose} />;
  }
  return (
    <select aria-label={label} value={currency.value} onChange={(event) => choose(event.currentTarget.value)}>
      {all.map((value) => (
        <option key={value} value={value}>
          {value}
        </option>
      ))}
    </select>
  );
}
