import { ApiError } from '../telemetry/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

const PERIOD_MS = 60_000;
/** Wrong keys of one address in a period that are answered one by one. */
const TRIES_MAX = 20;
const ADDRESSES_MAX = 10_000;

interface Tries {
  count: number;
  sinceMs: number;
}

/**
 * Counts wrong keys by address. Past the limit they are answered 429 for the rest of the period, and the first of a period
 * is logged. A right key works all the same: keys are too long to be guessed, and many clients may share the address of
 * a proxy.
 */
export class WrongKeys {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #byAddress = new Map<string, Tries>();

  constructor(logger: Logger, now: () => number = Date.now) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Notes a wrong key; throws ApiError when there have been too many. */
  count(address: string | undefined): void {
    const network = networkOf(address ?? 'unknown');
    const nowMs = this.#now();
    let tries = this.#byAddress.get(network);
    if (tries === undefined || nowMs - tries.sinceMs >= PERIOD_MS) {
      tries = { count: 0, sinceMs: nowMs };
      this.#byAddress.delete(network);
      this.#byAddress.set(network, tries);
      this.#forget();
      this.#logger.warn(
        { address: network },
        'a wrong API key was sent from this address; further ones within a minute are not logged',
      );
    }
    if (++tries.count <= TRIES_MAX) return;
    const seconds = Math.ceil((tries.sinceMs + PERIOD_MS - nowMs) / 1000);
    throw new ApiError(
      'too_many_requests',
      `${TRIES_MAX} wrong API keys came from your address within a minute. Check the key, then try again in ${seconds} s.`,
      seconds,
    );
  }

  /** The oldest go first. */
  #forget(): void {
    for (const network of this.#byAddress.keys()) {
      if (this.#byAddress.size <= ADDRESSES_MAX) return;
      this.#byAddress.delete(network);
    }
  }
}

/** Of an IPv6 address the network: one subscriber has as many addresses as they like. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head.split(':').filter(Boolean);
  if (tail !== undefined) {
    const rest = tail.split(':').filter(Boolean);
    while (groups.length + rest.length < 8) groups.push('0');
    for (const group of rest) groups.push(group);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
