/** The pages of docs/ that start servers, each typed from its top on a fresh clone. It takes minutes: each page starts servers of its own. */
import { before, describe, it } from 'node:test';
import { useRealClock } from '../../support/clock.ts';
import { DocsReader } from '../../support/docs-reader.ts';
import { TYPED } from './typed.ts';

describe('Typed from the top, with real servers', () => {
  let reader: DocsReader;
  before(() => {
    useRealClock();
    reader = new DocsReader();
  });
  for (const page of TYPED.servers) it(page, () => reader.type(page));
});
