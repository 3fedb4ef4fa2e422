import { FIELDS } from '../event/fields.ts';
import { WINDOWS } from '../metrics/window.ts';
import type { Status } from '../telemetry/status.ts';
import { IMPORT_PATHS } from './imports-openapi.ts';
import { answers, type Json, queryParameter, ref } from './openapi-parts.ts';
import { SCHEMAS } from './openapi-schemas.ts';

const EXAMPLE_NAMES = ['timestamp', 'event_type', 'event_id', 'user_id', 'order_id', 'amount', 'currency'];
const EVENT_EXAMPLE = Object.fromEntries(
  FIELDS.filter(({ name }) => EXAMPLE_NAMES.includes(name)).map(({ name, example }) => [name, example]),
);
const CSV_EXAMPLE = [Object.keys(EVENT_EXAMPLE), Object.values(EVENT_EXAMPLE)]
  .map((cells) => `${cells.join(',')}\n`)
  .join('');

const WINDOW = queryParameter(
  'window',
  { enum: [...WINDOWS] },
  'Size of the windows; 1d are days of the shop’s time zone.',
);
const RANGE = {
  from: queryParameter(
    'from',
    { type: 'string' },
    'Start of the range: a day (2026-11-23) or a time of the shop’s zone, a time with a zone, or milliseconds since 1970.',
  ),
  to: queryParameter('to', { type: 'string' }, 'End of the range: a day is included, a time is excluded.'),
};

/** Where events come in. */
const INGEST_PATHS: Json = {
  '/v1/events': {
    post: {
      summary: 'Send events. A 200 means that they are stored durably.',
      parameters: [
        queryParameter('strict', { type: 'boolean' }, 'Store nothing when any line is bad (422).'),
        queryParameter(
          'map',
          { type: 'string' },
          'The mapping that turns the records into events: a preset, or a name in `mappings`.',
        ),
        queryParameter(
          'key',
          { type: 'string' },
          "The key, if the client can't set a header, such as a page in a browser.",
        ),
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
              description: 'With a header. Every format in docs/formats.md is accepted.',
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
        'Webhooks of other systems, with their own signatures. A record that is not an event is kept as a bad row.',
      parameters: [
        { name: 'name', in: 'path', required: true, schema: { type: 'string' } },
        queryParameter('secret', { type: 'string' }, 'The secret, if the system does not sign its requests.'),
      ],
      responses: answers('IngestResult', 'Stored.', ['not_signed', 'not_found', 'too_large']),
    },
  },
  '/v1/pixel.gif': {
    get: {
      summary: 'An image for places where no script runs. Its parameters are the fields of an event.',
      parameters: [
        queryParameter('event_type', { type: 'string' }, 'And any other field.'),
        queryParameter('key', { type: 'string' }, 'The key.'),
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
      summary: 'The script for the pages of a shop: docs/send-from-an-sdk.md.',
      responses: {
        200: {
          description: 'JavaScript.',
          content: { 'text/javascript': { schema: { type: 'string' } } },
        },
      },
    },
  },
};

/** What became of the events. */
const STATE_PATHS: Json = {
  '/v1/ledger': {
    get: {
      summary: 'What became of every line.',
      responses: answers('Ledger', 'The ledger.', ['unauthorized']),
    },
  },
  '/v1/status': {
    get: {
      summary: 'State of each component.',
      responses: answers('Status', 'The state.', ['unauthorized']),
    },
  },
  '/v1/sources': {
    get: {
      summary:
        'What each source delivered: the counts of the ledger, and the latest records since the start.',
      responses: answers('Sources', 'The sources.', ['unauthorized']),
    },
  },
  '/v1/ways': {
    get: {
      summary: 'How to connect further sources: addresses, where the key goes, steps, and texts to copy.',
      parameters: [
        queryParameter('address', { type: 'string' }, 'The address of this process as clients reach it.'),
      ],
      responses: answers('Ways', 'The ways.', ['unauthorized', 'bad_request']),
    },
  },
  '/v1/bad': {
    get: {
      summary: 'Bad rows, newest first.',
      parameters: [
        queryParameter('limit', { type: 'integer', minimum: 1, maximum: 1000 }, 'Most rows.'),
        queryParameter('reason', { type: 'string' }, 'Only this reason.'),
        queryParameter('id', { type: 'string' }, 'Only this row.'),
      ],
      responses: answers('BadRows', 'The rows.', ['unauthorized', 'bad_request', 'archive_failed']),
    },
  },
  '/v1/stream': {
    get: {
      summary: 'Live changes as server-sent events: hello, points, ledger, status, reset.',
      parameters: [
        queryParameter(
          'metrics',
          { type: 'string' },
          'Names, with commas. Default: all but products and sales.',
        ),
        queryParameter('windows', { type: 'string' }, 'Sizes, with commas.'),
      ],
      responses: {
        200: { description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      },
    },
  },
};

/** What an administrator may start. */
const ADMIN_PATHS: Json = {
  '/v1/admin/compact': {
    post: {
      summary: 'Merge small files of the archive.',
      responses: answers('Object', 'The result.', ['forbidden']),
    },
  },
  '/v1/admin/settle': {
    post: {
      summary: 'Process the received lines at once. Responds when this is done, or after 2 s.',
      responses: answers('Ledger', 'The ledger after that. stores_behind lists the stores that are behind.', [
        'unauthorized',
        'forbidden',
        'archive_failed',
        'metrics_failed',
      ]),
    },
  },
  '/v1/admin/doubts': {
    post: {
      summary: 'Compare the data of a source with earlier data in the archive. Used by "load" at its end.',
      responses: answers(
        'Object',
        'Codes of findings with their rows and an example, and the orders that have a refund.',
        ['unauthorized', 'forbidden', 'bad_json', 'bad_request'],
      ),
    },
  },
  '/v1/admin/vacuum': {
    post: {
      summary: 'Delete files that no kept version needs.',
      parameters: [
        queryParameter('retention_hours', { type: 'integer', minimum: 0 }, 'How long unused files are kept.'),
      ],
      responses: answers('Object', 'The result.', ['forbidden', 'bad_request']),
    },
  },
  '/v1/admin/rebuild': {
    post: {
      summary: 'Recompute windows from the archive, or compare them.',
      parameters: [RANGE.from, RANGE.to, queryParameter('diff', { type: 'boolean' }, 'Only compare.')],
      responses: answers('Object', 'The result.', [
        'forbidden',
        'bad_range',
        'archive_behind',
        'archive_failed',
        'metrics_failed',
      ]),
    },
  },
};

/** Whether the process works. */
const PROCESS_PATHS: Json = {
  '/healthz': { get: { summary: 'The process is alive.', responses: answers('Object', 'Alive.', []) } },
  '/readyz': {
    get: {
      summary: 'Whether every component is ready (200) or not (503).',
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
};

/** The rows of the metrics that this process has. */
function metricPaths(metrics: readonly string[]): Json {
  return {
    '/v1/metrics/{metric}': {
      get: {
        summary: 'Rows of a metric.',
        parameters: [
          { name: 'metric', in: 'path', required: true, schema: { enum: metrics } },
          WINDOW,
          ...Object.values(RANGE),
          queryParameter('total', { type: 'boolean' }, 'Also merge all windows of the range.'),
          queryParameter(
            'top',
            { type: 'integer', minimum: 1, maximum: 1000 },
            'With total: keep the N largest keys, and merge the others into "other".',
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
  };
}

/** The API as an OpenAPI 3.1 document, made from the event schema, the catalogue and the error codes. */
export function openApi(status: Status): Json {
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
      ...INGEST_PATHS,
      ...metricPaths(status.metrics.map(({ name }) => name)),
      ...STATE_PATHS,
      ...ADMIN_PATHS,
      ...IMPORT_PATHS,
      ...PROCESS_PATHS,
    },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } }, schemas: SCHEMAS },
  };
}
