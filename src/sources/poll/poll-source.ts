import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RecordIds } from '../../ingest/format.ts';
import { sleep } from '../../system/sleep.ts';
import { counted } from '../../telemetry/words.ts';
import { backoffMs, ingestWithRetry, type RetryTuning } from '../ingest-with-retry.ts';
import { detectOptionsOf } from '../read-options.ts';
import { ShownGap } from '../shown-gap.ts';
import type { IngestRequest, Source, SourceContext, SourceStatus } from '../source.ts';
import type { PollOptions } from './config.ts';
import { fetchPage, type PollAnswer, PollError, plain, retryAfterMs, shown } from './fetch-page.ts';
import { ListReader } from './list-reader.ts';
import { type PollState, readPollState, writePollState } from './poll-state.ts';
import { type Page, readPage } from './read-page.ts';
import { createRedactor } from './redact.ts';

/** Statuses of servers that have no `GET /logs`. */
const NO_LOG_API = [400, 404, 405, 406, 422, 501];
const EMPTY_PAGE: Page = {
  pieces: [],
  entries: [],
  next: null,
  oldest: null,
  more: false,
  isSingle: false,
  path: null,
  description: '',
};

/**
 * A source that polls an address. Of a log API with `GET /logs` it follows a durable cursor and loses nothing that the API still
 * has. Otherwise it reads the list that the address gives, and counts each entry once; or the one entry, as the old streamer did.
 */
export function createPollSource(
  options: PollOptions,
  context: SourceContext,
  tuning: RetryTuning = {},
): Source {
  return new PollSource(options, context, tuning);
}

class PollSource implements Source {
  readonly name: string;
  private readonly options: PollOptions;
  private readonly context: SourceContext;
  private readonly tuning: RetryTuning;
  private readonly url: URL;
  private readonly allowHosts: readonly string[];
  private readonly statePath: string;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private readonly redact: (message: string) => string;
  /** unknown until the first answer. */
  private api: 'unknown' | 'cursor' | 'list' = 'unknown';
  private list: ListReader | null = null;
  private cursor: string | null = null;
  private limit: number;
  private state: SourceStatus['state'] = 'ready';
  private message = '';
  private readonly shownGap: ShownGap;
  private lastEventAtMs: number | null = null;
  private readonly counters = { polls: 0, faults: 0, gaps: 0, lines: 0, refused: 0, repeated: 0 };

  constructor(options: PollOptions, context: SourceContext, tuning: RetryTuning) {
    this.options = options;
    this.context = context;
    this.tuning = tuning;
    this.name = options.name;
    this.shownGap = new ShownGap(context.now);
    this.limit = options.limit;
    this.url = new URL(options.url);
    this.redact = createRedactor(this.url, options.headers);
    this.allowHosts = options.allow_hosts ?? [this.url.host];
    // The cursor belongs to the address: another one begins at its own start.
    this.statePath = join(context.stateDir, `poll-${idPrefix(plain(this.url).href)}.json`);
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  status(): SourceStatus {
    return {
      kind: 'poll',
      state: this.state,
      message: this.message || this.shownGap.message(),
      lastEventAtMs: this.lastEventAtMs,
      counters: { ...this.counters },
    };
  }

  async check(): Promise<string> {
    const where = shown(this.url);
    try {
      const state = await readPollState(this.statePath);
      const known = this.api === 'cursor' ? 'cursor' : 'unknown';
      const page = this.isList ? null : await this.askLog(state?.cursor ?? null, known);
      if (page !== null)
        return `${where} answers: GET /logs, followed by its cursor; ${counted(page.entries.length, 'line')} now`;
      const found = await new ListReader(this.access(), state?.list).check();
      return `${where} answers: ${this.isList ? '' : 'no GET /logs, '}${found}`;
    } catch (error) {
      throw new Error(
        this.redact(
          `${where}: ${(error as Error).message.replace(/\.$/, '')}. Check the address, and that the server behind it is running.`,
        ),
      );
    }
  }

  /** The config says how to read a list: then there is no log API to look for. */
  private get isList(): boolean {
    const { entries, next, cursor_parameter, since, format } = this.options;
    return [entries, next, cursor_parameter, since, format].some((setting) => setting !== undefined);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = this.options.every_seconds * 1000;
      try {
        if (await this.poll()) waitMs = 0;
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        waitMs = this.failed(error as Error, failures++);
      }
      await sleep(waitMs, signal);
    }
  }

  /** Notes a fault and gives the time to wait. */
  private failed(error: Error, failuresBefore: number): number {
    this.counters.faults++;
    this.state = 'waiting';
    const message = this.redact(error.message);
    this.message = `${shown(this.url)}: ${message}`;
    // Asking for less is the way past a page that does not fit.
    if (error instanceof PollError && error.code === 'too_large') this.limit = Math.max(1, this.limit >> 1);
    // The next contact finds out whether there is a GET /logs by now.
    if (this.api === 'list') this.api = 'unknown';
    const asked = error instanceof PollError ? error.retryAfterMs : null;
    const waitMs = asked ?? backoffMs(failuresBefore, this.context.random, this.tuning);
    this.context.log.warn({ source: this.name, wait_ms: Math.round(waitMs), error: message }, 'poll failed');
    return waitMs;
  }

  /** One poll; true when there is more to read at once. */
  private async poll(): Promise<boolean> {
    if (this.api === 'unknown') {
      const state = await readPollState(this.statePath);
      this.cursor = state?.cursor ?? null;
      this.list ??= new ListReader(this.access(), state?.list);
    }
    this.counters.polls++;
    const limit = this.limit;
    const page = this.api === 'list' || this.isList ? null : await this.askLog(this.cursor, this.api);
    this.api = page === null ? 'list' : 'cursor';
    return page === null ? this.pollList() : this.takeLog(page, limit);
  }

  private async pollList(): Promise<boolean> {
    const { isTaken, newEntries, repeated, hasMore } = await this.list!.poll();
    if (!isTaken) return false;
    this.counters.repeated += repeated;
    this.noteTaken(newEntries);
    return hasMore;
  }

  private async takeLog(page: Page, limit: number): Promise<boolean> {
    const { length } = page.entries;
    if (page.next !== null && page.next === this.cursor && length > 0) {
      throw new PollError('cursor', `the answer has entries, but the cursor stays at ${page.next}`);
    }
    if (this.cursor !== null && page.oldest !== null && isBefore(this.cursor, page.oldest)) {
      this.gap(`entries between cursor ${this.cursor} and ${page.oldest} are no longer available`);
    }
    // The same after a crash, when the page of this cursor comes again.
    const prefix = idPrefix(`${plain(this.url).href}\n${this.cursor ?? ''}`);
    if (length > 0 && !(await this.ingest(page.pieces, { prefix, next: 1 }))) return false;
    if (page.next !== null && page.next !== this.cursor) {
      await this.save({ cursor: page.next });
      this.cursor = page.next;
    }
    this.noteTaken(length);
    // Grows slowly, or every other page would be too large again.
    if (length > 0) this.limit = Math.min(this.options.limit, this.limit + Math.ceil(this.limit / 16));
    return length > 0 && (page.more || length >= limit);
  }

  private noteTaken(entries: number): void {
    this.state = 'ready';
    this.message = '';
    if (entries === 0) return;
    this.counters.lines += entries;
    this.lastEventAtMs = this.context.now();
  }

  /** A page of `GET /logs`; null: there is no such log API. */
  private async askLog(cursor: string | null, known: PollSource['api']): Promise<Page | null> {
    const logs = new URL(this.url);
    logs.pathname = `${logs.pathname.replace(/\/$/, '')}/logs`;
    logs.searchParams.set('limit', String(this.limit));
    if (cursor !== null) logs.searchParams.set('after', cursor);
    const answer = await this.fetch(logs);
    // An API that once had cursors does not lose them; 404 is then a fault like any other.
    const isFirst = known === 'unknown' && cursor === null;
    if (isFirst && NO_LOG_API.includes(answer.status)) return null;
    if (answer.status === 410) return this.forgotten();
    let page: Page;
    try {
      page = await this.readOk(answer, null, true);
    } catch (error) {
      // Some servers answer every path with their start page.
      if (isFirst && error instanceof PollError && error.code === 'content') return null;
      throw error;
    }
    if (page.next !== null) return page;
    if (!isFirst) throw new PollError('cursor', 'the answer has no cursor');
    // Some old APIs answer every path alike.
    return null;
  }

  /** 410: the API does not know our cursor any more. */
  private forgotten(): Page {
    if (this.cursor === null) throw new PollError('status', 'status 410');
    this.gap(`the log API no longer has cursor ${this.cursor}; reading restarts at its oldest entry`);
    this.cursor = null;
    return EMPTY_PAGE;
  }

  private access() {
    return {
      options: this.options,
      url: this.url,
      fetch: (url: URL) => this.fetch(url),
      read: (answer: PollAnswer, path: string | null) => this.readOk(answer, path),
      ingest: (body: IngestRequest['body'], ids?: RecordIds) => this.ingest(body, ids),
      save: (list: NonNullable<PollState['list']>) => this.save({ list }),
    };
  }

  private save(state: Omit<PollState, 'url'>): Promise<void> {
    return writePollState(this.statePath, { url: shown(this.url), ...state });
  }

  private fetch(url: URL): Promise<PollAnswer> {
    return fetchPage(url, {
      timeoutMs: this.options.timeout_seconds * 1000,
      bodyBytesMax: this.options.body_bytes_max,
      allowHosts: this.allowHosts,
      headers: this.options.headers,
      signal: this.stopping.signal,
    });
  }

  private async readOk(answer: PollAnswer, path: string | null, isLogApi = false): Promise<Page> {
    if (answer.status === 200) {
      const { encoding, entries, next, body_bytes_max: bodyBytesMax } = this.options;
      const wrapper = entries ?? path ?? undefined;
      const detect = {
        ...detectOptionsOf(this.options, this.context.detecting),
        ...(wrapper === undefined ? {} : { wrapper }),
      };
      return readPage(answer, { detect, encoding, bodyBytesMax, next, isLogApi });
    }
    const start = JSON.stringify(answer.body.toString('latin1', 0, 200));
    const asked = answer.status === 429 || answer.status >= 500 ? answer.headers.get('retry-after') : null;
    throw new PollError(
      'status',
      `status ${answer.status}: ${start}`,
      retryAfterMs(asked, this.context.now()),
    );
  }

  /** False when stopped before all was taken: the cursor must then stay. */
  private async ingest(body: IngestRequest['body'], ids?: RecordIds): Promise<boolean> {
    const taken = await ingestWithRetry({
      body,
      ...(ids === undefined ? {} : { ids }),
      source: this.name,
      context: this.context,
      signal: this.stopping.signal,
      onWait: (message) => {
        this.counters.refused++;
        this.state = 'waiting';
        this.message = message;
        this.context.log.warn({ source: this.name }, message);
      },
      tuning: this.tuning,
    });
    return taken !== null;
  }

  private gap(what: string): void {
    this.counters.gaps++;
    const message = `gap: ${what}. Poll more often, or make the log API keep its entries for longer.`;
    this.shownGap.set(message);
    this.context.log.warn({ source: this.name }, message);
  }
}

const ID_HEX_DIGITS = 16;

function idPrefix(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, ID_HEX_DIGITS);
}

/** Only for cursors that are numbers; others can't be compared. */
function isBefore(cursor: string, oldest: string): boolean {
  return /^\d{1,30}$/.test(cursor) && /^\d{1,30}$/.test(oldest) && BigInt(cursor) < BigInt(oldest);
}
