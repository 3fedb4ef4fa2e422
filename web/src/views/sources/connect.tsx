/** How the next source is connected: a list of ways, and of the chosen one its address, key, texts to copy and steps. */
import { signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Way, WaysAnswer } from '../../api.ts';
import { age, count, counted } from '../../format.ts';
import { now } from '../../state/clock.ts';
import { Command } from '../../ui/command.tsx';
import { Panel } from '../../ui/panel.tsx';
import { sources, ways } from './data.ts';
import { Inline, Markdown } from './markdown.tsx';

const chosen = signal('events');
const sought = signal('');

function Key({ way, keys }: { way: Way; keys: string[] | null }) {
  const { key } = way;
  if (key === null)
    return keys === null && way.addresses.length > 0 ? (
      <p class="note">No key is needed: the config has no api_keys.</p>
    ) : null;
  return (
    <>
      <p>
        The key goes into: <Inline text={key.where} />.{' '}
        {key.name === null ? null : (
          <>
            Put the API key named <strong>{key.name}</strong> where <code>{key.variable}</code> stands.
          </>
        )}
      </p>
      {key.name === null && (
        <p class="warned">
          {key.is_public
            ? 'The config has no key that may only send, and everybody can read this one in the page. '
            : 'The config has no key that may send. '}
          Add one to <code>api_keys</code> with <code>scopes: [write]</code>, and put it where{' '}
          <code>{key.variable}</code> stands.
        </p>
      )}
      {key.name !== null && key.is_public && (
        <p class="note">
          Everybody can read this key in the page. Whoever has it can send events, and see none.
        </p>
      )}
    </>
  );
}

/** What has come this way already: nothing is said where it can't be told apart from others. */
function Seen({ way }: { way: Way }) {
  const counts = sources.value?.sources.find(({ kind }) => kind === 'http')?.activity?.ways[way.name];
  if (!counts) return null;
  const refused = counts.rejected + counts.refused;
  return (
    <p class="note" role="status">
      Came this way since the start: {counted(counts.accepted, 'event')}
      {refused > 0 && `, ${count(refused)} rejected`}
      {counts.left_out > 0 && `, ${count(counts.left_out)} left out`}
      {counts.last_received_at !== null &&
        `; the last ${age(now.value - Date.parse(counts.last_received_at))} ago`}
      .
    </p>
  );
}

function Detail({ way, keys }: { way: Way; keys: string[] | null }) {
  return (
    <section class="way" aria-labelledby="way-title" id="way">
      <h3 id="way-title">{way.title}</h3>
      {way.addresses.length > 0 && (
        <p class="addresses">
          {way.addresses.map((address) => (
            <code key={address}>{address}</code>
          ))}
        </p>
      )}
      <Key way={way} keys={keys} />
      <Seen way={way} />
      {way.snippets.map(({ title, text }) => (
        <div key={title} class="snippet">
          <h4>{title}</h4>
          <Command text={text} label={`${way.title}, ${title}`} />
        </div>
      ))}
      {way.steps !== '' && (
        <>
          <h4>Step by step</h4>
          <Markdown text={way.steps} />
        </>
      )}
      <p class="note">
        More: <code>{way.docs}</code>
      </p>
    </section>
  );
}

const matches = (way: Way, text: string): boolean =>
  [way.name, way.title, ...way.addresses].some((each) => each.toLowerCase().includes(text));

function List({ answer }: { answer: WaysAnswer }) {
  const text = sought.value.trim().toLowerCase();
  const found = answer.ways.filter((way) => matches(way, text));
  return (
    <div class="way-list">
      <label for="way-search" class="hidden">
        Search a system
      </label>
      <input
        id="way-search"
        type="search"
        placeholder="Search a system"
        value={sought.value}
        onInput={(event) => {
          sought.value = event.currentTarget.value;
        }}
      />
      {found.length === 0 && (
        <p class="note">
          Nothing has this name. Any records can come in by a mapping of your own: see docs/mappings.md.
        </p>
      )}
      {Object.entries(answer.groups).map(([group, title]) => {
        const own = found.filter((way) => way.group === group);
        if (own.length === 0) return null;
        if (own.length <= LONG || text !== '') return <Ways key={group} title={title} ways={own} />;
        return (
          <details key={group}>
            <summary>
              {title} ({own.length})
            </summary>
            <Ways title={title} ways={own} isFolded />
          </details>
        );
      })}
    </div>
  );
}

/** A group of more ways is folded until something is sought. */
const LONG = 10;

function Ways(props: { title: string; ways: Way[]; isFolded?: boolean }) {
  const { title, ways: own, isFolded } = props;
  const id = useId();
  const choose = ({ name }: Way) => {
    chosen.value = name;
    // On a phone it is far below the list.
    requestAnimationFrame(() => document.getElementById('way')?.scrollIntoView({ block: 'nearest' }));
  };
  return (
    <>
      <h3 id={id} class={isFolded ? 'hidden' : undefined}>
        {title}
      </h3>
      <ul aria-labelledby={id}>
        {own.map((way) => (
          <li key={way.name}>
            <button
              type="button"
              class="quiet"
              aria-pressed={way.name === chosen.value}
              onClick={() => choose(way)}
            >
              {way.title}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Connect() {
  const answer = ways.value;
  if (answer === null) return null;
  const way = answer.ways.find(({ name }) => name === chosen.value) ?? answer.ways[0]!;
  return (
    <Panel title="Connect a source" area="connect" note={`with the address ${answer.address}`}>
      <div class="connect">
        <List answer={answer} />
        <Detail key={way.name} way={way} keys={answer.keys} />
      </div>
    </Panel>
  );
}
