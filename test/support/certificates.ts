import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { realNow } from './clock.ts';

/** A certificate and its private key, as PEM. */
export interface Identity {
  certificate: string;
  /** PKCS#8, as Java wants it. */
  key: string;
  privateKey: KeyObject;
}

export interface Authority extends Identity {
  name: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const DAY_MS = 86_400_000;
/** In ms from now. */
const VALID = [-DAY_MS, DAY_MS] as const;
const EXPIRED = [-2 * DAY_MS, -DAY_MS] as const;

/** A certificate authority that nobody else trusts. */
export function newAuthority(name: string): Authority {
  const privateKey = newKey();
  const extension = extensionOf('2.5.29.19', true, der(SEQUENCE, der(0x01, Buffer.from([0xff]))));
  const certificate = certify(name, privateKey, { name, privateKey }, VALID, extension);
  return { name, certificate, privateKey, key: pkcs8(privateKey) };
}

/** A certificate for these host names and addresses; the first is its subject as well. */
export function issue(
  authority: Authority,
  names: string[],
  { expired = false, privateKey = newKey() } = {},
): Identity {
  const alternatives = names.map((name) =>
    isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
  );
  const extension = extensionOf('2.5.29.17', false, der(SEQUENCE, ...alternatives));
  const validity = expired ? EXPIRED : VALID;
  const certificate = certify(names[0]!, privateKey, authority, validity, extension);
  return { certificate, privateKey, key: pkcs8(privateKey) };
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }) as string;

/** X.509 by hand (RFC 5280): Node makes keys and signatures, but no certificates, and not every machine has openssl. */
function certify(
  subject: string,
  key: KeyObject,
  issuer: Pick<Authority, 'name' | 'privateKey'>,
  [fromMs, toMs]: readonly [number, number],
  extension: Buffer,
): string {
  const algorithm = der(SEQUENCE, oid('1.2.840.10045.4.3.2'));
  const content = der(
    SEQUENCE,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer.name),
    der(SEQUENCE, time(fromMs), time(toMs)),
    nameOf(subject),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, extension)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', content, issuer.privateKey));
  const base64 = der(SEQUENCE, content, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g)!.join('\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

const nameOf = (name: string) =>
  der(SEQUENCE, der(SET, der(SEQUENCE, oid('2.5.4.3'), der(0x0c, Buffer.from(name)))));

function time(fromNowMs: number): Buffer {
  const text = new Date(realNow() + fromNowMs).toISOString().replaceAll(/^..|[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(text));
}

function extensionOf(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : [];
  return der(SEQUENCE, oid(id), ...flag, der(0x04, value));
}
