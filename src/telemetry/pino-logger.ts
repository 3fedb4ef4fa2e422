import { pino } from 'pino';
import type { Logger } from './logger.ts';
import { printable, printableJson } from './printable.ts';

/** JSON lines to stderr, or lines `forPeople`. Values of keys that hold secrets are cut out, wherever they are. */
export function createLogger(level: string, forPeople = false): Logger & { flush(): void } {
  const destination = pino.destination({ dest: 2, sync: true });
  // A device that is full or gone costs lines of the log, and must not end the work that they are about.
  let broken = false;
  destination.on('error', () => {
    broken = true;
  });
  const logger = pino(
    {
      level,
      base: null,
      // It may go to a terminal, with text that others have sent.
      hooks: { streamWrite: forPeople ? readableLine : printableJson },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'token',
          'key',
          'api_key',
          'password',
          'authorization',
          '*.token',
          '*.key',
          '*.password',
          '*.authorization',
          'req.headers.authorization',
        ],
        censor: '[secret]',
      },
    },
    destination,
  );
  return Object.assign(logger as unknown as Logger, {
    flush() {
      // On a device that takes nothing the library would try for ever.
      if (!broken) destination.flushSync?.();
    },
  });
}

/** "10:15:30 warning: what happened (name: value)" from a JSON line. */
export function readableLine(json: string): string {
  const { time, level, msg, err, ...rest } = JSON.parse(json) as Record<string, unknown> & {
    err?: { message?: string };
  };
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const grade = level === 'info' || level === 'debug' ? '' : level === 'warn' ? 'warning: ' : 'error: ';
  const values = Object.entries({ ...rest, ...(err?.message ? { reason: err.message } : {}) }).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = `${grade}${msg ?? ''}${values.length > 0 ? ` (${values.join(', ')})` : ''}`;
  return `${clock} ${printable(text)}\n`;
}
