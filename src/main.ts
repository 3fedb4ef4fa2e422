#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { check, compact, doctor, rebuild, vacuum } from './cli/care.ts';
import { CommandFailed } from './cli/context.ts';
import { exportEvents } from './cli/export.ts';
import { badList, badShow, ledger, query, status, tap } from './cli/inspect.ts';
import { load } from './cli/load.ts';
import { servicesDown, servicesFetch, servicesStatus, servicesUp } from './cli/services.ts';
import { simulate } from './cli/simulate.ts';
import { down, up } from './cli/up.ts';
import { UsageError } from './domain/errors.ts';
import { VERSION } from './version.ts';

/** Adds the options that every command takes. */
function common(command: Command): Command {
  return command
    .option('--json', 'print one JSON document on stdout')
    .option('--config <file>', 'config file (YAML); also TILLSTREAM_CONFIG')
    .option('--data <dir>', 'data folder; also TILLSTREAM_DATA');
}

const program = new Command('tillstream')
  .description('A shop’s event log in; an archive that any data tool opens and live metrics out.')
  .version(VERSION)
  .showSuggestionAfterError()
  .exitOverride();

common(program.command('up').description('run the pipeline'))
  .option('--background', 'return when it is ready, and go on in the background')
  .option('--demo', 'with a simulated shop, where the config has no sources')
  .option('--check-stores', 'start only if the stores of the config, such as InfluxDB, take points')
  .option('--with <list>', 'start these servers for trying out, and use them: kafka, hdfs or s3, influxdb')
  .option('--roles <list>', 'do only these of collect, archive, measure, serve; the rest is done elsewhere')
  .action(up);
common(program.command('down').description('drain and stop what runs on the data folder')).action(down);
common(program.command('status').description('state of each part')).action(status);
common(program.command('check').description('try the config and each adapter once')).action(check);
common(program.command('doctor').description('what is wrong, and what to do')).action(doctor);
common(
  program
    .command('load')
    .argument('<files...>')
    .description('bring in files: NDJSON, JSON, CSV, also .gz and .zst'),
)
  .option('--dry-run', 'tell what would come of it, store nothing')
  .action(load);
common(program.command('export').description('write the archived events as NDJSON, to load them elsewhere'))
  .requiredOption('--out <folder>', 'new or empty folder; a file for each date')
  .option('--from <date>', 'first date (UTC, YYYY-MM-DD)')
  .option('--to <date>', 'last date')
  .action(exportEvents);
common(program.command('query').argument('<metric>').description('rows of a metric'))
  .requiredOption('--window <size>', '1m, 1h or 1d')
  .option('--from <time>', 'first window start (ISO 8601)')
  .option('--to <time>', 'end of the range')
  .option('--total', 'also merge all windows of the range')
  .option('--top <n>', 'with --total: the best n keys, the rest as "other"')
  .action(query);
common(program.command('ledger').description('what became of every line')).action(ledger);
common(program.command('tap').description('lines as they come in'))
  .option('--count <n>', 'stop after so many')
  .action(tap);
common(program.command('simulate').description('the simulated shop'))
  .option('--serve', 'serve the log API (default)')
  .option('--port <n>', 'port of the log API', '5000')
  .option('--only-root', 'serve GET / only, as the old log API')
  .option('--post <url>', 'post to a collector, e.g. http://127.0.0.1:8080/v1/events')
  .option('--out <file>', 'write NDJSON')
  .option('--write-dataset <file>', 'write a data set in the old pipeline’s shape')
  .option('--dataset <file>', 'use the entries of a JSON file in place of the model')
  .option('--count <n>', 'lines in total')
  .option('--rate <n>', 'events per second')
  .option('--seed <n>', 'the same seed gives the same stream')
  .option('--start <time>', 'time of the first line')
  .option('--truth <file>', 'write what was emitted: exact counts and sums')
  .option('--time-zone <zone>', 'time zone of the truth’s days')
  .option('--late <share>', 'share of events minutes to days late')
  .option('--very-late <share>', 'share of events months late')
  .option('--duplicate <share>', 'share of lines sent twice')
  .option('--out-of-order <share>', 'share of lines seconds out of order')
  .option('--malformed <share>', 'share of malformed lines')
  .action(simulate);
const bad = program.command('bad').description('bad rows');
common(bad.command('list').description('the newest'))
  .option('--limit <n>', 'how many', '20')
  .option('--reason <code>', 'only this reason')
  .action(badList);
common(bad.command('show').argument('<id>').description('one, whole')).action(badShow);
common(program.command('rebuild').description('compute windows anew from the archive'))
  .option('--from <time>', 'first day')
  .option('--to <time>', 'last day')
  .option('--diff', 'only compare')
  .action(rebuild);
common(program.command('compact').description('merge small files of the archive')).action(compact);
common(program.command('vacuum').description('delete files that no newer version needs'))
  .option('--retention-hours <n>', 'how long unused files are kept', '168')
  .action(vacuum);
const services = program.command('services').description('real servers for trying out and for tests');
const LIST = 'of kafka, hdfs, influxdb, s3, with commas between; all without it';
common(services.command('fetch').argument('[servers]', LIST).description('fetch them, start none')).action(
  servicesFetch,
);
common(services.command('up').argument('[servers]', LIST).description('fetch and start them'))
  .option('--brokers <n>', 'brokers of Kafka, 1 to 3 (default 1)')
  .action(servicesUp);
common(services.command('down').argument('[servers]', LIST).description('stop them; their data stay'))
  .option('--remove-data', 'and remove their data')
  .action(servicesDown);
common(services.command('status').argument('[servers]', LIST).description('which run, and where')).action(
  servicesStatus,
);

// Whoever reads our output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
}

/** 0 done, 1 failed, 2 wrong usage or config. A user's mistake is told without a stack trace. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError || error instanceof CommandFailed) {
    process.stderr.write(`${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
  return 1;
}
