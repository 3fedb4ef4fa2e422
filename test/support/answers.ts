import assert from 'node:assert/strict';
import { testNow } from './clock.ts';
import type { Answer, Product, SendResult } from './product.ts';

interface ErrorBody {
  error?: { code?: unknown; message?: unknown; hint?: unknown };
}

/** An error has a code, says what was wrong and what to do, and gives nothing away of the inside. */
export function assertError(answer: Answer, status: number, code: string): void {
  const text = `${answer.status} ${answer.text.slice(0, 500)}`;
  assert.equal(answer.status, status, text);
  const { error } = answer.json as ErrorBody;
  assert.equal(error?.code, code, text);
  for (const part of [error?.message, error?.hint])
    assert.ok(typeof part === 'string' && part.length > 5, text);
  assertNothingLeaks(answer.text);
}

export function assertNothingLeaks(text: string): void {
  assert.doesNotMatch(
    text,
    /\bat .*:\d+:\d+|node_modules|\.ts\b|\/tmp\/|\/src\//,
    'a path or a stack trace in an answer',
  );
}

/** After whatever was done to it, the product takes events and its ledger balances. */
export async function assertHealthy(product: Product): Promise<void> {
  assert.ok(product.isRunning(), product.output());
  assert.equal((await product.request('GET', '/healthz')).status, 200);
  const line = JSON.stringify({
    timestamp: testNow(),
    event_type: 'view_product',
    event_id: `ok-${Math.random()}`,
  });
  const answer: Answer<SendResult> = await product.request('POST', '/v1/events', {
    body: line,
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'application/x-ndjson' },
  });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.accepted, 1);
  assert.ok((await product.ledger()).balanced);
  assert.doesNotMatch(product.output(), /"level":"(error|fatal)"/, 'an error in the log');
}
