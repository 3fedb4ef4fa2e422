import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../telemetry/system-error.ts';
import type { KafkaConnectionConfig } from './config.ts';
import { KafkaAccessError } from './errors.ts';

/** What the files of `tls` hold, as PEM. */
export interface TlsFiles {
  ca: string | undefined;
  /** Our own certificate, with those that lead to its authority, and its key. */
  own: { certificate: string; key: KeyObject } | undefined;
}

/** Reads the files; rejects with a KafkaAccessError that names the one that can't be used, and `section` of the config. */
export async function readTlsFiles(
  tls: NonNullable<KafkaConnectionConfig['tls']>,
  section: string,
): Promise<TlsFiles> {
  const { ca_file, cert_file, key_file } = tls;
  const ca = ca_file === undefined ? undefined : await readFileOf(`${section}tls.ca_file`, ca_file);
  // OpenSSL takes a file without any for one with no authorities, and then trusts nobody.
  if (ca !== undefined) certificateOf(`${section}tls.ca_file`, ca_file!, ca);
  if (cert_file === undefined || key_file === undefined) return { ca, own: undefined };
  const certificate = await readFileOf(`${section}tls.cert_file`, cert_file);
  const first = certificateOf(`${section}tls.cert_file`, cert_file, certificate);
  const key = keyOf(`${section}tls.key_file`, key_file, await readFileOf(`${section}tls.key_file`, key_file));
  if (!first.checkPrivateKey(key))
    throw new KafkaAccessError(
      `${section}tls.key_file: the key in ${key_file} does not belong to the first certificate in ${cert_file}`,
    );
  return { ca, own: { certificate, key } };
}

async function readFileOf(setting: string, path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: Error) => {
    throw new KafkaAccessError(`${setting}: ${path} can't be read: ${reasonOf(error)}`);
  });
}

function certificateOf(setting: string, path: string, pem: string): X509Certificate {
  try {
    // Without this line it could be DER, which is a certificate too, but not for TLS.
    if (pem.includes('-----BEGIN')) return new X509Certificate(pem);
  } catch {
    // Said below.
  }
  throw new KafkaAccessError(`${setting}: ${path} holds no certificate in PEM form ("BEGIN CERTIFICATE")`);
}

function keyOf(setting: string, path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (/ENCRYPTED/.test(pem) || (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE')
      throw new KafkaAccessError(
        `${setting}: the key in ${path} is encrypted. Give one without a passphrase (openssl pkey -in KEY -out NEW) that only ` +
          'this user may read',
      );
    throw new KafkaAccessError(`${setting}: ${path} holds no private key in PEM form ("BEGIN PRIVATE KEY")`);
  }
}
