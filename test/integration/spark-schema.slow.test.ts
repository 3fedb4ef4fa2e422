/** The event schema in Spark's SQL: lines that passed no door, and what the door made of them, compared with what it says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { METRIC_COLUMNS } from '../../src/adapters/engine/spark/render.ts';
import { judgedSql, linesSql } from '../../src/adapters/engine/spark/schema-sql.ts';
import { LineChecker } from '../../src/domain/check-line.ts';
import { Door } from '../../src/pipeline/door.ts';
import { differencesOf } from '../support/difference-of.ts';
import { expectedRow } from '../support/expected-row.ts';
import { anyLine } from '../support/line-arbitraries.ts';
import { sparkDir, sparkPrograms } from '../support/spark.ts';
import { SPARK_DIFFERENCES } from '../support/spark-differences.ts';

const TIME_ZONE = 'Europe/Berlin';
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const LINE_BYTES_MAX = 64 * 1024;
const LINES = Number(process.env.TILLSTREAM_TEST_LINES ?? 20_000);
const SEED = Number(process.env.TILLSTREAM_TEST_SEED ?? Date.now() % 2 ** 31);
const COLUMNS = ['event_id', ...METRIC_COLUMNS];

const SCRIPT = `
import json, sys
from pyspark.sql import SparkSession
job = json.load(open(sys.argv[1]))
builder = SparkSession.builder
for name, value in job["conf"].items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
for view in job["views"]:
    spark.sql(view["sql"]).createOrReplaceTempView(view["name"])
spark.sql(job["sql"]).write.mode("overwrite").text(job["out"])
`;

interface Row {
  n: number;
  bad_reason: string | null;
  [column: string]: string | number | null;
}

const door = new Door({
  log: undefined as never,
  timeZone: TIME_ZONE,
  lineBytesMax: LINE_BYTES_MAX,
  now: () => NOW_MS,
});
const checker = new LineChecker(TIME_ZONE);

/** What the lines give as records of a foreign topic, or of the door's (`judged`), one row for each. */
async function judge(lines: readonly Buffer[], judged: boolean): Promise<Row[][]> {
  const dir = sparkDir();
  const [input, out] = [join(dir, 'lines.ndjson'), join(dir, 'out')];
  writeFileSync(
    input,
    lines.map((line, n) => `${JSON.stringify({ n, v: line.toString('base64') })}\n`).join(''),
  );
  const headers = judged
    ? "array(named_struct('key', 'judged', 'value', CAST('1' AS BINARY)))"
    : 'CAST(NULL AS ARRAY<STRUCT<key: STRING, value: BINARY>>)';
  const records = `SELECT unbase64(v) AS value, ${headers} AS headers, 0 AS partition,
      n AS offset, timestamp_millis(${NOW_MS}L) AS timestamp FROM json.\`${input}\``;
  const marks = { sourceHeader: 'source', judgedHeader: 'judged', unnamedSource: 'kafka' };
  const texts = COLUMNS.map((name) => `CAST(${name} AS STRING) AS ${name}`);
  const job = {
    conf: {
      'spark.master': 'local[2]',
      'spark.ui.enabled': 'false',
      'spark.driver.host': '127.0.0.1',
      'spark.sql.ansi.enabled': 'false',
      'spark.sql.session.timeZone': TIME_ZONE,
    },
    views: [
      { name: 'records', sql: records },
      { name: 'lines', sql: linesSql('records', marks) },
      { name: 'judged', sql: judgedSql('lines', COLUMNS, LINE_BYTES_MAX) },
    ],
    sql: `SELECT to_json(struct(log_offset AS n, log_line, bad_reason, CAST(event_us AS STRING) AS event_us, ${texts.join(', ')})) AS value FROM judged`,
    out,
  };
  writeFileSync(join(dir, 'job.json'), JSON.stringify(job));
  const { python } = await sparkPrograms();
  const child = spawn(python, ['-c', SCRIPT, join(dir, 'job.json')], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, stderr.slice(-3000));
  const rows: Row[][] = lines.map(() => []);
  for (const file of readdirSync(out).filter((name) => name.startsWith('part-'))) {
    for (const text of readFileSync(join(out, file), 'utf8').split('\n')) {
      if (text === '') continue;
      const row = JSON.parse(text) as Row;
      rows[row.n]!.push(row);
    }
  }
  return rows;
}

function throughDoor(line: Buffer): { stored: Buffer; reason: string | null } | null {
  const checked = door.check(Buffer.from(line));
  if (checked.accepted + checked.rejected === 0) return null;
  return { stored: Buffer.concat(checked.bytes), reason: checked.errors[0]?.code ?? null };
}

/** Where the object that the line begins with ends; its length where it does not. */
function objectEnd(line: Buffer): number {
  const text = line.toString('latin1');
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') depth++;
    else if (token === '}' && --depth === 0) return index + 1;
  }
  return line.length;
}

/** Of lines that are not explained part by part. */
const SIGNS: [name: string, sign: RegExp][] = [
  ['lone_surrogate', /\\u[dD][89a-fA-F]/],
  ['reserved_null', /"tillstream_bad"\s*:\s*null/],
];

/** (A backslash that is escaped begins no escape.) */
const ODD_ESCAPE = /(?<=(?:^|[^\\])(?:\\\\)*)\\u[0-9a-fA-F]{0,3}[^\0-\x7f]/gu;

/** Names of what makes Spark take a line that the door refuses. */
function namesOf(line: Buffer): string[] {
  const whole = line.subarray(0, objectEnd(line));
  const names = whole.length < line.toString('latin1').trimEnd().length ? ['trailing_text'] : [];
  const object = Buffer.from(whole.toString().replaceAll(ODD_ESCAPE, 'x'));
  if (!object.equals(whole)) names.push('odd_escape');
  const reason = throughDoor(object)?.reason ?? null;
  if (reason === null) return names;
  const others = differencesOf(object, (mended) => throughDoor(mended)?.reason === null) ?? [
    SIGNS.find(([, sign]) => sign.test(object.toString()))?.[0] ?? reason,
  ];
  return [...names, ...others];
}

function accepted(line: Buffer): Record<string, string | null> {
  assert.equal(checker.check(line, 0, line.length, NOW_MS), null);
  const row = expectedRow(checker, line, TIME_ZONE);
  return Object.fromEntries([['event_us', row.event_time!], ...COLUMNS.map((name) => [name, row[name]!])]);
}

test(`Spark takes what the door takes, with the same values; the rest is on the list (seed ${SEED})`, async (t) => {
  const examples = SPARK_DIFFERENCES.map(({ line }) => Buffer.from(line));
  // One line in each record; how several are told apart is a matter of its own.
  const lines = [
    ...examples,
    ...fc.sample(anyLine, { numRuns: LINES, seed: SEED }).filter((line) => !line.includes(0x0a)),
  ];
  const judged = await judge(lines, false);
  const found: Record<string, number> = {};
  const wrong: string[] = [];
  let good = 0;
  for (const [i, line] of lines.entries()) {
    const result = throughDoor(line);
    const [row, ...more] = judged[i]!;
    if (more.length > 0) continue;
    if (!row) {
      wrong.push(`no row for ${line}`);
      continue;
    }
    const { n: _n, log_line: _line, bad_reason: reason = null, ...values } = row;
    if (result?.reason === null) {
      good++;
      const expected = accepted(result.stored.subarray(0, -1));
      const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, values[name] ?? null]));
      if (reason !== null) wrong.push(`Spark says ${reason}: ${line}`);
      else if (JSON.stringify(actual) !== JSON.stringify(expected))
        wrong.push(`${line}\n   ${JSON.stringify(actual)}\n   ${JSON.stringify(expected)}`);
    } else if (reason === null && result) {
      for (const name of namesOf(line)) {
        if (!SPARK_DIFFERENCES.some((difference) => difference.name === name))
          wrong.push(`${name}: Spark accepts what the door refuses as ${result.reason}: ${line}`);
        found[name] = (found[name] ?? 0) + 1;
      }
    }
  }
  t.diagnostic(`${lines.length} lines, ${good} good; differences ${JSON.stringify(found)}`);
  assert.equal(wrong.length, 0, `${wrong.length} lines:\n${wrong.slice(0, 12).join('\n')}`);
  for (const { name } of SPARK_DIFFERENCES) assert.ok(found[name], `${name} is shown by its line`);
});

test(`Spark believes the door, with the same values (seed ${SEED})`, async (t) => {
  const checked = fc
    .sample(anyLine, { numRuns: LINES, seed: SEED })
    .filter((line) => !line.includes(0x0a))
    .flatMap((line) => throughDoor(line) ?? []);
  const lines = checked.map(({ stored }) => stored.subarray(0, -1));
  const rows = await judge(lines, true);
  const wrong: string[] = [];
  for (const [i, { reason }] of checked.entries()) {
    const [row, ...more] = rows[i]!;
    assert.ok(row && more.length === 0, `${more.length} more rows for ${lines[i]}`);
    const expected = reason === null ? accepted(lines[i]!) : {};
    const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, row[name] ?? null]));
    if ((row.bad_reason ?? null) !== reason || JSON.stringify(actual) !== JSON.stringify(expected))
      wrong.push(`${lines[i]}\n   ${JSON.stringify(row)}\n   ${reason} ${JSON.stringify(expected)}`);
  }
  const good = checked.filter(({ reason }) => reason === null).length;
  t.diagnostic(`${lines.length} lines, ${good} good`);
  assert.ok(good > LINES / 5 && good < lines.length, `${good} of ${lines.length} lines are good`);
  assert.equal(wrong.length, 0, `${wrong.length} lines:\n${wrong.slice(0, 12).join('\n')}`);
});
