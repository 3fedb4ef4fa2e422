/** The README and the pages of docs/ that need no servers, each typed from its top on a fresh clone. It takes minutes: each page runs all of its commands. */
import { before, describe, it } from 'node:test';
import { docsPython } from '../../support/docs-python.ts';
import { DocsReader } from '../../support/docs-reader.ts';
import { TYPED } from './typed.ts';

describe('Typed from the top', () => {
  let reader: DocsReader;
  before(async () => {
    reader = new DocsReader(await docsPython());
  });
  for (const page of TYPED.alone) it(page, () => reader.type(page));
});
