import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostToOpen } from './host.ts';

test('an address that stands for all becomes one that opens', () => {
  const cases = {
    '0.0.0.0': '127.0.0.1',
    '0': '127.0.0.1',
    '::': '[::1]',
    '[::]': '[::1]',
    '0:0:0:0:0:0:0:0': '[::1]',
    '127.0.0.1': '127.0.0.1',
    localhost: 'localhost',
    '::1': '[::1]',
    'fe80::1': '[fe80::1]',
    '10.0.0.5': '10.0.0.5',
    'shop.example': 'shop.example',
  };
  for (const [host, open] of Object.entries(cases)) {
    assert.equal(hostToOpen(host), open);
    assert.ok(new URL(`http://${open}:8080`).port === '8080');
  }
});
