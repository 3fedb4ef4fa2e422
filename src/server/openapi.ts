import { API_ERRORS } from '../domain/errors.ts';
import { FIELDS, type Field, ITEM_FIELDS } from '../domain/fields.ts';
import { REASON_CODES } from '../domain/reasons.ts';
import type { Status } from '../domain/status.ts';
import { WINDOWS } from '../domain/window.ts';
import { FINDINGS } from '../ingest/finding-catalogue.ts';
import { IMPORT_PATHS, IMPORT_SCHEMAS } from './imports-openapi.ts';
import { answers, type Json, query, ref } from './openapi-parts.ts';

const EXAMPLE_NAMES = ['timestamp', 'event_type', 'event_id', 'user_id', 'order_id', 'amount', 'currency'];
const EVENT_EXAMPLE = Object.fromEntries(
  FIELDS.filter(({ name }) => EXAMPLE_NAMES.includes(name)).map(({ name, example }) => [name, example]),
);
const CSV_EXAMPLE = [Object.keys(EVENT_EXAMPLE), Object.values(EVENT_EXAMPLE)]
  .map((cells) => `${cells.join(',')}\n`)
  .join('');

/** The API as an OpenAPI 3.1 document, made from the event schema, the catalogue and the error codes. */
export function openApi(status: Status): Json {
  const metrics = status.metrics.map(({ name }) => name);
  const parameters = {
    metric: { name: 'metric', in: 'path', required: true, schema: { enum: metrics } },
    window: query(
      'window',
      { enum: [...WINDOWS] },
      'Size of the windows; 1d are days of the shop’s time zone.',
    ),
    from: query(
      'from',
      { type: 'string' },
      'Begin of the range: a day (2026-11-23) or a time of the shop’s zone, a time with a zone, or milliseconds since 1970.',
    ),
    to: query('to', { type: 'string' }, 'End of the range: a day is part of it, a time is not.'),
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tillstream',
      version: status.version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: status.url || '/' }],
    security: [{}, { bearer: [] }],
    paths: {
      '/v1/events': {
        post: {
          summary: 'Send events. The 200 comes after they are durable.',
          parameters: [
            query('strict', { type: 'boolean' }, 'Store nothing when any line is bad (422).'),
            query(
              'map',
              { type: 'string' },
              'A preset or a name in `mappings`: makes events of the records.',
            ),
            query('key', { type: 'string' }, 'The key, where a header can not be set: a page in a browser.'),
          ],
          requestBody: {
            required: true,
            content: {
              'application/x-ndjson': {
                schema: { type: 'string', description: 'One event per line.' },
                example: `${JSON.stringify(EVENT_EXAMPLE)}\\n`,
              },
              'application/json': {
                schema: { oneOf: [ref('Event'), { type: 'array', items: ref('Event') }] },
                example: [EVENT_EXAMPLE],
              },
              'text/csv': {
                schema: {
                  type: 'string',
                  description: 'With a header. Any format of docs/formats.md is read.',
                },
                example: CSV_EXAMPLE,
              },
            },
          },
          responses: answers('IngestResult', 'Stored. Rejected lines are kept as bad rows.', [
            'bad_encoding',
            'unauthorized',
            'forbidden',
            'timeout',
            'too_large',
            'unsupported_format',
            'unsupported_encoding',
            'lines_rejected',
            'nothing_accepted',
            'too_many_requests',
            'log_full',
          ]),
        },
      },
      '/v1/hooks/{name}': {
        post: {
          summary:
            'Webhooks of other systems, signed as they do it. A record that is not an event is kept as a bad row.',
          parameters: [
            { name: 'name', in: 'path', required: true, schema: { type: 'string' } },
            query('secret', { type: 'string' }, 'The secret, where the system does not sign.'),
          ],
          responses: answers('IngestResult', 'Stored.', ['unauthorized', 'not_found', 'too_large']),
        },
      },
      '/v1/pixel.gif': {
        get: {
          summary: 'An image for where no script runs: its parameters are the fields of an event.',
          parameters: [
            query('event_type', { type: 'string' }, 'And any other field.'),
            query('key', { type: 'string' }, 'The key.'),
          ],
          responses: {
            200: {
              description: 'An image of one pixel.',
              content: { 'image/gif': { schema: { type: 'string' } } },
            },
          },
        },
      },
      '/t.js': {
        get: {
          summary: 'The script that a shop puts into its pages: docs/browser.md.',
          responses: {
            200: {
              description: 'JavaScript.',
              content: { 'text/javascript': { schema: { type: 'string' } } },
            },
          },
        },
      },
      '/v1/metrics/{metric}': {
        get: {
          summary: 'Rows of a metric.',
          parameters: [
            ...Object.values(parameters),
            query('total', { type: 'boolean' }, 'Also merge all windows of the range.'),
            query(
              'top',
              { type: 'integer', minimum: 1, maximum: 1000 },
              'With total: keep the N best keys, the rest is "other".',
            ),
          ],
          responses: answers('MetricResult', 'The rows.', [
            'unauthorized',
            'unknown_metric',
            'bad_window',
            'bad_range',
          ]),
        },
      },
      '/v1/ledger': {
        get: {
          summary: 'What became of every line.',
          responses: answers('Ledger', 'The ledger.', ['unauthorized']),
        },
      },
      '/v1/status': {
        get: { summary: 'State of each part.', responses: answers('Status', 'The state.', ['unauthorized']) },
      },
      '/v1/bad': {
        get: {
          summary: 'Bad rows, newest first.',
          parameters: [
            query('limit', { type: 'integer', minimum: 1, maximum: 1000 }, 'Most rows.'),
            query('reason', { type: 'string' }, 'Only this reason.'),
            query('id', { type: 'string' }, 'Only this row.'),
          ],
          responses: answers('BadRows', 'The rows.', ['unauthorized', 'bad_request', 'archive_failed']),
        },
      },
      '/v1/stream': {
        get: {
          summary: 'Live changes as server-sent events: hello, points, ledger, status, reset.',
          parameters: [
            query('metrics', { type: 'string' }, 'Names, with commas. Default: all but products and sales.'),
            query('windows', { type: 'string' }, 'Sizes, with commas.'),
          ],
          responses: {
            200: { description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
          },
        },
      },
      '/v1/admin/compact': {
        post: {
          summary: 'Merge small files of the archive.',
          responses: answers('Object', 'What was done.', ['forbidden']),
        },
      },
      '/v1/admin/settle': {
        post: {
          summary:
            'Archive and measure what has come without gathering more; answers when done, or after 2 s.',
          responses: answers(
            'Ledger',
            'The ledger then, and in stores_behind the stores that lack something.',
            ['unauthorized', 'forbidden', 'archive_failed', 'metrics_failed'],
          ),
        },
      },
      '/v1/admin/vacuum': {
        post: {
          summary: 'Delete files that no kept version needs.',
          parameters: [
            query('retention_hours', { type: 'integer', minimum: 0 }, 'How long unused files are kept.'),
          ],
          responses: answers('Object', 'What was done.', ['forbidden', 'bad_request']),
        },
      },
      '/v1/admin/rebuild': {
        post: {
          summary: 'Compute windows from the archive again, or compare them.',
          parameters: [parameters.from, parameters.to, query('diff', { type: 'boolean' }, 'Only compare.')],
          responses: answers('Object', 'What was done.', [
            'forbidden',
            'bad_range',
            'archive_behind',
            'archive_failed',
            'metrics_failed',
          ]),
        },
      },
      ...IMPORT_PATHS,
      '/healthz': { get: { summary: 'The process lives.', responses: answers('Object', 'Alive.', []) } },
      '/readyz': {
        get: {
          summary: 'Every part is ready (200) or not (503).',
          responses: answers('Object', 'Ready.', []),
        },
      },
      '/metrics': {
        get: {
          summary: 'Prometheus metrics of Tillstream itself.',
          responses: {
            200: { description: 'Exposition.', content: { 'text/plain': { schema: { type: 'string' } } } },
          },
        },
      },
    },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } }, schemas: schemas() },
  };
}

function schemas(): Json {
  const count = { type: 'integer', minimum: 0 };
  return {
    Event: {
      type: 'object',
      required: FIELDS.filter((field) => field.required).map((field) => field.name),
      properties: Object.fromEntries(FIELDS.map((field) => [field.name, fieldSchema(field)])),
      additionalProperties: { description: 'Kept in the column extra.' },
    },
    IngestResult: {
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
    },
    Finding: {
      type: 'object',
      description: 'Something doubtful in events that were accepted.',
      properties: {
        code: { enum: Object.keys(FINDINGS) },
        rows: count,
        message: { type: 'string' },
        example: { type: 'string' },
        setting: { type: 'string', description: 'What settles it.' },
      },
    },
    MetricResult: {
      type: 'object',
      properties: {
        metric: { type: 'string' },
        window: { enum: [...WINDOWS] },
        time_zone: { type: 'string' },
        version: count,
        rows: { type: 'array', items: { type: 'object' } },
        total: { type: 'array', items: { type: 'object' } },
        folded: {
          type: 'object',
          description:
            'Keys with more values than an answer names (200 event types, 50 currencies, 20 devices): how many share "other".',
          additionalProperties: count,
        },
      },
    },
    Ledger: {
      type: 'object',
      properties: { received: count, balanced: { type: 'boolean' }, dirty_windows: count },
    },
    Status: {
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
    },
    BadRows: { type: 'object', properties: { bad_rows: { type: 'array', items: { type: 'object' } } } },
    Object: { type: 'object' },
    ...IMPORT_SCHEMAS,
    Error: {
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
    },
  };
}

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
