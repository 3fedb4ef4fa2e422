import { z } from 'zod';
import { choiceSchema } from '../imports/choice.ts';
import { answers, type Json, queryParameter, ref } from './openapi-parts.ts';

const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
const CHOICE = { content: { 'application/json': { schema: ref('ImportChoice') } } };
const REFUSED = ['unauthorized', 'forbidden', 'import_gone'] as const;

/** The addresses by which the page imports files: announce, upload, look, load. */
export const IMPORT_PATHS: Json = {
  '/v1/imports': {
    get: {
      summary: 'Files that are being imported. Scope admin, as for all of /v1/imports.',
      responses: answers('Imports', 'The files, and what a form offers.', ['unauthorized', 'forbidden']),
    },
    post: {
      summary: 'Announce a file. It is removed if nobody requests it for 5 minutes.',
      parameters: [
        queryParameter('name', { type: 'string' }, 'Its name, for display.'),
        { ...queryParameter('bytes', { type: 'integer', minimum: 0 }, 'Its size.'), required: true },
      ],
      responses: answers(
        'Import',
        'The import; upload its content next.',
        [
          'bad_request',
          'unauthorized',
          'forbidden',
          'other_role',
          'too_large',
          'too_many_imports',
          'disk_full',
        ],
        201,
      ),
    },
  },
  '/v1/imports/{id}': {
    get: {
      summary: 'State of an import: uploading, ready, loading, counting, done, failed or cancelled.',
      parameters: [ID],
      responses: answers('Import', 'The import.', [...REFUSED]),
    },
    delete: {
      summary: 'Cancel an import, and remove its file. Events that are already stored stay.',
      parameters: [ID],
      responses: answers('Import', 'Its last state.', [...REFUSED]),
    },
  },
  '/v1/imports/{id}/content': {
    put: {
      summary: 'Upload a file, in one piece or several.',
      parameters: [
        ID,
        queryParameter(
          'offset',
          { type: 'integer', minimum: 0 },
          'Where the piece begins: received_bytes of the import.',
        ),
      ],
      requestBody: {
        required: true,
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
      responses: answers('Import', 'The piece is stored.', [
        'bad_request',
        ...REFUSED,
        'timeout',
        'wrong_offset',
        'too_large',
        'import_refused',
        'disk_full',
      ]),
    },
  },
  '/v1/imports/{id}/preview': {
    post: {
      summary: 'Try a file: a record before and after, counts, findings, and the mapping as a form.',
      parameters: [ID, queryParameter('guess', { type: 'boolean' }, 'With the mapping that fits best.')],
      requestBody: CHOICE,
      responses: answers('ImportPreview', 'The result. Nothing was stored.', [
        'bad_json',
        'bad_mapping',
        ...REFUSED,
        'import_busy',
        'import_refused',
        'disk_full',
      ]),
    },
  },
  '/v1/imports/{id}/load': {
    post: {
      summary:
        'Load a file, as "tillstream load" does. Responds at once; GET /v1/imports/{id} shows the progress.',
      parameters: [ID, queryParameter('again', { type: 'boolean' }, 'Load again what was loaded before.')],
      requestBody: CHOICE,
      responses: answers(
        'Import',
        'The load has started.',
        ['bad_json', 'bad_mapping', ...REFUSED, 'demo', 'import_busy', 'import_refused', 'other_role'],
        202,
      ),
    },
  },
};

const count = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const orNull = (schema: Json) => ({ oneOf: [schema, { type: 'null' }] });

export const IMPORT_SCHEMAS: Json = {
  Imports: {
    type: 'object',
    properties: {
      bytes_max: count,
      mappings: { type: 'array', items: { type: 'object', properties: { name: text, description: text } } },
      event_types: { type: 'array', items: text, description: 'Those that metrics use.' },
      imports: { type: 'array', items: ref('Import') },
    },
  },
  Import: {
    type: 'object',
    properties: {
      id: text,
      name: text,
      bytes: count,
      received_bytes: count,
      state: { enum: ['uploading', 'ready', 'loading', 'counting', 'done', 'failed', 'cancelled'] },
      progress: orNull({
        type: 'object',
        description: 'Of this load alone.',
        properties: {
          bytes_read: { type: ['integer', 'null'] },
          received: count,
          events: count,
          bad_rows: count,
          left_out: count,
          stored_before: count,
        },
      }),
      result: orNull({ type: 'object', description: 'The output of `tillstream load --json`.' }),
      error: orNull({ type: 'object', properties: { message: text } }),
    },
  },
  ImportChoice: z.toJSONSchema(choiceSchema, { io: 'input' }) as Json,
  ImportPreview: {
    type: 'object',
    properties: {
      description: text,
      refusal: orNull({ ...text, description: "Why the file can't be read with this mapping." }),
      map: orNull({ ...text, description: 'The name of the mapping, if it has one.' }),
      mapping: orNull({ ...text, description: 'The mapping as YAML, if it has no name.' }),
      is_guess: { type: 'boolean' },
      is_whole: { type: 'boolean', description: 'The entire file was tried, and not only its beginning.' },
      example: orNull({ type: 'object', properties: { record: text, event: text } }),
      loaded_before: orNull({
        type: 'object',
        description: 'What an earlier load has stored of this content.',
      }),
      settings: { type: 'object' },
      columns: { type: 'array', items: { type: 'object', properties: { path: text, example: text } } },
      fields: { type: 'array', items: { type: 'object' } },
      items: { type: 'object', description: 'Where the lines of an order come from.' },
      event_types: { type: 'array', items: { type: 'object' } },
      result: orNull({ type: 'object' }),
      metrics: { type: 'object', description: 'What the dashboard would show.' },
    },
  },
};
