import type { IncomingHttpHeaders } from 'node:http';

const STRUCTURED = /^application\/cloudevents(-batch)?\+json\b/i;
const ATTRIBUTE = 'ce-';
/** Names of the attributes are of these (https://github.com/cloudevents/spec, CloudEvents 1.0.2, section 3.1). */
const NAME = /^[a-z0-9]{1,64}$/;

/** Whether a request carries CloudEvents, by its headers: in its body, or one that the headers describe. */
export function hasCloudEvents(headers: IncomingHttpHeaders): boolean {
  return STRUCTURED.test(headers['content-type'] ?? '') || headers['ce-specversion'] !== undefined;
}

/**
 * The event of a request in the binary mode of the HTTP binding as one of the structured mode; a body that holds CloudEvents stays as it is.
 * (https://github.com/cloudevents/spec, HTTP protocol binding 1.0.2, section 3.1)
 */
export function structured(headers: IncomingHttpHeaders, body: Buffer): Buffer {
  if (headers['ce-specversion'] === undefined) return body;
  const event: Record<string, unknown> = {};
  for (const [header, value] of Object.entries(headers)) {
    const name = header.slice(ATTRIBUTE.length);
    if (header.startsWith(ATTRIBUTE) && NAME.test(name) && typeof value === 'string')
      event[name] = decoded(value);
  }
  const members = JSON.stringify(event).slice(0, -1);
  // The data are JSON already; what is none makes the record none, and is told so.
  return Buffer.concat([
    Buffer.from(`${members},"data":`),
    body.length > 0 ? body : Buffer.from('null'),
    CLOSE,
  ]);
}

const CLOSE = Buffer.from('}');

/** Values are percent-encoded where they have to be. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // A lone percent sign: it is what it is.
    return value;
  }
}
