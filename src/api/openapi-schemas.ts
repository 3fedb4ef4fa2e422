import { FIELDS, type Field, ITEM_FIELDS } from '../event/fields.ts';
import { REASON_CODES } from '../event/reasons.ts';
import { FINDINGS } from '../ingest/finding-catalogue.ts';
import { WINDOWS } from '../metrics/window.ts';
import { API_ERRORS } from '../telemetry/errors.ts';
import { IMPORT_SCHEMAS } from './imports-openapi.ts';
import { type Json, ref } from './openapi-parts.ts';

const count = { type: 'integer', minimum: 0 };

const EVENT: Json = {
  type: 'object',
  required: FIELDS.filter((field) => field.required).map((field) => field.name),
  properties: Object.fromEntries(FIELDS.map((field) => [field.name, fieldSchema(field)])),
  additionalProperties: { description: 'Kept in the column extra.' },
};

const INGEST_RESULT: Json = {
  type: 'object',
  properties: {
    accepted: count,
    rejected: count,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          line: { ...count, description: 'Line of the body where the record begins, from 1.' },
          record: { ...count, description: 'Number of the record, from 1.' },
          code: { enum: [...REASON_CODES] },
          field: { type: 'string' },
          example: { type: 'string', description: 'The value at fault, or the beginning of the record.' },
        },
      },
    },
    reasons: { type: 'object', description: 'Rejected records by reason.', additionalProperties: count },
    invalid_fields: {
      type: 'object',
      description:
        'Events by field whose value could not be read. They count; the value is in extra.invalid.',
      additionalProperties: count,
    },
    findings: { type: 'array', items: ref('Finding') },
  },
  example: {
    accepted: 2,
    rejected: 1,
    errors: [{ line: 3, record: 3, code: 'date_order', field: 'timestamp', example: '31/12/2026' }],
    reasons: { date_order: 1 },
    invalid_fields: {},
    findings: [],
  },
};

const FINDING: Json = {
  type: 'object',
  description: 'Something doubtful in accepted events.',
  properties: {
    code: { enum: Object.keys(FINDINGS) },
    rows: count,
    message: { type: 'string' },
    example: { type: 'string' },
    setting: { type: 'string', description: 'The setting that settles it, or what to send instead.' },
  },
};

const METRIC_RESULT: Json = {
  type: 'object',
  properties: {
    metric: { type: 'string' },
    window: { enum: [...WINDOWS] },
    time_zone: { type: 'string' },
    version: count,
    in_flight: {
      ...count,
      description: 'Lines that were received but not counted yet. The rows may not include them.',
    },
    rows: { type: 'array', items: { type: 'object' } },
    total: { type: 'array', items: { type: 'object' } },
    folded: {
      type: 'object',
      description:
        'For keys with more values than a response lists (200 event types, 50 currencies, 20 devices): how many values share "other".',
      additionalProperties: count,
    },
  },
};

const LEDGER: Json = {
  type: 'object',
  properties: { received: count, balanced: { type: 'boolean' }, dirty_windows: count },
};

const STATUS: Json = {
  type: 'object',
  properties: {
    findings: {
      type: 'array',
      description: 'Findings since the start, by source.',
      items: {
        type: 'object',
        properties: { source: { type: 'string' }, findings: { type: 'array', items: ref('Finding') } },
      },
    },
  },
};

const SOURCES: Json = {
  type: 'object',
  properties: {
    now: { type: 'string' },
    started_at: { type: 'string', description: 'Start of the counts in `activity`.' },
    archive_error: {
      type: ['string', 'null'],
      description: 'Why the latest events of the archive are missing.',
    },
    sources: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          kind: { enum: ['http', 'hook', 'poll', 'tail', 'kafka', 'load', 'demo', 'other'] },
          of: { type: 'string', description: 'Its address, or what it reads.' },
          received: count,
          events: count,
          bad_rows: count,
          counted: count,
          duplicate: count,
          excluded: count,
          in_flight: count,
          last_received_at: { type: ['string', 'null'] },
          latest_events: {
            type: 'array',
            description: 'Newest first: since the start, otherwise from the newest files of the archive.',
            items: { type: 'object' },
          },
          refused: {
            type: ['object', 'null'],
            description:
              'Requests without a valid key or signature since the start, and the time of the last one.',
          },
          activity: {
            type: ['object', 'null'],
            description: 'Since the start: counts, in total and by way, and the latest rejected records.',
          },
          findings: { type: 'array', items: ref('Finding') },
        },
      },
    },
  },
};

const WAYS: Json = {
  type: 'object',
  properties: {
    address: { type: 'string' },
    keys: {
      type: ['array', 'null'],
      description: 'Names of the keys that may send; null where none is needed.',
      items: { type: 'string' },
    },
    ways: { type: 'array', items: { type: 'object' } },
  },
};

const ERROR: Json = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { enum: Object.keys(API_ERRORS) },
        message: { type: 'string' },
        hint: { type: 'string' },
      },
    },
  },
};

/** The schemas of what is sent and answered. */
export const SCHEMAS: Json = {
  Event: EVENT,
  IngestResult: INGEST_RESULT,
  Finding: FINDING,
  MetricResult: METRIC_RESULT,
  Ledger: LEDGER,
  Status: STATUS,
  Sources: SOURCES,
  Ways: WAYS,
  BadRows: { type: 'object', properties: { bad_rows: { type: 'array', items: { type: 'object' } } } },
  Object: { type: 'object' },
  ...IMPORT_SCHEMAS,
  Error: ERROR,
};

function fieldSchema(field: Field): Json {
  const described = { description: field.description, examples: [field.example] };
  if (field.kind === 'integer')
    return { type: ['integer', 'string', 'null'], minimum: field.min, maximum: field.max, ...described };
  if (field.kind === 'decimal')
    return { type: ['number', 'string', 'null'], minimum: field.min, maximum: field.max, ...described };
  if (field.kind === 'money') return { type: ['string', 'number', 'null'], ...described };
  if (field.kind === 'boolean') return { type: ['boolean', 'null'], ...described };
  if (field.kind === 'items')
    return {
      type: ['array', 'null'],
      items: {
        type: 'object',
        properties: Object.fromEntries(ITEM_FIELDS.map((each) => [each.name, fieldSchema(each)])),
      },
      ...described,
    };
  if (field.kind === 'timestamp') return { type: ['string', 'number'], ...described };
  return { type: ['string', 'integer', 'null'], maxLength: field.bytesMax, ...described };
}
