import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobOf } from './job.ts';

const input = {
  catalogue: [],
  marks: { sourceHeader: 'source', judgedHeader: 'judged', unnamedSource: 'kafka' },
  lineBytesMax: 1000,
  jobId: 'test',
  notBefore: null,
};

test('options of the JVM in the config are added to those that the job needs; a collector replaces ours', () => {
  const optionsOf = (own?: string) => {
    const conf = own === undefined ? {} : { 'spark.executor.extraJavaOptions': own };
    return jobOf(input, { conf, source: {}, sink: {}, checkpoint: '' }).conf[
      'spark.executor.extraJavaOptions'
    ];
  };
  assert.equal(optionsOf(), '-XX:-DontCompileHugeMethods -XX:+UseParallelGC');
  assert.equal(optionsOf('-Dx=1'), '-XX:-DontCompileHugeMethods -XX:+UseParallelGC -Dx=1');
  assert.equal(optionsOf('-XX:+UseZGC -Dx=1'), '-XX:-DontCompileHugeMethods -XX:+UseZGC -Dx=1');
});
