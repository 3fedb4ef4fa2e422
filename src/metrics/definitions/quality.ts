import { INVALID_FIELD, type Metric } from '../definition.ts';
import { DOUBTS } from './doubts.ts';

/** Reasons of rows that are events, besides those of late ones; all others are codes of bad rows. */
export const EVENT_REASONS: readonly string[] = ['duplicate', INVALID_FIELD, ...Object.keys(DOUBTS)];

/**
 * Input `quality` has a row for each bad row (reason = its code), each duplicate (reason = 'duplicate'), each event with a
 * field that could not be read (reason = INVALID_FIELD), each doubt about an event (reason = its code in DOUBTS) and each late event of a live source (reason = its class of
 * LATE_CLASSES; see HISTORY_SOURCES), by received-at; `corrected` is the minute of the late event.
 */
export const quality: Metric = {
  name: 'quality',
  title: 'Data quality',
  description:
    'Bad rows, duplicates, doubtful events, events with an unreadable field, and late events, by time of receipt. Rows of loaded files do not count as late.',
  input: 'quality',
  keys: [
    {
      name: 'reason',
      sql: 'reason',
      description: 'Code of the bad row, duplicate, invalid_field, code of the finding, or how late.',
    },
  ],
  windows: ['1m', '1h', '1d'],
  values: {
    rows: { kind: 'count', description: 'Rows.' },
    windows: {
      kind: 'distinct',
      of: 'corrected',
      description: 'Distinct 1m windows that late events corrected.',
    },
  },
  mergeable: false,
};
