import LinkHeader from 'http-link-header';
import { PollError, plain } from './fetch-page.ts';

/** Where the next page is: a value for the cursor parameter, or an address. */
export type Position = { readonly cursor: string } | { readonly href: string };

/** The address in a `Link` header that has the relation "next"; null: there is none. */
export function linkNext(header: string | null): string | null {
  if (header === null) return null;
  try {
    return LinkHeader.parse(header).rel('next')[0]?.uri ?? null;
  } catch {
    throw new PollError('cursor', "the Link header of the response can't be read");
  }
}

/**
 * What an answer names as its next page, which it gave at `from`. An address must be on the same server: else an answer could
 * have keys sent elsewhere.
 */
export function positionOf(next: string, from: URL, configured: URL): Position {
  if (!/^(https?:\/\/|[/?.])/i.test(next)) return { cursor: next };
  let target: URL;
  try {
    target = new URL(next, from);
  } catch {
    throw new PollError('cursor', "the address of the next page can't be read");
  }
  // Behind a proxy, servers often name themselves with http.
  if (target.hostname === configured.hostname && target.port === configured.port)
    target.protocol = configured.protocol;
  if (target.origin !== configured.origin)
    throw new PollError('cursor', `the next page is at ${target.origin}, which is not the server of url`);
  return { href: plain(target).href };
}

/** The address of a page. `since`: name and value of the parameter for what is new. */
export function addressOf(
  configured: URL,
  position: Position | null,
  cursorParameter: string,
  since: readonly [string, string] | null,
): URL {
  if (position !== null && 'href' in position) {
    const url = new URL(position.href);
    // For the requests; they are not part of what is saved.
    url.username = configured.username;
    url.password = configured.password;
    return url;
  }
  const url = new URL(configured);
  if (since !== null) url.searchParams.set(since[0], since[1]);
  if (position !== null) url.searchParams.set(cursorParameter, position.cursor);
  return url;
}
