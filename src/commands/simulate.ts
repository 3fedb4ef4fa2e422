import { RATE_DEFAULT, runSimulator, type SimulatorOptions, SimulatorUsageError } from '../app/app.ts';
import { parseTimeBound, TIME_BOUND_FORMS } from '../event/time-bound.ts';
import { isTimeZone } from '../event/time-zone.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import { counted } from '../telemetry/words.ts';
import { type CommonOptions, print } from './context.ts';
import { decimalNumber, wholeNumberIfGiven } from './numbers.ts';
import { terminalLogger, writeError, writeLines } from './terminal.ts';

export interface SimulateOptions extends CommonOptions {
  out?: string;
  post?: string;
  serve?: boolean;
  dataset?: string;
  writeDataset?: string;
  count?: string;
  rate?: string;
  seed?: string;
  start?: string;
  port?: string;
  truth?: string;
  timeZone?: string;
  late?: string;
  veryLate?: string;
  duplicate?: string;
  outOfOrder?: string;
  malformed?: string;
  onlyRoot?: boolean;
}

const SHARE = { min: 0, max: 1 };
const RATE = { min: 0, max: 1_000_000, isAbove: true };
const PORT_MAX = 65_535;
const START_MS_MAX = Date.UTC(2100, 0, 1);
/** Lines of a file are spread over at most so long. */
const YEARS_MAX = 50;
const SECONDS_MAX = YEARS_MAX * 365 * 86_400;

/** `simulate`: the simulated shop: serves the log API, posts to a collector, or writes a file. */
export async function simulate(options: SimulateOptions): Promise<void> {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const modes = [options.out, options.post, options.writeDataset, options.serve].filter(
    (mode) => mode !== undefined,
  );
  if (modes.length > 1) throw new UsageError('Choose one of --serve, --post, --out and --write-dataset.');
  // A number of lines and nowhere to put them: they are shown.
  const out = options.out ?? (modes.length === 0 && options.count !== undefined ? '-' : undefined);
  const { timeZone = 'UTC' } = options;
  if (!isTimeZone(timeZone))
    throw new UsageError(`--time-zone "${timeZone}" is not an IANA time zone, such as Europe/Berlin.`);
  const startMs = options.start === undefined ? undefined : parseTimeBound(options.start, 'from', timeZone);
  if (startMs === null)
    throw new UsageError(`--start "${options.start}" is not a time. Use ${TIME_BOUND_FORMS}.`);
  if (startMs !== undefined && !(startMs >= 0 && startMs < START_MS_MAX))
    throw new UsageError(`--start "${options.start}" is not between 1970 and 2100.`);
  const share = (option: string, text: string | undefined) => decimalNumber(option, text, SHARE);
  const rates = {
    late: share('--late', options.late),
    veryLate: share('--very-late', options.veryLate),
    duplicate: share('--duplicate', options.duplicate),
    outOfOrder: share('--out-of-order', options.outOfOrder),
    malformed: share('--malformed', options.malformed),
  };
  const count = wholeNumberIfGiven('--count', options.count, 1);
  const rate = decimalNumber('--rate', options.rate, RATE);
  if (out !== undefined && count === undefined && options.dataset === undefined)
    throw new UsageError('--out needs --count, the number of lines.');
  if (out !== undefined && (count ?? 0) / (rate ?? RATE_DEFAULT) > SECONDS_MAX)
    throw new UsageError(
      `At this --rate, ${count} lines span more than ${YEARS_MAX} years. Take a smaller --count, or a larger --rate.`,
    );
  const given = <T extends object>(object: T) =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
  const simulator = given({
    mode: out !== undefined ? 'file' : options.post ? 'post' : options.writeDataset ? 'dataset' : 'serve',
    path: out ?? options.writeDataset,
    url: options.post,
    dataset: options.dataset,
    count,
    rate,
    seed: wholeNumberIfGiven('--seed', options.seed, 0, Number.MAX_SAFE_INTEGER),
    port: wholeNumberIfGiven('--port', options.port, 0, PORT_MAX),
    startMs,
    truthFile: options.truth,
    timeZone: options.timeZone,
    rates: given(rates),
    cursorApi: options.onlyRoot ? false : undefined,
  }) as unknown as SimulatorOptions;
  try {
    const report = await runSimulator(simulator, {
      signal: abort.signal,
      log: terminalLogger('warn'),
      write: writeLines,
      now,
      onReady: (url) => {
        writeError(
          `The log API of the simulated shop is at ${url} (GET / and GET /logs). Ctrl-C stops it.\n`,
        );
      },
    });
    const text = `${counted(report.lines, 'line')} in ${report.seconds.toFixed(1)} s.`;
    // Nothing comes between the lines and a program that reads them.
    if (out === '-') writeError(`${text}\n`);
    else print(options, report, () => text);
  } catch (error) {
    if (error instanceof SimulatorUsageError) throw new UsageError(error.message);
    throw error;
  }
}
