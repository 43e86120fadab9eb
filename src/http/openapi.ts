import { z } from 'zod';
import * as answers from './answers.js';
import { ROUTES, type Route } from './routes.js';

type Json = Readonly<Record<string, unknown>>;

const STATUSES: Readonly<Record<string, string>> = {
  '400': 'The request is malformed; the field is named.',
  '401': 'A bearer token is needed.',
  '403': 'Host, origin or mode do not allow it.',
  '404': 'There is no such thing.',
  '409': 'It cannot be done as things are.',
  '429': 'Too many requests, or too many wrong tokens.',
  '500': 'It failed, see the log.',
  '503': 'It cannot be done now; later it may.',
};

/** The API as an OpenAPI 3.1 document. */
export function openApiOf(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of ROUTES) {
    const method = route.route.slice(0, route.route.indexOf(' ')).toLowerCase();
    paths[route.path] = { ...paths[route.path], [method]: operationOf(route, method) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ArBot',
      version,
      description: 'Inspection and actions. Reading is open on loopback; everything else needs the token.',
    },
    paths,
    components: {
      schemas: { Problem: schemaOf(answers.problem, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf({ summary, parameters = {}, query, body, answer, unwell }: Route, method: string): Json {
  const given = [
    ...Object.entries(parameters).map(([name, schema]) => parameter(name, 'path', schema)),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) =>
      parameter(name, 'query', schema as z.ZodType),
    ),
  ];
  const ok = { description: 'Done.', content: contentOf(answer) };
  const problem = { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } };
  const failures = Object.entries(STATUSES).map(
    ([status, description]) => [status, { description, content: problem }] as const,
  );
  return {
    summary,
    ...(given.length > 0 && { parameters: given }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      '200': ok,
      ...Object.fromEntries(failures),
      ...(unwell === true && { '503': { description: 'It does not.', content: contentOf(answer) } }),
    },
    security: method === 'get' ? [{}, { token: [] }] : [{ token: [] }],
  };
}

const parameter = (name: string, where: 'path' | 'query', schema: z.ZodType): Json => ({
  name,
  in: where,
  required: where === 'path',
  schema: schemaOf(schema, 'input'),
  // A path holds slashes.
  ...(name === 'path' && { description: 'As it is shown, slashes included.' }),
});

const contentOf = (answer: Route['answer']): Json =>
  typeof answer === 'string'
    ? { [answer]: { schema: { type: 'string' } } }
    : { 'application/json': { schema: schemaOf(answer, 'output') } };

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
}
