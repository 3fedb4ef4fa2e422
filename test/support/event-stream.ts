import { get, type IncomingMessage } from 'node:http';

export interface StreamEvent {
  id: string | null;
  event: string;
  data: Record<string, unknown>;
}

/** A client of a live stream (SSE) that keeps what comes. */
export class EventStream {
  readonly events: StreamEvent[] = [];
  response!: IncomingMessage;
  isOver = false;

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const stream = new EventStream();
    stream.response = await new Promise((resolve, reject) => {
      get(url, { headers, agent: false }, resolve).on('error', reject);
    });
    const { response } = stream;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
        const data = field('data');
        if (data !== undefined)
          stream.events.push({ id: field('id') ?? null, event: field('event')!, data: JSON.parse(data) });
      }
    });
    response.on('close', () => {
      stream.isOver = true;
    });
    response.on('error', () => {});
    return stream;
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== null)?.id ?? '';
  }

  points(metric: string): Record<string, unknown>[] {
    return this.events
      .filter(({ event }) => event === 'points')
      .flatMap(({ data }) => data.points as Record<string, unknown>[])
      .filter((point) => point.metric === metric);
  }

  close(): void {
    this.response.destroy();
  }
}
