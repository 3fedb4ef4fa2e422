import { protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka';
import { reasonOf } from '../telemetry/system-error.ts';

/** Codes of the protocol that we act on. */
export const CODE = {
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  TOPIC_AUTHORIZATION_FAILED: 29,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_SASL_MECHANISM: 33,
  ILLEGAL_SASL_STATE: 34,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_REQUEST: 42,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  POLICY_VIOLATION: 44,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_PRODUCER_ID_MAPPING: 49,
  SASL_AUTHENTICATION_FAILED: 58,
  UNKNOWN_PRODUCER_ID: 59,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  INVALID_RECORD: 87,
} as const;

/** What no second attempt would change. */
const FINAL: readonly number[] = [
  CODE.MESSAGE_TOO_LARGE,
  CODE.INVALID_TOPIC,
  CODE.RECORD_LIST_TOO_LARGE,
  CODE.TOPIC_AUTHORIZATION_FAILED,
  CODE.CLUSTER_AUTHORIZATION_FAILED,
  CODE.INVALID_TIMESTAMP,
  CODE.UNSUPPORTED_VERSION,
  CODE.INVALID_REQUEST,
  CODE.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  CODE.POLICY_VIOLATION,
  CODE.UNSUPPORTED_COMPRESSION_TYPE,
  CODE.INVALID_RECORD,
];
/** The broker does not know our producer, or not our sequence: nothing was stored. */
const FORGOTTEN: readonly number[] = [
  CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  CODE.INVALID_PRODUCER_EPOCH,
  CODE.INVALID_PRODUCER_ID_MAPPING,
  CODE.UNKNOWN_PRODUCER_ID,
];

export const isFinal = (code: number): boolean => FINAL.includes(code);
export const isForgotten = (code: number): boolean => FORGOTTEN.includes(code);

/** An error of the brokers or of the way to them; the message is for people. */
export class KafkaError extends Error {
  override name = 'KafkaError';
  /** Code of the protocol, or null when no answer came. */
  readonly code: number | null;
  constructor(message: string, code: number | null = null, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** The way to the brokers is closed by TLS or for this user, until somebody changes what the message says. */
export class KafkaAccessError extends KafkaError {
  override name = 'KafkaAccessError';
}

/** What no wait ends: a topic that was deleted, records that the cluster has lost. The message says what to do. */
export class PermanentKafkaError extends KafkaError {
  override name = 'PermanentKafkaError';
}

/** Whether a person must do something; else it may be over by itself. */
export function needsPerson(error: KafkaError): boolean {
  return error instanceof PermanentKafkaError || isDenied(error);
}

/** The topic is not there, as the brokers report it of the topic as a whole. */
export function missingTopic(topic: string): PermanentKafkaError {
  return new PermanentKafkaError(
    `the topic ${topic} does not exist any more; create it again and restart, or set another one`,
    CODE.UNKNOWN_TOPIC_OR_PARTITION,
  );
}

/** The error that a broker's error code stands for. */
export function errorOfCode(code: number, what: string): KafkaError {
  return new KafkaError(`${what}: ${codeText(code)}`, code);
}

/** Whatever the client threw, as one error with the reason in it. */
export function asKafkaError(error: unknown, what: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const code = chainOf(error).find(({ apiCode }) => typeof apiCode === 'number')?.apiCode;
  const reason = code === undefined ? innermost(error) : codeText(code);
  return new KafkaError(`${what}: ${reason}`, code ?? null, error);
}

/** True when the brokers refused us, so that waiting helps nothing. */
export function isDenied(error: KafkaError): boolean {
  const { code } = error;
  return (
    error instanceof KafkaAccessError ||
    code === CODE.TOPIC_AUTHORIZATION_FAILED ||
    code === CODE.CLUSTER_AUTHORIZATION_FAILED
  );
}

function codeText(code: number): string {
  const id = protocolErrorsCodesById[code];
  const known = id === undefined ? undefined : protocolErrors[id];
  return known === undefined ? `error ${code} of the broker` : `${known.message.replace(/\.$/, '')} (${id})`;
}

/** What the library, Node and OpenSSL put into errors. */
export interface AnyError {
  message?: string;
  code?: string;
  apiCode?: number;
  cause?: unknown;
  errors?: unknown[];
  response?: { mechanisms?: string[] };
  cert?: { subjectaltname?: string };
}

/** The innermost reason: "the connection was refused" is more exact than "Cannot connect to any broker". */
function innermost(error: unknown): string {
  const { cause, errors, code } = (error ?? {}) as AnyError;
  const inner = cause ?? errors?.[0];
  return inner === undefined
    ? (reasonOf(error) || code || String(error)).replace(/\.$/, '')
    : innermost(inner);
}

/** The error, and all that it was caused by. */
export function chainOf(error: unknown): AnyError[] {
  if (typeof error !== 'object' || error === null) return [];
  const each = error as AnyError;
  return [each, ...[...(each.errors ?? []), each.cause].flatMap(chainOf)];
}
