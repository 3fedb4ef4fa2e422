import { API_ERRORS } from '../telemetry/errors.ts';

export type Json = Record<string, unknown>;

/** A parameter of the query. */
export function queryParameter(name: string, schema: Json, description: string): Json {
  return { name, in: 'query', schema, description };
}

/** A schema of the document. */
export function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** The answers of an address: its schema, and the errors with what to do. `status`: that of success. */
export function answers(
  schema: string,
  description: string,
  errors: (keyof typeof API_ERRORS)[],
  status = 200,
): Json {
  const answer: Json = {
    [status]: { description, content: { 'application/json': { schema: ref(schema) } } },
  };
  for (const code of errors) {
    const { status: ofError, hint } = API_ERRORS[code];
    const before = answer[ofError] as { description: string } | undefined;
    answer[ofError] = {
      // Several codes share a status.
      description: `${before ? `${before.description} ` : ''}${code}: ${hint}`,
      content: { 'application/json': { schema: ref('Error') } },
    };
  }
  return answer;
}
