/** A server can't be fetched, started or stopped. The message says why and what to do; it needs no stack trace. */
export class ServiceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ServiceError';
  }
}
