import { pino } from 'pino';
import type { Logger } from '../domain/logger.ts';

/** JSON lines to `file`, or to stderr. Values of keys that hold secrets are cut out, wherever they are. */
export function createLogger(level: string, file?: string): Logger & { flush(): void } {
  const destination = pino.destination({ dest: file ?? 2, sync: file === undefined, mkdir: true });
  const logger = pino(
    {
      level,
      base: null,
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
  return Object.assign(logger as unknown as Logger, { flush: () => destination.flushSync?.() });
}
