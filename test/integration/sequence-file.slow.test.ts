/** Files as Flume leaves them on HDFS, written by Hadoop's own classes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { fetchServices } from '../../tools/dev-services/services.ts';
import { oldDataset } from '../../tools/simulator/index.ts';
import { cli, temporaryDir } from '../support/product.ts';

/** Writes the lines of a file: LINES OUT VALUE_CLASS COMPRESSION. */
const WRITER = `
import java.nio.file.*;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.*;
import org.apache.hadoop.fs.Path;
public class Writer {
  public static void main(String[] args) throws Exception {
    boolean isText = args[2].equals("Text");
    try (SequenceFile.Writer out = SequenceFile.createWriter(new Configuration(),
        SequenceFile.Writer.file(new Path(Paths.get(args[1]).toUri())),
        SequenceFile.Writer.keyClass(LongWritable.class),
        SequenceFile.Writer.valueClass(isText ? Text.class : BytesWritable.class),
        SequenceFile.Writer.compression(SequenceFile.CompressionType.valueOf(args[3])))) {
      long key = 1700000000000L;
      for (String line : Files.readAllLines(Paths.get(args[0]))) {
        byte[] bytes = line.getBytes("UTF-8");
        out.append(new LongWritable(key++), isText ? new Text(line) : new BytesWritable(bytes));
      }
    }
  }
}`;

const COUNT = 4000;

describe('SequenceFiles of the old pipeline', () => {
  const dir = temporaryDir();
  const file = (name: string) => join(dir, name);
  let write: (out: string, valueClass: string, compression: string) => Promise<unknown>;
  before(async () => {
    const { java, jars } = (await fetchServices(['hdfs'], (line) => console.error(line))).get('hdfs')!;
    const lines = oldDataset({ seed: 1, count: COUNT }).map((event) => `${JSON.stringify(event)}\n`);
    writeFileSync(file('lines'), lines.join(''));
    writeFileSync(file('Writer.java'), WRITER);
    write = (out, ...how) =>
      promisify(execFile)(java!, ['-cp', jars!, file('Writer.java'), file('lines'), file(out), ...how]);
  });

  const load = (name: string) => cli(['load', file(name), '--data', temporaryDir(), '--json']);

  for (const valueClass of ['BytesWritable', 'Text']) {
    it(`load gives every event of one with ${valueClass}`, async () => {
      await write(`FlumeData.${valueClass}`, valueClass, 'NONE');
      assert.ok(readFileSync(file(`FlumeData.${valueClass}`)).length > COUNT * 100);
      const loaded = (await load(`FlumeData.${valueClass}`)).json<{ received: number; events: number }>();
      assert.deepEqual([loaded.received, loaded.events], [COUNT, COUNT]);
    });
  }

  it('what came before a torn end is loaded, and the end is reported', async () => {
    await write('torn', 'BytesWritable', 'NONE');
    truncateSync(file('torn'), readFileSync(file('torn')).length - 10);
    const data = temporaryDir();
    const loaded = await cli(['load', file('torn'), '--data', data, '--json']);
    assert.equal(loaded.code, 0, loaded.stderr);
    const { events, bad_rows: badRows } = loaded.json<{ events: number; bad_rows: number }>();
    assert.deepEqual([events, badRows], [COUNT - 1, 1], 'the torn record is a bad row');
  });

  it('a compressed one is refused, with the solution', async () => {
    await write('compressed', 'Text', 'BLOCK');
    const { code, stderr } = await load('compressed');
    assert.equal(code, 2);
    assert.match(stderr, /compressed SequenceFile, which can't be read here. "hadoop fs -text/);
  });
});
