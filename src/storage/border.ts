import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';
import { entityId } from '../messages/primitives.js';

/**
 * The border of every store: what goes in and what comes out matches its schema, and every text is one that all
 * implementations can keep exactly. A refusal names the field.
 */

/** NUL cannot be stored by PostgreSQL; a lone surrogate would silently become U+FFFD on the way to the disk. */
const NUL = '\u0000';
const LONE_SURROGATE = /[\ud800-\udfff]/u;

function refusedText(value: unknown, path: string): string | null {
  if (typeof value === 'string') {
    if (value.includes(NUL)) return `${path}: contains a NUL character`;
    return LONE_SURROGATE.test(value) ? `${path}: is not valid Unicode` : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    const refused = refusedText(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    if (refused !== null) return refused;
  }
  return null;
}

function pathText(what: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    what,
  );
}

/** Returns the value as its schema sees it; throws ARB_MESSAGE_INVALID naming the first wrong field. */
export function accept<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = pathText(what, issue?.path ?? []);
    throw new ArbotError('ARB_MESSAGE_INVALID', `${field}: ${issue?.message ?? 'refused'}`);
  }
  const refused = refusedText(parsed.data, what);
  if (refused !== null) throw new ArbotError('ARB_MESSAGE_INVALID', refused);
  return parsed.data;
}

/** A stored body back as a message. A body its schema refuses was written by another version or by hand. */
export function restore<T>(schema: z.ZodType<T>, body: string, what: string): T {
  return accept(schema, JSON.parse(body), what);
}

const pageLimit = z.number().int().min(1).max(10_000);
const position = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const idList = z.array(entityId).max(10_000);

/** Up to 10,000 ids to look up. */
export function acceptIds(ids: readonly string[]): readonly string[] {
  return accept(idList, ids, 'ids');
}

/** A page size of 1 to 10,000 rows. */
export function acceptLimit(limit: number): number {
  return accept(pageLimit, limit, 'limit');
}

/** A cursor: the position of the last row seen, 0 for the start. */
export function acceptPosition(value: number): number {
  return accept(position, value, 'afterPosition');
}
