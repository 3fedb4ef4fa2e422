import assert from 'node:assert/strict';
import { it } from 'node:test';
import { javaHome } from './programs.ts';
import { spark } from './spark.ts';
import { yarn } from './yarn.ts';

it('the Java that was found is the one that programs start, unless it is only a script that finds Java', () => {
  assert.deepEqual(javaHome('/opt/jdk-21/bin/java'), { JAVA_HOME: '/opt/jdk-21' });
  assert.deepEqual(javaHome('/srv/asdf/shims/java'), {});
});

it('Spark and YARN run on the Java that was found', () => {
  const programs = {
    java: '/opt/jdk-21/bin/java',
    home: '/opt/spark',
    python: '/opt/python',
    jars: '/opt/*',
  };
  const setup = { dir: '/tmp/none', ports: {}, secrets: {}, size: 1, programs };
  for (const server of [spark, yarn])
    for (const { name, env } of server.processes(setup, programs))
      assert.equal(env?.JAVA_HOME, '/opt/jdk-21', name);
});
