import type { KafkaConnectionConfig } from './config.ts';
import { type AnyError, CODE, chainOf, KafkaAccessError } from './errors.ts';

export interface Attempt {
  config: Pick<KafkaConnectionConfig, 'tls' | 'sasl'>;
  /** How the settings are called in the config: what stands before "tls" and "sasl". */
  section: string;
  /** "broker HOST:PORT". */
  broker: string;
  /** A broker has answered something. Which requests it knows it tells everybody. */
  isAnswered: boolean;
  /** A broker has answered what it tells only those whom it lets in. */
  isLetIn: boolean;
}

/** Codes of OpenSSL for a certificate whose signer is not among those that are trusted. */
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

/** Alerts that are about our certificate, as Node names them. */
const REFUSAL = /^ERR_SSL_.*_ALERT_(.*CERTIFICATE.*|UNKNOWN_CA)$/;

/**
 * The error for people where TLS or the user is why a broker could not be talked to: what is wrong, and what to change.
 * Null where it is something else.
 */
export function accessError(error: unknown, attempt: Attempt): KafkaAccessError | null {
  const chain = chainOf(error);
  const code = chain.find(({ apiCode }) => typeof apiCode === 'number')?.apiCode ?? null;
  const what = saslReason(chain, code, attempt) ?? tlsReason(chain, attempt) ?? closedReason(chain, attempt);
  return what === null ? null : new KafkaAccessError(`${attempt.broker} ${what}`, code, error);
}

function saslReason(chain: AnyError[], code: number | null, { config, section }: Attempt): string | null {
  const { sasl } = config;
  if (sasl === undefined) return null;
  if (code === CODE.SASL_AUTHENTICATION_FAILED)
    return (
      `refused the user ${sasl.username} with ${sasl.mechanism}: the name or the password is wrong, or the user has no ` +
      `password for ${sasl.mechanism}. Check ${section}sasl.username, password and mechanism`
    );
  if (code === CODE.UNSUPPORTED_SASL_MECHANISM) {
    const offered = chain.find(({ response }) => response?.mechanisms)?.response?.mechanisms;
    const others = offered?.length ? `, but ${offered.join(', ')}` : '';
    return `does not offer ${sasl.mechanism} at this port${others}. Change ${section}sasl.mechanism`;
  }
  if (code === CODE.ILLEGAL_SASL_STATE)
    return `asks for no user at this port. Leave out ${section}sasl, or use the port of its SASL listener in ${section}brokers`;
  return null;
}

function tlsReason(chain: AnyError[], { config, section }: Attempt): string | null {
  const has = (test: (error: AnyError) => boolean | undefined) => chain.some(test);
  const setting = `${section}tls`;
  if (has(({ message }) => message?.includes('Broker requires TLS')))
    return `speaks TLS at this port. Set ${setting}, or use the port of a listener without TLS in ${section}brokers`;
  if (config.tls === undefined) return null;
  if (has(({ code }) => code !== undefined && UNTRUSTED.has(code)))
    return config.tls.ca_file
      ? `has a certificate that none of the authorities in ${config.tls.ca_file} signed. Put the one that did into ${setting}.ca_file`
      : `has a certificate of an authority that is not known here. Set ${setting}.ca_file to a PEM file of that authority`;
  const misnamed = chain.find(({ code }) => code === 'ERR_TLS_CERT_ALTNAME_INVALID');
  if (misnamed)
    return (
      `has a certificate for another host${namesIn(misnamed)}. Use a name from it, in ${section}brokers and in the ` +
      'advertised.listeners of the brokers, or give the broker a certificate for this one'
    );
  const dated = chain.find(({ code }) => code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID');
  if (dated)
    return (
      `has a certificate that ${dated.code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}. ` +
      'Give the broker a new one; if it has one, look at the clock of this machine'
    );
  const alert = chain.find(({ code }) => code !== undefined && REFUSAL.test(code));
  if (alert) {
    const name = REFUSAL.exec(alert.code!)![1]!.toLowerCase();
    return config.tls.cert_file
      ? `refuses our certificate (TLS alert ${name}). ${setting}.cert_file must be valid, and of an authority that the broker trusts`
      : `requires a client certificate (TLS alert ${name}). Set ${setting}.cert_file and ${setting}.key_file`;
  }
  if (
    has(
      ({ message, code }) =>
        message?.includes('before secure TLS') || code === 'ERR_SSL_WRONG_VERSION_NUMBER',
    )
  )
    return (
      `broke off the TLS handshake, as one does that speaks no TLS at this port. Leave out ${setting}, or use the port of its ` +
      `SSL or SASL_SSL listener in ${section}brokers`
    );
  return null;
}

/** Brokers that miss something of us mostly hang up without a word. */
function closedReason(chain: AnyError[], { config, section, isAnswered, isLetIn }: Attempt): string | null {
  const isClosed = ({ message, code }: AnyError) =>
    message === 'Connection closed' || code === 'ECONNRESET' || code === 'EPIPE';
  if (isLetIn || !chain.some(isClosed)) return null;
  const { tls, sasl } = config;
  const missing = [
    ...(isAnswered || tls ? [] : [`TLS (${section}tls)`]),
    ...(isAnswered || !tls || tls.cert_file ? [] : [`a client certificate (${section}tls.cert_file)`]),
    ...(sasl ? [] : [`a user (${section}sasl)`]),
  ];
  if (missing.length === 0) return null;
  return `closed the connection without an answer. At this port it may require ${missing.join(' or ')}`;
}

/** The names that the certificate is for, with a space before. */
function namesIn({ cert }: AnyError): string {
  const names = cert?.subjectaltname?.replaceAll(/(DNS|IP Address):/g, '');
  return names ? ` (${names})` : '';
}
