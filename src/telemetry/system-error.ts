/** Errors of the operating system in plain words: a code such as ENOENT means nothing to most people. */

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the port is in use by another program',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EAI_AGAIN: 'the name of the host can’t be looked up at the moment',
  EBUSY: 'it is in use',
  ECONNABORTED: 'the connection was broken off',
  ECONNREFUSED: 'the connection was refused: nothing listens there',
  ECONNRESET: 'the connection was broken off by the other side',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'it exists already',
  EFBIG: 'the file would be larger than is allowed',
  EHOSTUNREACH: 'the host can’t be reached',
  EINVAL: 'the system does not accept it',
  EIO: 'the disk reports an error',
  EISDIR: 'it is a folder, not a file',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENETUNREACH: 'the network can’t be reached',
  ENFILE: 'too many files are open',
  ENOENT: 'there is no such file or folder',
  ENOMEM: 'the memory is used up',
  ENOSPC: 'the disk is full',
  ENOTCONN: 'the connection was broken off',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOTEMPTY: 'the folder is not empty',
  ENOTFOUND: 'there is no host of that name',
  EPERM: 'the system does not permit it',
  EPIPE: 'the other side has closed the connection',
  EROFS: 'the file system is read-only',
  ETIMEDOUT: 'there was no answer in time',
  ETXTBSY: 'the program is in use',
  UND_ERR_BODY_TIMEOUT: 'the answer did not end in time',
  UND_ERR_CONNECT_TIMEOUT: 'there was no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'there was no answer in time',
  UND_ERR_SOCKET: 'the connection was broken off by the other side',
};

/** What an error of the system, or of a connection, carries beside its message. */
type SystemError = Error & { code?: unknown; path?: unknown; syscall?: unknown };

/** Whether the system, and not the program, is the origin of the error. */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as SystemError).code === 'string' && wordsOf(error) !== null;
}

/** What was wrong, without the path or address, for messages that name it; any other error's own message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = wordsOf(error);
  if (words !== null) return words;
  // "fetch failed" and the like say less than what they were caused by.
  if (error.cause instanceof Error && wordsOf(error.cause) !== null) return wordsOf(error.cause)!;
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message;
}

/** A whole message for people: with the path at fault where the error has one. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of several that failed, the first one comes first.
  if (error instanceof SuppressedError) return `${messageOf(error.suppressed)}; ${messageOf(error.error)}`;
  const { path } = error as SystemError;
  const words = wordsOf(error);
  if (words === null) return error.message;
  return typeof path === 'string' && path !== '' ? `${path}: ${words}` : words;
}

function wordsOf({ code, syscall }: SystemError): string | null {
  if (typeof code !== 'string') return null;
  if (code === 'ENOENT' && typeof syscall === 'string' && syscall.startsWith('spawn'))
    return 'there is no such program';
  return WORDS[code] ?? null;
}

/** Why nothing can be listened to at host and port, and what to do. `settings` names where they are set. */
export function listenFailure(
  error: unknown,
  { host, port, settings }: { host: string; port: number; settings: string },
): string {
  const code = error instanceof Error ? (error as SystemError).code : undefined;
  const what = `Port ${port} of ${host}`;
  if (code === 'EADDRINUSE') return `${what} is in use by another program. Set ${settings}.`;
  if (code === 'EACCES' && port < 1024)
    return `${what} can't be opened: ports below 1024 are for root. Set ${settings} to 1024 or more; a proxy can forward the port to it.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${what} can't be opened: this machine does not have the address ${host}. Use 127.0.0.1, or an address of this machine.`;
  return `${what} can't be opened: ${reasonOf(error)}. Set ${settings}.`;
}
