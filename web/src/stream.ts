/** Server-sent events over fetch: unlike the browser's EventSource, it reports why the server refused. */
import { ApiError, request } from './api.ts';

export interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

/** A connection that brings nothing for this long is taken for dead: a laptop that slept gets no error. */
const SILENCE_MS = 60_000;

/** Cuts the text of a stream into events; a line may end in the middle of a chunk. */
export class EventParser {
  #rest = '';
  #id = '';
  #name = '';
  #data: string[] = [];

  push(chunk: string): StreamEvent[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: StreamEvent[] = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line !== '') this.#field(line);
      else if (this.#data.length > 0) {
        events.push({ id: this.#id, name: this.#name || 'message', data: this.#data.join('\n') });
        this.#data = [];
        this.#name = '';
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#name = value;
    else if (name === 'id') this.#id = value;
  }
}

/** Reads until the stream ends or fails, which both reject: a live stream has no good end. */
export async function readStream(
  path: string,
  lastId: string,
  signal: AbortSignal,
  onEvent: (event: StreamEvent) => void,
): Promise<never> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastId) headers['last-event-id'] = lastId;
  try {
    const response = await request(path, { headers, signal: AbortSignal.any([signal, silence.signal]) });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ApiError(0, 'stream_ended', 'The live connection was closed.');
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      for (const event of parser.push(value)) onEvent(event);
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(0, 'stream_lost', 'The live connection was lost.');
  } finally {
    clearTimeout(timer);
  }
}
