import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain, wrongVersion } from './explain.ts';

const PLACE = { python: 'python3', master: 'spark://127.0.0.1:7077' };
const exit = (stderr: string, code: number | null = 1) => ({ code, signal: null, stderr });

describe('what an exit of the Spark driver means', () => {
  const cases: [string, string, RegExp, boolean][] = [
    ['no Python', 'spawn python3 ENOENT', /There is no program python3.*engine\.python/s, true],
    ['no pyspark', "ModuleNotFoundError: No module named 'pyspark'", /pip install pyspark==4\.2\.0/, true],
    ['no Java', 'JAVA_HOME is not set', /Install Java 17/, true],
    [
      'no configuration of Hadoop',
      'Either HADOOP_CONF_DIR or YARN_CONF_DIR must be set',
      /HADOOP_CONF_DIR/,
      true,
    ],
    [
      'no master',
      'SparkException: All masters are unresponsive! Giving up.',
      /127\.0\.0\.1:7077 does not answer/,
      false,
    ],
    [
      'another version',
      'java.io.InvalidClassException: local class incompatible',
      /another version.*4\.2\.0/,
      true,
    ],
    ['no connector', 'AnalysisException: Failed to find data source: kafka', /engine\.jars/, true],
    ['no memory', 'java.lang.OutOfMemoryError: Java heap space', /engine\.driver_memory/, false],
  ];
  for (const [name, stderr, message, isFinal] of cases) {
    it(name, () => {
      const failure = explain(exit(`some lines\n${stderr}\nmore`), PLACE);
      assert.match(failure.message, message);
      assert.equal(failure.isFinal, isFinal);
    });
  }

  it('anything else is told by its last error, and tried again', () => {
    const failure = explain(exit('x\njava.lang.IllegalStateException: odd\n'), PLACE);
    assert.equal(
      failure.message,
      'The Spark driver ended with code 1: java.lang.IllegalStateException: odd.',
    );
    assert.equal(failure.isFinal, false);
  });

  it('an end without an error is a failure as well', () => {
    assert.equal(explain(exit('', 0), PLACE).message, 'The Spark driver ended with code 0.');
    const killed = explain({ code: null, signal: 'SIGKILL', stderr: '' }, PLACE);
    assert.equal(killed.message, 'The Spark driver was ended by SIGKILL.');
  });

  it('a driver of another version is refused', () => {
    assert.equal(wrongVersion('4.2.0'), null);
    assert.match(wrongVersion('3.5.1')!.message, /3\.5\.1.*4\.2\.0/);
  });
});
