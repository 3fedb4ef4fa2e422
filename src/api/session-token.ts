import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

export const COOKIE = 'tillstream_session';
/** How long a login holds. */
export const SECONDS = 30 * 86_400;

/** A session for a key: proof that its holder had the key, which lasts as long as the key is in the config. */
export function newSession(key: string, nowMs: number): string {
  const head = `${Math.floor(nowMs / 1000) + SECONDS}.${randomBytes(12).toString('base64url')}`;
  return `${head}.${sign(key, head)}`;
}

/** Whether the session was given for the key and is not over. */
export function isSessionOf(key: string, session: string, nowMs: number): boolean {
  const split = session.lastIndexOf('.');
  const head = session.slice(0, Math.max(0, split));
  const given = Buffer.from(session.slice(split + 1));
  const right = Buffer.from(sign(key, head));
  return (
    given.length === right.length && timingSafeEqual(given, right) && Number.parseInt(head, 10) * 1000 > nowMs
  );
}

/** The session that a browser sends, if any. */
export function sessionOf(request: FastifyRequest): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === COOKIE && value) return value;
  }
  return null;
}

function sign(key: string, head: string): string {
  return createHmac('sha256', key).update(`tillstream session ${head}`).digest('base64url');
}
