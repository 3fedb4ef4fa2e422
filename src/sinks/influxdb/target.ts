import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../../telemetry/system-error.ts';
import { SinkError } from '../sink.ts';
import type { InfluxConfig } from './config.ts';

/** Where points are written to, and as whom. */
export interface InfluxTarget {
  /** Names the place; holds no secret. */
  id: string;
  writeUrl: string;
  /** For people: the server. */
  server: string;
  /** For people: what in it is written to. */
  destination: string;
  /** For people: what one logs in with. */
  login: string;
  /** Header of a login, and what of it must never be shown; no login where the server needs none. */
  authorization(): Promise<Authorization>;
}

export interface Authorization {
  header: string | null;
  secrets: readonly string[];
}

export function influxTargetOf(config: InfluxConfig): InfluxTarget {
  const base = config.url.replace(/\/+$/, '');
  const server = `InfluxDB at ${base}`;
  const url = (path: string, parameters: Record<string, string | undefined>) => {
    const given = Object.entries(parameters).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return `${base}${path}?${new URLSearchParams(given)}`;
  };
  const id = (...parts: (string | undefined)[]) =>
    createHash('sha256')
      .update(JSON.stringify([base, ...parts]))
      .digest('hex')
      .slice(0, 32);
  if (config.database !== undefined) {
    const { database, retention_policy: policy, user, password } = config;
    return {
      id: id('v1', database, policy),
      writeUrl: url('/write', { db: database, rp: policy, precision: 'ns' }),
      server,
      destination:
        policy === undefined ? `database "${database}"` : `database "${database}", policy "${policy}"`,
      login: 'user and password',
      async authorization() {
        if (user === undefined || password === undefined) return { header: null, secrets: [] };
        const header = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
        return { header, secrets: [password, header] };
      },
    };
  }
  const { org, bucket } = config;
  return {
    id: id('v2', org, bucket),
    writeUrl: url('/api/v2/write', { org, bucket, precision: 'ns' }),
    server,
    destination: `bucket "${bucket}" of org "${org}"`,
    login: 'token',
    async authorization() {
      const token = config.token ?? (await readToken(config.token_file!));
      return { header: `Token ${token}`, secrets: [token, ...token.split(':').slice(1)] };
    },
  };
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SinkError(`The token_file ${file} of InfluxDB can't be read: ${reasonOf(error)}.`);
  });
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new SinkError(`The token_file ${file} of InfluxDB does not hold a token on one line.`);
  return token;
}
