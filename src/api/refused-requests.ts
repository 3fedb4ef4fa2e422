/** Requests that were refused, as they had no valid key, signature or right. */
export interface Refused {
  requests: number;
  last_at: string;
}

/** Counts what would have brought events, and was refused before anything of it was read: by webhook, and all else together. */
export class RefusedRequests {
  readonly #byHook = new Map<string | null, Refused>();

  /** `hook`: a webhook of the config; null for all other addresses. */
  count(hook: string | null, nowMs: number): void {
    const last_at = new Date(nowMs).toISOString();
    const { requests } = this.#byHook.get(hook) ?? { requests: 0 };
    this.#byHook.set(hook, { requests: requests + 1, last_at });
  }

  /** Null where nothing was refused. */
  of(hook: string | null): Refused | null {
    return this.#byHook.get(hook) ?? null;
  }
}
