#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { completion } from './commands/completion.ts';
import { CommandError } from './commands/context.ts';
import { endOnBrokenOutput, writeError, writeJson, writeOut, wroteOutput } from './commands/terminal.ts';
import { DEFAULT_DATA_TEXT } from './system/own-files.ts';
import { VERSION } from './system/version.ts';
import { ApiError, ComponentError, hintElsewhere, UsageError } from './telemetry/errors.ts';
import { didYouMean } from './telemetry/nearest.ts';
import { isSystemError, messageOf } from './telemetry/system-error.ts';
import { alternatives } from './telemetry/words.ts';

const FROM =
  "first day (2026-11-23) or time (2026-11-23T10:15), in the shop's time zone unless it has its own (Z, +01:00)";
const TO = 'last day (inclusive), or end time (exclusive)';

/** Where `up` listens, unless its config says otherwise. */
const OWN_URL = `http://127.0.0.1:${process.env.TILLSTREAM_PORT || 8080}`;

/** Where commands are. One is loaded when it runs: all of them take longer to load than most take to run. */
const COMMANDS = {
  down: () => import('./commands/down.ts'),
  export: () => import('./commands/export.ts'),
  inspect: () => import('./commands/inspect.ts'),
  load: () => import('./commands/load.ts'),
  maintenance: () => import('./commands/maintenance.ts'),
  map: () => import('./commands/map.ts'),
  services: () => import('./commands/services.ts'),
  simulate: () => import('./commands/simulate.ts'),
  up: () => import('./commands/up.ts'),
};

/** A command of one of these. */
function command<Commands, Args extends unknown[]>(
  load: () => Promise<Commands>,
  choose: (commands: Commands) => (...args: Args) => unknown,
): (...args: Args) => Promise<void> {
  return async (...args) => void (await choose(await load())(...args));
}

/** Adds the options that every command takes. */
function common(command: Command): Command {
  return command
    .option('--json', 'print one JSON document to stdout, and nothing else')
    .option(
      '--config <file>',
      'YAML config file (default: TILLSTREAM_CONFIG, otherwise config.yaml in the data folder)',
    )
    .option('--data <dir>', `data folder (default: TILLSTREAM_DATA, otherwise ${DEFAULT_DATA_TEXT})`);
}

/** Adds examples to the end of a command's help. */
function examples(command: Command, ...lines: string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

const program = new Command('tillstream')
  .description(
    'Turns the events of an online shop into an archive that any data tool can open, and into live metrics.',
  )
  .version(VERSION, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'print the help of a command')
  .showSuggestionAfterError()
  .configureOutput({ writeOut, writeErr: writeError })
  .exitOverride()
  .hook('preAction', (_, command) => refuseEmpty(command))
  .addHelpText(
    'after',
    `
A command connects to the process that has its data folder open.
If none is running, it opens the folder itself.
Every command except completion takes --json, --config FILE and --data DIR.

Exit codes: 0 success; 1 failure; 2 wrong usage or config.
Environment: TILLSTREAM_CONFIG, TILLSTREAM_DATA, TILLSTREAM_PORT.

Examples:
  tillstream up --demo                      a simulated shop at ${OWN_URL}
  tillstream load events.csv --dry-run      show what would be stored
  tillstream query revenue --from 2026-11-01
  tillstream help query`,
  );

examples(
  common(program.command('up').description('run the pipeline until Ctrl-C, or in the background'))
    .option('--background', 'return when it is ready, and keep it running in the background')
    .option(
      '--demo',
      'in a new data folder without a config: run a simulated shop, which accepts no other events',
    )
    .option(
      '--with <list>',
      'also start and use these servers on this machine: kafka, hdfs, s3, yarn, spark, influxdb, separated by commas, or all',
    )
    .option(
      '--roles <list>',
      'run only these roles: collect, archive, metrics, serve; other processes run the rest',
    ),
  'tillstream up                             with the config of the data folder, if there is one',
  'tillstream up --background --config shop.yaml',
  'tillstream up --with kafka,influxdb       real servers; needs Java 17 and Maven',
  'tillstream up --roles collect             one of several processes that share the work over Kafka',
).action(command(COMMANDS.up, ({ up }) => up));
common(
  program
    .command('down')
    .description('stop the process of the data folder, after it has processed what it received'),
).action(command(COMMANDS.down, ({ down }) => down));
common(
  program
    .command('status')
    .description('show whether it is running, the state of its components, and what is waiting'),
).action(command(COMMANDS.inspect, ({ status }) => status));
common(
  program.command('check').description('test the config and every component once; changes nothing'),
).action(command(COMMANDS.maintenance, ({ check }) => check));
common(
  program
    .command('doctor')
    .description('like check, but also check the machine; shows problems and their solutions'),
).action(command(COMMANDS.maintenance, ({ doctor }) => doctor));
/** An option with one of these values. */
function choice(flags: string, description: string, values: string[]): Option {
  return new Option(flags, description).choices(values).argParser((value: string) => {
    if (values.includes(value)) return value;
    throw new InvalidArgumentError(`Use ${alternatives(values)}.`);
  });
}

/** Adds the options that say how files are read. */
function reading(command: Command): Command {
  return command
    .option(
      '--map <name>',
      'mapping that turns the records into events: a preset ("map list"), or a YAML file',
    )
    .option('--format <name>', 'format of the files (default: detected)')
    .option('--encoding <name>', 'encoding of the files, such as latin1 (default: UTF-8; UTF-16 is detected)')
    .option('--delimiter <character>', 'CSV: character between cells (default: detected)')
    .option('--columns <names>', 'CSV: column names, separated by commas, if line 1 has none')
    .option('--time-zone <zone>', "time zone of times without one (default: the shop's)")
    .addOption(choice('--date-order <order>', 'order of dates such as 11/1/2024', ['mdy', 'dmy', 'ymd']))
    .addOption(choice('--decimal <separator>', 'decimal separator of amounts', ['.', ',']))
    .option('--currency <code>', 'currency of events without one');
}

examples(
  reading(
    common(
      program
        .command('load')
        .argument(
          '<files...>',
          'files, folders or patterns; - is stdin. The format is detected from the content',
        )
        .description('store the events in files'),
    )
      .option('--dry-run', 'show what would be stored and rejected; stores nothing')
      .option(
        '--again',
        'read files that were loaded before once more; events already stored count as duplicates',
      ),
  ),
  'tillstream load orders-2026.csv --dry-run',
  'tillstream load export.csv --time-zone Europe/Berlin --date-order dmy --decimal ,',
  'tillstream load 2019-Nov.csv.gz --map rees46',
  'tillstream load history/*.ndjson.gz --json',
).action(command(COMMANDS.load, ({ load }) => load));
const map = program.command('map').description('mappings: how records of other systems become events');
common(map.command('list').description('list the presets')).action(
  command(COMMANDS.map, ({ mapList }) => mapList),
);
examples(
  common(
    map
      .command('show')
      .argument('<name>', 'a preset of "map list"')
      .description('print a preset, as a start for your own mapping'),
  ),
  'tillstream map show segment > mappings/shop.yaml',
).action(command(COMMANDS.map, ({ mapShow }) => mapShow));
examples(
  reading(
    common(
      map
        .command('try')
        .argument('<files...>', 'files, folders or patterns; - is stdin')
        .description('show what a mapping makes of files; stores nothing'),
    ),
  ),
  'tillstream map try export.ndjson --map ./mappings/shop.yaml',
).action(command(COMMANDS.map, ({ mapTry }) => mapTry));
examples(
  reading(
    common(
      map
        .command('guess')
        .argument('<file>', 'a file; - is stdin')
        .description('propose a mapping for a file: a preset, or a draft of your own'),
    ),
  ),
  'tillstream map guess export.csv',
).action(command(COMMANDS.map, ({ mapGuess }) => mapGuess));
common(map.command('schema').description('print the JSON Schema of mappings, for editors')).action(
  command(COMMANDS.map, ({ mapSchema }) => mapSchema),
);
common(
  program
    .command('export')
    .description('write the archived events as NDJSON, to load them elsewhere; stop "up" first'),
)
  .requiredOption('--out <folder>', 'new or empty folder for the files, one for each date')
  .option('--from <date>', 'first date, UTC (2026-11-23)')
  .option('--to <date>', 'last date, UTC, inclusive')
  .action(command(COMMANDS.export, ({ exportEvents }) => exportEvents));
examples(
  common(
    program
      .command('query')
      .argument('[metric]', 'name of the metric (default: list the metrics)')
      .description('show the rows of a metric'),
  )
    .option('--window <size>', 'size of the windows: 1m, 1h or 1d (default 1d)')
    .option('--from <time>', FROM)
    .option('--to <time>', TO)
    .option('--total', 'one row for the whole range instead of one for each window')
    .option('--top <n>', 'with --total: only the best n keys, 1 to 1000; the rest is "other"'),
  'tillstream query revenue --from 2026-11-01 --to 2026-11-30',
  'tillstream query traffic --window 1h --from 2026-11-23T08:00',
  'tillstream query sales --total --top 10 --json',
).action(command(COMMANDS.inspect, ({ query }) => query));
common(
  program
    .command('ledger')
    .description('account for every line received; exit code 1 if it does not balance'),
).action(command(COMMANDS.inspect, ({ ledger }) => ledger));
common(program.command('tap').description('show lines as they are received'))
  .option('--count <n>', 'end after this many lines')
  .action(command(COMMANDS.inspect, ({ tap }) => tap));
common(program.command('simulate').description('run a simulated shop: serve, post or write its events'))
  .option('--serve', 'serve the events as a log API (default)')
  .option('--port <n>', 'port of the log API', '5000')
  .option('--only-root', 'serve GET / only, as the old log API did')
  .option('--post <url>', `post the events to a collector, such as ${OWN_URL}/v1/events`)
  .option('--out <file>', 'write the events as NDJSON; - is stdout')
  .option('--write-dataset <file>', 'write a data set in the format of the old pipeline')
  .option('--dataset <file>', 'send the entries of this JSON file instead of generated ones')
  .option('--count <n>', 'number of lines; without --serve, --post and --out they are printed')
  .option('--rate <n>', 'events per second')
  .option('--seed <n>', 'the same seed gives the same events')
  .option('--start <time>', 'time of the first event')
  .option('--truth <file>', 'also write the exact counts and sums of the events')
  .option('--time-zone <zone>', 'time zone of the days in --truth')
  .option('--late <share>', 'share of events that arrive minutes to days late, 0 to 1')
  .option('--very-late <share>', 'share of events that arrive months late')
  .option('--duplicate <share>', 'share of lines that are sent twice')
  .option('--out-of-order <share>', 'share of lines that arrive some seconds out of order')
  .option('--malformed <share>', 'share of lines that are not events')
  .action(command(COMMANDS.simulate, ({ simulate }) => simulate));
const bad = program.command('bad').description('show rejected lines');
common(bad.command('list').description('list the newest rejected lines'))
  .option('--limit <n>', 'number of lines, 1 to 1000', '20')
  .option('--reason <code>', 'only lines with this reason, such as bad_json')
  .action(command(COMMANDS.inspect, ({ badList }) => badList));
common(
  bad.command('show').argument('<id>', 'id from "bad list"').description('show one rejected line in full'),
).action(command(COMMANDS.inspect, ({ badShow }) => badShow));
common(
  program
    .command('rebuild')
    .description('recompute windows from the archive; with --diff, exit code 1 if any value differs'),
)
  .option('--from <time>', FROM)
  .option('--to <time>', TO)
  .option('--diff', 'only compare with the archive; changes nothing')
  .action(command(COMMANDS.maintenance, ({ rebuild }) => rebuild));
common(program.command('compact').description('merge small files of the archive now')).action(
  command(COMMANDS.maintenance, ({ compact }) => compact),
);
common(program.command('vacuum').description('delete files that only old versions of the tables need'))
  .option('--retention-hours <n>', 'keep files that became unused within this many hours', '168')
  .action(command(COMMANDS.maintenance, ({ vacuum }) => vacuum));
const services = program
  .command('services')
  .description('run real servers on this machine, for trying out and for tests');
const LIST = 'kafka, hdfs, influxdb, s3, spark, yarn, separated by commas (default: all)';
common(
  services.command('fetch').argument('[servers]', LIST).description('download the programs; starts none'),
).action(command(COMMANDS.services, ({ servicesFetch }) => servicesFetch));
common(
  services.command('up').argument('[servers]', LIST).description('start servers; downloads missing programs'),
)
  .option('--brokers <n>', 'number of Kafka brokers, 1 to 3 (default 1)')
  .action(command(COMMANDS.services, ({ servicesUp }) => servicesUp));
common(services.command('down').argument('[servers]', LIST).description('stop servers; their data is kept'))
  .option('--remove-data', 'also delete their data')
  .action(command(COMMANDS.services, ({ servicesDown }) => servicesDown));
common(
  services
    .command('status')
    .argument('[servers]', LIST)
    .description('show which servers are running, and their addresses'),
).action(command(COMMANDS.services, ({ servicesStatus }) => servicesStatus));
examples(
  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description('print a script that completes commands and options in your shell'),
  'eval "$(./tillstream completion bash)"    in ~/.bashrc; for zsh in ~/.zshrc, after compinit',
  './tillstream completion fish | source     in ~/.config/fish/config.fish',
).action((shell: string) => completion(shell, program));

endOnBrokenOutput();

try {
  refuseUnknownHelp(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
}

/** An empty text is a variable of a script that is not set: it must not stand for the current folder, or for no filter. */
function refuseEmpty(command: Command): void {
  const option = command.options.find((each) => command.getOptionValue(each.attributeName()) === '');
  const index = command.processedArgs.flat().indexOf('');
  const argument = command.registeredArguments[Math.min(index, command.registeredArguments.length - 1)];
  const empty = option?.long ?? (index < 0 ? undefined : `<${argument?.name()}>`);
  if (empty !== undefined)
    throw new UsageError(`${empty} is empty (""). Give it a value. Is a variable in your script not set?`);
}

/** commander answers "help x" with the general help, whatever x is. */
function refuseUnknownHelp([first, second]: string[]): void {
  const names = program.commands.map((command) => command.name());
  if (first !== 'help' || second === undefined || names.includes(second)) return;
  throw new UsageError(
    `There is no command "${second}".${didYouMean(second, names)} "tillstream help" lists them.`,
  );
}

/** 0 done, 1 failed, 2 wrong usage or config. A user's mistake has no stack trace. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    writeJsonError(error.message.replace(/^error: /, ''));
    return 2;
  }
  const message =
    error instanceof ApiError ? `${error.message} ${hintElsewhere(error)}`.trim() : messageOf(error);
  writeJsonError(message);
  if (error instanceof UsageError || error instanceof CommandError || error instanceof ComponentError) {
    writeError(`${message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  if (error instanceof ApiError) {
    writeError(`${message}\n`);
    return error.status < 500 ? 2 : 1;
  }
  // What the system refuses is not a mistake in the program: where that happened in it helps nobody.
  if (isSystemError(error)) writeError(`The system refused: ${message}.\n`);
  else writeError(`${error instanceof Error ? (error.stack ?? message) : message}\n`);
  return 1;
}

/** With --json the error is the one document on stdout, unless another one was begun there. */
function writeJsonError(message: string): void {
  if (process.argv.includes('--json') && !wroteOutput())
    writeJson(`${JSON.stringify({ error: { message } })}\n`);
}
