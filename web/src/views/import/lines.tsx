import { ITEM_FIELDS } from '../../../../src/event/fields.ts';
import type { FormItems } from './api.ts';
import { ColumnOption, FieldSelect } from './field.tsx';
import { setLineField, setLines } from './state.ts';

const DESCRIPTIONS = new Map(ITEM_FIELDS.map(({ name, description }) => [name, description]));

/** The lines of an order: the list that they are in, and where their fields come from. */
export function LinesForm({ items }: { items: FormItems }) {
  const { from, path, lists, columns, fields } = items;
  if (from === 'none' && lists.length === 0) return null;
  const isListed = lists.some((list) => list.path === path);
  return (
    <>
      <h3 class="mapping-part">Lines of an order</h3>
      <ul class="fields">
        <li class={from === 'none' ? 'unset' : undefined}>
          <label for="lines" title="The list of which each element is a line: a product and how many of it.">
            list
          </label>
          <select
            id="lines"
            value={path ?? ''}
            onChange={({ currentTarget }) => {
              if (currentTarget.value !== '') setLines(currentTarget.value);
            }}
          >
            {path === null && <option value="">{from === 'rule' ? 'as in the mapping' : '–'}</option>}
            {path !== null && !isListed && <option value={path}>{path}</option>}
            {lists.map((list) => (
              <ColumnOption key={list.path} column={list} />
            ))}
          </select>
        </li>
        {from === 'list' &&
          fields.map((field) => (
            <FieldSelect
              key={field.field}
              id={`line-${field.field}`}
              given={field}
              of="line"
              columns={columns}
              description={DESCRIPTIONS.get(field.field)}
              onChange={(change) => {
                if (change === null || typeof change === 'string') setLineField(field.field, change);
              }}
            />
          ))}
      </ul>
    </>
  );
}
