import { appendFile, readFile } from 'node:fs/promises';
import { writeFileDurable } from '../system/write-durable.ts';

/** Orders that are remembered: as many as sales are after a restart. */
const ORDERS_MAX = 20_000;

/** Orders of a source that its mapping left out as cancelled. */
interface LeftOutOrders {
  readonly source: string;
  readonly orders: readonly string[];
}

/**
 * Keeps the orders that mappings leave out as cancelled, in a file: no event says it, so after a restart nothing else would report those
 * whose sale counts.
 */
export class LeftOutOrdersFile {
  readonly #path: string;
  /** By source, the newest last. */
  readonly #known = new Map<string, Set<string>>();
  /** Orders in the file: now, and when it was last rewritten. */
  #size = 0;
  #kept = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** Reads the file, where there is one. A line that a crash has cut is passed over. */
  static async open(path: string): Promise<LeftOutOrdersFile> {
    const file = new LeftOutOrdersFile(path);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    for (const line of text.split('\n')) {
      const entry = parsed(line);
      if (entry !== null) file.#size += file.#take(entry).length;
    }
    // What follows the piece of a line would be lost with it.
    if (text !== '' && !text.endsWith('\n')) await file.#rewrite();
    return file;
  }

  /** All that is known. */
  entries(): LeftOutOrders[] {
    return [...this.#known].map(([source, orders]) => ({ source, orders: [...orders].slice(-ORDERS_MAX) }));
  }

  /** Adds orders; resolves when the file has them. */
  async add(entry: LeftOutOrders): Promise<void> {
    const orders = this.#take(entry);
    if (orders.length === 0) return;
    const text = `${JSON.stringify({ source: entry.source, orders })}\n`;
    this.#size += orders.length;
    const write = () =>
      this.#size > Math.max(ORDERS_MAX, this.#kept) * 2
        ? this.#rewrite()
        : appendFile(this.#path, text, { mode: 0o600 });
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }

  /** Those of the orders that are new. */
  #take({ source, orders }: LeftOutOrders): string[] {
    const known = this.#known.get(source) ?? new Set();
    this.#known.set(source, known);
    const fresh = [...new Set(orders)].filter((order) => !known.has(order));
    for (const order of fresh) known.add(order);
    return fresh;
  }

  async #rewrite(): Promise<void> {
    const entries = this.entries();
    this.#known.clear();
    this.#size = entries.reduce((sum, entry) => sum + this.#take(entry).length, 0);
    this.#kept = this.#size;
    await writeFileDurable(this.#path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), 0o600);
  }
}

function parsed(line: string): LeftOutOrders | null {
  try {
    const entry = JSON.parse(line) as Partial<LeftOutOrders> | null;
    if (typeof entry?.source !== 'string' || !Array.isArray(entry.orders)) return null;
    return { source: entry.source, orders: entry.orders };
  } catch {
    // The last line of a crash, or what follows the last line end.
    return null;
  }
}
