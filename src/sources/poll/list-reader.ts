import type { RecordIds } from '../../ingest/format.ts';
import { counted } from '../../telemetry/words.ts';
import type { IngestRequest } from '../source.ts';
import type { PollOptions } from './config.ts';
import { hasIdentity, latestTime, type PollEntry } from './entries.ts';
import { type PollAnswer, PollError } from './fetch-page.ts';
import { addressOf, type Position, positionOf } from './paging.ts';
import type { ListState } from './poll-state.ts';
import type { Page } from './read-page.ts';
import { contentHash, SeenEntries } from './seen-entries.ts';

/** Pages of a round that are remembered, to see when they go in a circle. */
const PAGES_MAX = 100_000;
/** Statuses of a next page that is not there any more. */
const GONE = [400, 404, 410, 422];

/** How often `check` asks again for one entry. */
const ASKED_AGAIN = 3;

/** What the reader needs of the source. */
export interface ListAccess {
  readonly options: PollOptions;
  readonly url: URL;
  fetch(url: URL): Promise<PollAnswer>;
  /** The page of an answer with status 200; a fault for others. `path`: where the list was until now. */
  read(answer: PollAnswer, path: string | null): Promise<Page>;
  /** False when stopped before all was taken. */
  ingest(body: IngestRequest['body'], ids?: RecordIds): Promise<boolean>;
  save(state: ListState): Promise<void>;
}

/** What one poll of a list gave. */
export interface Polled {
  /** False when stopped before all was taken: nothing is saved then. */
  readonly isTaken: boolean;
  readonly newEntries: number;
  readonly repeated: number;
  /** There is a next page with entries. */
  readonly hasMore: boolean;
}

/**
 * Reads a list page by page, from its first page again once it has ended. Each entry counts once: by its content, of which the
 * counts of the last rounds are kept; events with ids are known by those, too.
 */
export class ListReader {
  readonly #access: ListAccess;
  #position: Position | null = null;
  #since: string | null;
  #sinceOfRound: string | null = null;
  #path: string | null = null;
  #seen = new SeenEntries();
  readonly #visited = new Set<string>();

  constructor(access: ListAccess, state: ListState | undefined) {
    this.#access = access;
    this.#since = access.options.since?.start ?? null;
    if (state === undefined) return;
    this.#position = state.position;
    this.#since = state.since ?? this.#since;
    this.#sinceOfRound = state.sinceOfRound;
    this.#path = state.path;
    this.#seen = new SeenEntries(state.seen, state.round);
  }

  /** Asks for the next page, and hands over what is new in it. */
  async poll(): Promise<Polled> {
    const url = this.#address();
    const answer = await this.#access.fetch(url);
    if (this.#position !== null && GONE.includes(answer.status)) {
      this.#startAgain();
      throw new PollError(
        'cursor',
        `status ${answer.status} for the next page; the list is read from its start`,
      );
    }
    const page = await this.#access.read(answer, this.#path);
    const seen = this.#seen.copy();
    const { fresh, ids } = this.#newOf(page, seen);
    const next = page.next === null ? null : positionOf(page.next, url, this.#access.url);
    this.#refuseCircle(url, next, page.entries.length);
    const body = fresh.map(({ piece }) => piece);
    // An entry that comes one at a time, without an id, may come again on purpose.
    const isTaken = fresh.length === 0 || (await this.#access.ingest(body, page.isSingle ? undefined : ids));
    const polled = { newEntries: fresh.length, repeated: page.entries.length - fresh.length };
    if (!isTaken) return { ...polled, isTaken, hasMore: false };
    this.#seen = seen;
    this.#path = page.path ?? this.#path;
    this.#moveOn(page, next);
    await this.#access.save(this.#state());
    return { ...polled, isTaken, hasMore: next !== null && page.entries.length > 0 };
  }

  /**
   * Describes what comes of the address. Rejects what could not be counted once: entries that look alike and have no ids.
   */
  async check(): Promise<string> {
    const ask = async () => this.#access.read(await this.#access.fetch(this.#address()), this.#path);
    const page = await ask();
    const anonymous = page.entries.filter((entry) => !hasIdentity(entry));
    const isAlike = (others: readonly PollEntry[]) =>
      anonymous.some((entry) => others.some((other) => other !== entry && other.raw.equals(entry.raw)));
    const why =
      'New entries cannot be told apart from counted ones: give entries an event_id, or use a log API with GET /logs';
    if (page.isSingle) {
      // Of entries drawn at random, the same one may come twice.
      let isSame = anonymous.length > 0;
      for (let n = 0; n < ASKED_AGAIN && isSame; n++) isSame = isAlike((await ask()).entries);
      if (isSame)
        throw new Error(`the address returns the same entry each time, without an event_id. ${why}`);
      return 'one entry per poll; an entry that is returned again later counts again unless it has an event_id';
    }
    const hashes = new Set(anonymous.map(({ raw }) => contentHash('', raw)));
    if (hashes.size < anonymous.length)
      throw new Error(
        `${anonymous.length - hashes.size} of ${page.entries.length} entries of the answer are identical to others and have no event_id. ${why}`,
      );
    const paging = page.next === null ? '' : ', with a next page';
    return `a list (${page.description})${paging}; ${counted(page.entries.length, 'entry', 'entries')} now`;
  }

  #address(position = this.#position): URL {
    const { options, url } = this.#access;
    const parameter = options.since?.parameter;
    const since =
      parameter !== undefined && this.#since !== null ? ([parameter, this.#since] as const) : null;
    return addressOf(url, position, options.cursor_parameter ?? 'after', since);
  }

  #newOf(page: Page, seen: SeenEntries): { fresh: PollEntry[]; ids: string[] } {
    const fresh: PollEntry[] = [];
    const ids: string[] = [];
    if (page.isSingle) seen.endRound();
    for (const entry of page.entries) {
      const hash = contentHash(this.#access.options.name, entry.raw);
      const { isNew, number } = seen.count(hash);
      if (!isNew) continue;
      fresh.push(entry);
      ids.push(number === 1 ? hash : `${hash}-${number}`);
    }
    if (page.isSingle) seen.forgetOlder();
    return { fresh, ids };
  }

  /** `here`: the page that gave entries, and names the next one. */
  #refuseCircle(here: URL, next: Position | null, entries: number): void {
    if (next === null || entries === 0) return;
    const { href } = this.#address(next);
    if (this.#visited.size >= PAGES_MAX) this.#visited.clear();
    this.#visited.add(here.href);
    if (!this.#visited.has(href)) return;
    this.#startAgain();
    throw new PollError('cursor', 'the next page is one that was already read');
  }

  #moveOn(page: Page, next: Position | null): void {
    const { since } = this.#access.options;
    if (since !== undefined)
      this.#sinceOfRound = latestTime(page.entries, since.field, this.#sinceOfRound ?? this.#since);
    this.#position = next;
    if (next !== null) return;
    // Only now, as entries may be in any order.
    this.#since = this.#sinceOfRound ?? this.#since;
    this.#sinceOfRound = null;
    this.#visited.clear();
    this.#seen.endRound();
  }

  #startAgain(): void {
    this.#position = null;
    this.#visited.clear();
    this.#seen.restartRound();
  }

  #state(): ListState {
    return {
      position: this.#position,
      since: this.#since,
      sinceOfRound: this.#sinceOfRound,
      path: this.#path,
      ...this.#seen.toState(),
    };
  }
}
