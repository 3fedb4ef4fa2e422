import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asKafkaError, CODE, errorOfCode, KafkaAccessError, missingTopic, needsPerson } from './errors.ts';

test('only errors that waiting does not end need a person; an unavailable broker does not', () => {
  const goesByItself = [
    asKafkaError(
      Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9092'), { code: 'ECONNREFUSED' }),
      'broker x:1',
    ),
    asKafkaError(new Error('socket hang up'), 'broker x:1'),
    ...[
      CODE.LEADER_NOT_AVAILABLE,
      CODE.NOT_ENOUGH_REPLICAS,
      CODE.REQUEST_TIMED_OUT,
      // One broker may not have heard of a topic yet.
      CODE.UNKNOWN_TOPIC_OR_PARTITION,
    ].map((code) => errorOfCode(code, 'partition 0 of shop')),
  ];
  const forPeople = [
    new KafkaAccessError('the broker refused the user shop'),
    errorOfCode(CODE.TOPIC_AUTHORIZATION_FAILED, 'topic shop'),
    errorOfCode(CODE.CLUSTER_AUTHORIZATION_FAILED, 'topic shop'),
    missingTopic('shop'),
  ];
  assert.deepEqual(
    goesByItself.map(needsPerson),
    goesByItself.map(() => false),
  );
  assert.deepEqual(
    forPeople.map(needsPerson),
    forPeople.map(() => true),
  );
});
