import type { ComponentChildren } from 'preact';
import { FIELDS } from '../../../../src/event/fields.ts';
import type { FieldChange, FormColumn, FormField } from './api.ts';
import { offer, setField } from './state.ts';

const DESCRIPTIONS = new Map(FIELDS.map(({ name, description }) => [name, description]));
/** Values of a select: a path, a value that is always the same (`=`), or one of these. */
const NOTHING = '';
const AS_IT_IS = '?';

/** A field of an event, and where it comes from. */
export function EventField({ given, columns }: { given: FormField; columns: FormColumn[] }) {
  const { field, from, value } = given;
  const types = field === 'event_type' ? (offer.value?.event_types ?? []) : [];
  return (
    <FieldSelect
      id={`field-${field}`}
      given={given}
      columns={columns}
      description={DESCRIPTIONS.get(field)}
      onChange={(change) => setField(field, change)}
    >
      {from === 'value' && !types.includes(value ?? '') && (
        <option value={`=${value}`}>always “{value}”</option>
      )}
      {types.length > 0 && (
        <optgroup label="The same for each record">
          {types.map((type) => (
            <option key={type} value={`=${type}`}>
              always {type}
            </option>
          ))}
        </optgroup>
      )}
    </FieldSelect>
  );
}

interface FieldSelectProps {
  id: string;
  given: FormField;
  /** Whose field it is, where it is not the event's. */
  of?: string;
  columns: FormColumn[];
  description: string | undefined;
  onChange(change: FieldChange): void;
  /** Further choices. */
  children?: ComponentChildren;
}

/** The name of a field, and the columns that it may come from. */
export function FieldSelect({ id, given, of, columns, description, onChange, children }: FieldSelectProps) {
  const { field, from, paths, value } = given;
  const path = paths[0] ?? '';
  const isOne = (from === 'path' && paths.length === 1) || from === 'name';
  const isKnown = isOne && columns.some((column) => column.path === path);
  const selected = from === 'none' ? NOTHING : from === 'value' ? `=${value}` : isKnown ? path : AS_IT_IS;
  return (
    <li class={from === 'none' ? 'unset' : undefined}>
      <label for={id} title={description}>
        {of} <code>{field}</code>
      </label>
      <select
        id={id}
        value={selected}
        onChange={({ currentTarget }) => {
          const change = changeOf(currentTarget.value);
          if (change !== undefined) onChange(change);
        }}
      >
        <option value={NOTHING}>–</option>
        {selected === AS_IT_IS && (
          <option value={AS_IT_IS}>{from === 'rule' ? 'as in the mapping' : paths.join(', or ')}</option>
        )}
        <optgroup label="From the file">
          {columns.map((column) => (
            <ColumnOption key={column.path} column={column} />
          ))}
        </optgroup>
        {children}
      </select>
    </li>
  );
}

/** A column with an example of its values. */
export function ColumnOption({ column: { path, example } }: { column: FormColumn }) {
  return (
    <option value={path}>
      {path}
      {example && ` (${example})`}
    </option>
  );
}

function changeOf(selected: string): FieldChange | undefined {
  if (selected === AS_IT_IS) return undefined;
  if (selected === NOTHING) return null;
  return selected.startsWith('=') ? { value: selected.slice(1) } : selected;
}
