import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain, known, waitOf, wrongVersion } from './explain.ts';

const POSITION = { python: 'python3', master: 'spark://127.0.0.1:7077' };
const exit = (stderr: string, code: number | null = 1) => ({ code, signal: null, stderr, hasBegun: true });

describe('what an exit of the Spark driver means', () => {
  const cases: [string, string, RegExp, boolean][] = [
    ['no Python', 'spawn python3 ENOENT', /There is no program python3.*engine\.python/s, true],
    ['no pyspark', "ModuleNotFoundError: No module named 'pyspark'", /pip install pyspark==4\.2\.0/, true],
    ['a file that can not be run', 'spawn /x EACCES', /python3 is not a program that can be run/, true],
    ['no Java', 'JAVA_HOME is not set', /Install Java 17/, true],
    [
      'a wrong JAVA_HOME',
      'spark-class: line 71: /x/jdk/bin/java: No such file or directory',
      /JAVA_HOME is \/x\/jdk, where there is no bin\/java/,
      true,
    ],
    [
      'an old Java',
      'UnsupportedClassVersionError: Main (class file version 61.0), this version only recognizes class file versions up to 55.0',
      /The Java that Spark found is 11, which is too old/,
      true,
    ],
    [
      'Kubernetes without an image',
      'org.apache.spark.SparkException: Must specify the executor container image',
      /spark\.kubernetes\.container\.image in engine\.conf/,
      true,
    ],
    [
      'a folder that can not be made',
      'java.io.IOException: mkdir of file:/proc/x/1 failed.',
      /can't write its files \(mkdir of file:\/proc\/x\/1 failed\)\. Make the folder writable/,
      true,
    ],
    [
      'an archive on a file system that Spark lacks',
      'ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found',
      /no way to engine\.archive_url/,
      true,
    ],
    [
      'no configuration of Hadoop',
      'Either HADOOP_CONF_DIR or YARN_CONF_DIR must be set',
      /HADOOP_CONF_DIR/,
      true,
    ],
    [
      'executors too large for YARN',
      'Required executor memory (6000 MB), overhead (600 MB) is above the max threshold (4096 MB) of this cluster!',
      /the limit is 4096 MB.*engine\.executor_memory/,
      true,
    ],
    [
      'no right in HDFS',
      'AccessControlException: Permission denied: user=shop, access=WRITE, inode="/":hdfs:supergroup:drwxr-xr-x',
      /user=shop, access=WRITE, inode="\/"/,
      true,
    ],
    [
      'no NameNode in the configuration',
      'java.io.IOException: Incomplete HDFS URI, no host: hdfs:///x',
      /fs\.defaultFS/,
      true,
    ],
    [
      'no HDFS',
      'java.net.ConnectException: Call From vm/127.0.0.1 to namenode:8020 failed on connection exception: refused',
      /can't reach namenode:8020/,
      false,
    ],
    [
      'an HDFS that ended',
      'EOFException: End of File Exception between local host is: "vm/127.0.0.1"; destination host is: "namenode":8020; : x',
      /can't reach "namenode":8020\./,
      false,
    ],
    [
      'an application that YARN ended',
      'ERROR YarnClientSchedulerBackend: YARN application has exited unexpectedly with state KILLED!',
      /YARN ended/,
      false,
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
    ['no memory', 'java.lang.OutOfMemoryError: Java heap space', /engine\.driver_memory/, false],
  ];
  for (const [name, stderr, message, isFinal] of cases) {
    it(name, () => {
      const failure = explain(exit(`some lines\n${stderr}\nmore`), POSITION);
      assert.match(failure.message, message);
      assert.equal(failure.isFinal, isFinal);
    });
  }

  it('any other exit is reported with its last error and retried', () => {
    const failure = explain(exit('x\njava.lang.IllegalStateException: odd\n'), POSITION);
    assert.equal(
      failure.message,
      'The Spark driver ended with code 1: java.lang.IllegalStateException: odd.',
    );
    assert.equal(failure.isFinal, false);
  });

  it('a program that ends before the driver starts is reported as an unsuitable Python', () => {
    const failure = explain({ ...exit('sh: hi: not found\n', 127), hasBegun: false }, POSITION);
    assert.match(failure.message, /^python3 can't run the driver: .* code 127 and said "sh: hi: not found"/);
    assert.match(failure.message, /Set engine\.python/);
    assert.equal(failure.isFinal, true);
  });

  it('the reason for a failed job is reported if it is known', () => {
    const full = 'org.apache.spark.SparkException: Job aborted: No space left on device';
    assert.equal(known(full, POSITION)?.message, 'A disk of Spark is full.');
    assert.equal(known('SparkException: odd', POSITION), null);
  });

  it('an exit without an error is also a failure', () => {
    assert.equal(explain(exit('', 0), POSITION).message, 'The Spark driver ended with code 0.');
    const killed = explain({ code: null, signal: 'SIGKILL', stderr: '', hasBegun: true }, POSITION);
    assert.equal(killed.message, 'The Spark driver was ended by SIGKILL.');
  });

  it('the log shows what it is waiting for', () => {
    const report = (state: string) =>
      `INFO Client: Application report for application_1_02 (state: ${state})`;
    assert.match(waitOf(report('ACCEPTED'))!, /YARN to give it resources \(application_1_02\)/);
    assert.equal(waitOf(report('RUNNING')), null);
    const retry =
      'INFO Client: Retrying connect to server: rm/10.0.0.1:8032. Already tried 3 time(s); retry policy is x';
    assert.match(waitOf(retry)!, /rm\/10\.0\.0\.1:8032, which does not answer/);
    const connect = 'INFO StandaloneAppClient$ClientEndpoint: Connecting to master spark://10.0.0.1:7077...';
    assert.match(waitOf(connect)!, /connects to spark:\/\/10\.0\.0\.1:7077\. If that lasts/);
    const refused = 'WARN StandaloneAppClient$ClientEndpoint: Failed to connect to master 10.0.0.1:7077';
    assert.match(waitOf(refused)!, /10\.0\.0\.1:7077 does not answer/);
    assert.match(waitOf('WARN YarnScheduler: Initial job has not accepted any resources; x')!, /executors/);
  });

  it('a driver of another version is refused', () => {
    assert.equal(wrongVersion('pyspark', '4.2.0', 'python3'), null);
    assert.match(wrongVersion('pyspark', '3.5.1', 'python3')!.message, /python3 is 3\.5\.1.*4\.2\.0/);
    assert.match(wrongVersion('spark', '3.5.1', 'python3')!.message, /Spark is 3\.5\.1.*SPARK_HOME/);
  });
});
