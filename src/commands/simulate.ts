import { runSimulator, type SimulatorOptions, SimulatorUsageError } from '../app/app.ts';
import { now } from '../system/clock.ts';
import { UsageError } from '../telemetry/errors.ts';
import { type CommonOptions, print } from './context.ts';
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

/** `simulate`: the simulated shop: serves the log API, posts to a collector, or writes a file. */
export async function simulate(options: SimulateOptions): Promise<void> {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const number = (name: string, text: string | undefined) => {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new UsageError(`--${name} "${text}" is not a number.`);
    return value;
  };
  const modes = [options.out, options.post, options.writeDataset, options.serve].filter(
    (mode) => mode !== undefined,
  );
  if (modes.length > 1) throw new UsageError('Choose one of --serve, --post, --out and --write-dataset.');
  // A number of lines and nowhere to put them: they are shown.
  const out = options.out ?? (modes.length === 0 && options.count !== undefined ? '-' : undefined);
  const startMs = options.start === undefined ? undefined : Date.parse(options.start);
  if (Number.isNaN(startMs)) throw new UsageError(`--start "${options.start}" is not a time: use ISO 8601.`);
  const rates = {
    late: number('late', options.late),
    veryLate: number('very-late', options.veryLate),
    duplicate: number('duplicate', options.duplicate),
    outOfOrder: number('out-of-order', options.outOfOrder),
    malformed: number('malformed', options.malformed),
  };
  const given = <T extends object>(object: T) =>
    Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
  const simulator = given({
    mode: out ? 'file' : options.post ? 'post' : options.writeDataset ? 'dataset' : 'serve',
    path: out ?? options.writeDataset,
    url: options.post,
    dataset: options.dataset,
    count: number('count', options.count),
    rate: number('rate', options.rate),
    seed: number('seed', options.seed),
    port: number('port', options.port) ?? (out || options.post || options.writeDataset ? undefined : 5000),
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
    const text = `${report.lines} lines in ${report.seconds.toFixed(1)} s.`;
    // Nothing comes between the lines and a program that reads them.
    if (out === '-') writeError(`${text}\n`);
    else print(options, report, () => text);
  } catch (error) {
    if (error instanceof SimulatorUsageError) throw new UsageError(error.message);
    throw error;
  }
}
