import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessFault, asFault, CODE, faultOf, missingTopic, needsPerson } from './faults.ts';

test('only what no wait ends needs a person: a broker that is away does not', () => {
  const goesByItself = [
    asFault(
      Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9092'), { code: 'ECONNREFUSED' }),
      'broker x:1',
    ),
    asFault(new Error('socket hang up'), 'broker x:1'),
    ...[
      CODE.LEADER_NOT_AVAILABLE,
      CODE.NOT_ENOUGH_REPLICAS,
      CODE.REQUEST_TIMED_OUT,
      // One broker may not have heard of a topic yet.
      CODE.UNKNOWN_TOPIC_OR_PARTITION,
    ].map((code) => faultOf(code, 'partition 0 of shop')),
  ];
  const forPeople = [
    new AccessFault('the broker does not let in the user shop'),
    faultOf(CODE.TOPIC_AUTHORIZATION_FAILED, 'topic shop'),
    faultOf(CODE.CLUSTER_AUTHORIZATION_FAILED, 'topic shop'),
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
