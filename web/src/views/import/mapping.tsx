import { useState } from 'preact/hooks';
import { count, counted, words } from '../../format.ts';
import { Command } from '../../ui/command.tsx';
import { Name } from '../../ui/name.tsx';
import type { FormEventType, Preview } from './api.ts';
import { EventField } from './field.tsx';
import { LinesForm } from './lines.tsx';
import { SettingsForm } from './settings.tsx';
import { choice, chosen, offer, preview, setEventType, setMapping } from './state.ts';

/** Shown first, whether they come from somewhere or not: without them there are no numbers of a shop. */
const MAIN = [
  'timestamp',
  'event_type',
  'user_id',
  'order_id',
  'product_id',
  'quantity',
  'price',
  'amount',
  'currency',
];
/** Values of the select of mappings that are not the name of one. */
const OWN = '?own';
const NONE = '?none';

/** The mapping as a form: what is changed is tried again at once. */
export function MappingForm() {
  const found = preview.value;
  if (!found) return null;
  const main = MAIN.flatMap((name) => found.fields.find(({ field }) => field === name) ?? []);
  const others = found.fields.filter(({ field }) => !MAIN.includes(field));
  const used = others.filter(({ from }) => from !== 'none');
  const rest = others.filter(({ from }) => from === 'none');
  return (
    <section class="panel mapping" aria-labelledby="mapping-title">
      <header class="panel-head">
        <h2 id="mapping-title">Mapping</h2>
        <p class="note">each change updates the preview</p>
      </header>
      <MappingChoice found={found} />
      <h3 class="mapping-part">Fields, and where they come from</h3>
      <ul class="fields">
        {[...main, ...used].map((field) => (
          <EventField key={field.field} given={field} columns={found.columns} />
        ))}
      </ul>
      {rest.length > 0 && (
        <details class="more-fields">
          <summary>{count(rest.length)} more fields</summary>
          <ul class="fields">
            {rest.map((field) => (
              <EventField key={field.field} given={field} columns={found.columns} />
            ))}
          </ul>
        </details>
      )}
      <LinesForm items={found.items} />
      {found.event_types.length > 0 && <EventTypes types={found.event_types} sampled={sampledOf(found)} />}
      <SettingsForm found={found} />
      <MappingText found={found} />
    </section>
  );
}

function MappingChoice({ found }: { found: Preview }) {
  const value = found.map ?? (found.mapping === null ? NONE : OWN);
  const mappings = offer.value?.mappings ?? [];
  return (
    <div class="mapping-choice">
      <label for="map">Read as</label>
      <select
        id="map"
        value={value}
        onChange={({ currentTarget }) => {
          const map = currentTarget.value;
          if (map !== OWN) setMapping(map === NONE ? {} : { map });
        }}
      >
        <option value={NONE}>events with the field names of Tillstream</option>
        {value === OWN && <option value={OWN}>a mapping for this file</option>}
        {mappings.map(({ name, description }) => (
          <option key={name} value={name}>
            {name}
            {description && `: ${description}`}
          </option>
        ))}
      </select>
      {found.is_guess && (
        <p class="note">
          {value === OWN
            ? 'Proposed from the names and values of the columns: check it.'
            : value === NONE
              ? 'The column names are understood as they are.'
              : 'Recognized by the content.'}
        </p>
      )}
    </div>
  );
}

/** How many records the form was made of; null where that is all of them. */
function sampledOf({ sampled, is_whole, result }: Preview): number | null {
  const records = result === null ? Number.POSITIVE_INFINITY : result.received + (result.left_out ?? 0);
  return is_whole && records <= sampled ? null : sampled;
}

/** What the file calls what happened, and what that is here. */
function EventTypes({ types, sampled }: { types: FormEventType[]; sampled: number | null }) {
  const known = offer.value?.event_types ?? [];
  return (
    <>
      <h3 class="mapping-part">Event names</h3>
      {sampled !== null && (
        <p class="note">With how often they are in the first {counted(sampled, 'record')} of the file.</p>
      )}
      <ul class="fields types">
        {types.map(({ value, rows, becomes, is_known }) => (
          <li key={value} class={is_known ? undefined : 'doubtful'}>
            <label class="type-name" for={`type-${value}`}>
              <Name text={value} /> <span class="note num">{count(rows)}</span>
            </label>
            <select
              id={`type-${value}`}
              value={becomes}
              onChange={({ currentTarget }) => setEventType(value, currentTarget.value)}
            >
              {!known.includes(becomes) && (
                <option value={becomes}>{becomes} (counted in traffic only)</option>
              )}
              {known.map((type) => (
                <option key={type} value={type}>
                  {words(type)}
                </option>
              ))}
            </select>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What the shell would take as more than a word is quoted. */
const quoted = (text: string) => (/^[\w./:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function commandOf(found: Preview): string {
  const { time_zone, date_order, decimal, currency, encoding, delimiter, columns } = choice.value;
  const options = {
    map: found.map ?? (found.mapping === null ? undefined : './shop.yaml'),
    'time-zone': time_zone,
    'date-order': date_order,
    decimal,
    currency,
    encoding,
    delimiter,
    columns,
  };
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${quoted(value)}`],
  );
  return ['./tillstream load', quoted(chosen.value?.name ?? 'FILE'), ...given].join(' ');
}

/** The mapping for an editor, and for the next file of this kind. */
function MappingText({ found }: { found: Preview }) {
  const text = found.mapping ?? (found.map === null ? '' : `extends: ${found.map}\n`);
  const [draft, setDraft] = useState<{ of: string; text: string } | null>(null);
  const shown = draft?.of === text ? draft.text : text;
  return (
    <details class="mapping-text">
      <summary>As text, and on the command line</summary>
      <label for="mapping-yaml" class="note">
        YAML, as docs/mappings.md describes it. Save it as <code>shop.yaml</code> to use it for a source, or
        for the next file.
      </label>
      <textarea
        id="mapping-yaml"
        rows={Math.min(24, Math.max(6, shown.split('\n').length + 1))}
        spellcheck={false}
        value={shown}
        onInput={({ currentTarget }) => setDraft({ of: text, text: currentTarget.value })}
      />
      <button type="button" disabled={shown === text} onClick={() => setMapping({ mapping: shown })}>
        Try this
      </button>
      <Command text={commandOf(found)} label="command that loads such a file" />
    </details>
  );
}
