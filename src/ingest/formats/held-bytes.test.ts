import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeldBytes } from './held-bytes.ts';

test('held bytes are those that were kept, followed by what is added', () => {
  const step = fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(40));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const held = new HeldBytes();
      let model = Buffer.alloc(0);
      for (const [added, dropped] of steps) {
        const bytes = held.with(Buffer.from(added));
        model = Buffer.concat([model, added]);
        assert.deepEqual(Buffer.from(bytes), model);
        const from = Math.min(dropped, bytes.length);
        held.keep(bytes.subarray(from));
        model = Buffer.from(model.subarray(from));
        assert.equal(held.length, model.length);
      }
    }),
  );
});
