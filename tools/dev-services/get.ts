import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import { getCACertificates } from 'node:tls';

const MS_MAX = 600_000;
const REDIRECTS_MAX = 5;

/**
 * The body at an address. Unlike fetch it also trusts the certificates of the system, as Maven and Go do: behind a proxy
 * of a company all of them work, or none does.
 */
export async function get(url: string): Promise<Buffer> {
  const signal = AbortSignal.timeout(MS_MAX);
  let address = new URL(url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const request =
      address.protocol === 'https:'
        ? https.get(address, {
            signal,
            ca: [...getCACertificates('default'), ...getCACertificates('system')],
          })
        : http.get(address, { signal });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) return buffer(answer);
    answer.destroy();
    if (statusCode < 300 || statusCode > 399 || !headers.location)
      throw new Error(`${address.host} answered ${statusCode}`);
    address = new URL(headers.location, address);
  }
  throw new Error(`${address.host} redirects too often`);
}
