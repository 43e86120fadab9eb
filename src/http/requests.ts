import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { assetId, count, exchangeId } from '../messages/primitives.js';
import { limitChanges } from '../messages/risk-control.js';
import { haltPolicy } from '../messages/risk.js';
import { actorState, nodeName } from './cluster-answers.js';
import { HttpProblem } from './problem.js';

/** What may be asked, as schemas: they check each request, and the OpenAPI document is made of them. */

const reason = z.string().trim().min(1).max(300);

export const limitQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

const moment = z.coerce.number().finite().min(0).max(8.64e15);
export const periodQuery = z.strictObject({ from: moment.default(0), to: moment.default(8.64e15) });

export const actorsQuery = z.strictObject({
  node: nodeName.optional(),
  /** `feed`, `gate`, `supervisor` … */
  kind: z.string().min(1).max(64).optional(),
  state: actorState.optional(),
  /** Somewhere in path, kind or last error, upper or lower case. */
  text: z.string().min(1).max(100).optional(),
});
export type ActorsQuery = z.infer<typeof actorsQuery>;

export const limitsBody = z.strictObject({
  /** Key → new value; null = back to the file. */
  changes: limitChanges,
  /** The version that was looked at: of two people who change the same, the second looks again. */
  version: count,
  reason,
});

export const controlBody = z.strictObject({
  action: z.enum(['trip-breaker', 'reset-breaker', 'reset-losses']),
  exchange: exchangeId.optional(),
  reason,
});

export const reasonBody = z.strictObject({ reason });

export const killSwitchBody = z.strictObject({
  engaged: z.boolean(),
  reason,
  policy: haltPolicy.optional(),
});

export const adoptBody = z.strictObject({ exchange: exchangeId, asset: assetId });

/** @throws HttpProblem naming the first field that is wrong. */
export function bodyOf<S extends z.ZodType>(schema: S, request: FastifyRequest): z.output<S> {
  return checked(schema, request.body, 'body');
}

/** @throws HttpProblem naming the first field that is wrong. */
export function queryOf<S extends z.ZodType>(schema: S, request: FastifyRequest): z.output<S> {
  return checked(schema, request.query, 'query');
}

export function checked<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || what;
  throw new HttpProblem(400, 'BAD_REQUEST', `${where}: ${issue?.message ?? 'refused'}`);
}

export function limitOf(request: FastifyRequest): number {
  const parsed = limitQuery.safeParse(request.query);
  if (parsed.success) return parsed.data.limit;
  throw new HttpProblem(
    400,
    'BAD_REQUEST',
    'limit: must be a whole number from 1 to 500; nothing else may be asked',
  );
}
