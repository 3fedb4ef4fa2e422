/** Values as they come, and what they are read as: the examples of docs/formats.md, each tried by a test. */
interface ReadValue {
  readonly field: string;
  readonly value: unknown;
  readonly read: string;
}

const NOON = '2024-11-01T10:00:00.000Z';
const time = (value: unknown, read = NOON): ReadValue => ({ field: 'timestamp', value, read });
const amount = (value: unknown, read: string): ReadValue => ({ field: 'amount', value, read });
const currency = (value: unknown, read: string): ReadValue => ({ field: 'currency', value, read });

export const READ_VALUES: readonly ReadValue[] = [
  time('2024-11-01T10:00:00Z'),
  time('2024-11-01t10:00:00,250z', '2024-11-01T10:00:00.250Z'),
  time('2024-11-01 11:00:00 +01:00'),
  time('2024-11-01T11:00:00+01:00[Europe/Berlin]'),
  time('2024-11-01 10:00:00 UTC'),
  time('20241101T100000Z'),
  time(1_730_455_200),
  time('1730455200.25', '2024-11-01T10:00:00.250Z'),
  time(1_730_455_200_000),
  time('1730455200000000'),
  time('Fri, 01 Nov 2024 10:00:00 GMT'),
  time('01/Nov/2024:10:00:00 +0000'),
  time('Nov 1, 2024 10:00:00 AM'),
  time('11/1/2024 10:00'),
  time('1.11.2024 10:00'),
  time('20241101', '2024-11-01T00:00:00.000Z'),
  time({ $date: '2024-11-01T10:00:00Z' }),
  time('/Date(1730455200000)/'),
  amount(39.8, '39.8000'),
  amount('39,80', '39.8000'),
  amount('1.039,80', '1039.8000'),
  amount('1,039.80', '1039.8000'),
  amount('39,80 €', '39.8000'),
  amount('(39.80)', '-39.8000'),
  amount('.5', '0.5000'),
  amount({ value: '39.80', currency: 'EUR' }, '39.8000'),
  currency(' eur', 'EUR'),
  currency('€', 'EUR'),
  currency(978, 'EUR'),
  { field: 'quantity', value: '2.0', read: '2.0000' },
  { field: 'quantity', value: '0.350', read: '0.3500' },
  { field: 'status_code', value: '200', read: '200' },
];

/** Values that are not read, with the reason. */
export const AMBIGUOUS_VALUES: readonly { field: string; value: unknown; reason: string }[] = [
  { field: 'amount', value: '1,234', reason: 'ambiguous_number' },
  { field: 'amount', value: '1.234', reason: 'ambiguous_number' },
  { field: 'amount', value: 'free', reason: 'bad_number' },
  { field: 'timestamp', value: '31/12/2024', reason: 'date_order' },
  { field: 'timestamp', value: '1/2/24', reason: 'date_order' },
  { field: 'timestamp', value: 45_597, reason: 'timestamp_out_of_range' },
  { field: 'timestamp', value: 0, reason: 'timestamp_out_of_range' },
  { field: 'currency', value: '12.50', reason: 'bad_currency' },
];
