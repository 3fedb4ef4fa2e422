/** Structured log: fields first, then a sentence. warn = nothing lost; error = data lost or a person is needed. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
