import { nearest } from '../../telemetry/nearest.ts';
import { EVENT_TYPE_BY_FOLDED, EVENT_TYPE_NAMES, foldEventType } from './event-types.ts';

export interface EventTypeValue {
  /** Our name of the type; a type that is not known keeps its own. */
  readonly name: string;
  readonly isKnown: boolean;
  /** The known type that may be meant, where it is not known. */
  readonly nearest: string | null;
}

/** Spellings that are remembered. A source with more has put something else into the field. */
const REMEMBERED_MAX = 2000;

/** Something that did not come about, or was only changed: nothing was bought by a `purchase_failed`. */
const OTHER_OUTCOME = /fail|cancel|declin|reject|abandon|error|void|updat|edit|delet/i;

/** A reader of event types; `own`: names of the source, and ours for them. */
export function createEventTypeReader(
  own: Readonly<Record<string, string>>,
): (text: string) => EventTypeValue {
  const known = new Map<string, EventTypeValue>();
  const ours = new Map<string, string>();
  for (const [name, target] of Object.entries(own)) {
    ours.set(foldEventType(name), EVENT_TYPE_BY_FOLDED.get(foldEventType(target)) ?? target);
  }

  function find(text: string, withNearest: boolean): EventTypeValue {
    const folded = foldEventType(text);
    const name = ours.get(folded) ?? EVENT_TYPE_BY_FOLDED.get(folded);
    if (name !== undefined) return { name, isKnown: true, nearest: null };
    const near = withNearest && !OTHER_OUTCOME.test(text) ? nearest(text, EVENT_TYPE_NAMES) : null;
    return {
      name: text,
      isKnown: false,
      nearest: near === null ? null : (EVENT_TYPE_BY_FOLDED.get(foldEventType(near)) ?? null),
    };
  }

  return (text) => {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const isFull = known.size >= REMEMBERED_MAX;
    const value = find(text, !isFull);
    if (!isFull) known.set(text, value);
    return value;
  };
}
