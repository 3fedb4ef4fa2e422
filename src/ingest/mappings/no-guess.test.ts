import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { detected } from '../fake-reading.ts';
import type { DetectOptions } from '../format.ts';
import { guessMapping, whyNoGuess } from './guess.ts';

const SHOPIFY_CANCELLED =
  'Name,Id,Created at,Currency,Total,Financial Status,Cancelled at\n#7,77,2026-10-01 10:00:00 +0200,EUR,9.00,voided,2026-10-02 10:00:00 +0200\n';

const optionsFor = (text: string | Buffer) => ({
  decode: (detecting: DetectOptions) => {
    const bytes = Buffer.from(text);
    const { format, detection } = detected(bytes, detecting);
    const decoder = format.decoder(detection);
    return [...decoder.push(bytes), ...decoder.end()];
  },
  timeZone: 'UTC',
  now: () => Date.UTC(2026, 10, 30),
});

test('if nothing can be proposed, the message names the cause and the remedy', async () => {
  const causes: Record<string, RegExp> = {
    '': /^it has no records\.$/,
    'Kunde;Betrag\nA;3\nB;4\n': /^no column is a time\. .* Its columns: Kunde, Betrag\.$/,
    'Datum;Bestellnr;Betrag\nQ3/26;5;3,50\nQ4/26;6;4,50\n':
      /^the column Datum is a time by its name, but values such as Q3\/26 can't be read as times\. .*format: "dd/,
    'Datum;Farbe\n01.10.2026;rot\n02.10.2026;blau\n':
      /^nothing says what happened: .* Its columns: Datum, Farbe\.$/,
    'Datum;Bestellnr;Betrag\n01.10.2036;5;3,50\n02.10.2036;6;4,50\n':
      /^2 of its first 2 records would be rejected, 2 of them as timestamp_in_future\. /,
    'Datum;Bestellnr;Betrag;Status\n01.10.2026;5;3,50;Storniert\n02.10.2026;6;4,50;Storniert\n':
      /^the proposed mapping leaves out all of its first 2 records, because they are not sales: `Status` is Storniert \(2\)\.$/,
    [SHOPIFY_CANCELLED]:
      /^the proposed mapping leaves out its first record, because .*`Financial Status` is voided \(1\)\. The mapping shopify-orders reads/,
  };
  for (const [text, why] of Object.entries(causes)) {
    assert.equal(await guessMapping(optionsFor(text)), null, text);
    assert.match(await whyNoGuess(optionsFor(text)), why);
  }
  const latin1 = Buffer.from('Datum;Kunde;Betrag\n01.10.2026;Müller;3,50\n02.10.2026;Jäger;4,50\n', 'latin1');
  assert.match(
    await whyNoGuess(optionsFor(latin1)),
    /^2 of its first 2 records .* not_utf8\. .*Set `encoding`/,
  );
});

test('spreadsheet days are read as times if the column is named like a time', async () => {
  const given = await guessMapping(optionsFor('Datum;Bestellnr;Betrag\n46296,5;5;3,50\n46297;6;4,50\n'));
  assert.deepEqual(parse(given!.proposal!).fields.timestamp, { from: 'Datum', unit: 'excel' });
  assert.equal(given!.events, 2);
  for (const values of ['Nummer;Bestellnr;Betrag\n46296;5;3,50\n', 'Datum;Bestellnr;Betrag\n12345;5;3,50\n'])
    assert.equal(await guessMapping(optionsFor(values)), null, values);
});

test('a proposal for a wide table lists only some names', async () => {
  const names = Array.from({ length: 700 }, (_, n) => `c${n}`);
  const wide = `Datum,Bestellnr,Betrag,${names}\n2026-10-01,5,3.5,${names}\n`;
  const { proposal } = (await guessMapping(optionsFor(wide)))!;
  assert.match(proposal!, /# Kept in extra: c0, .*c19, and many more\n/);
});
