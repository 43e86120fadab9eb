import type { z } from 'zod';
import { exceedsDepth, issueText } from '../../messages/inspection.js';
import { ArbotError, errorText } from '../../messages/errors.js';
import { MAX_NESTING } from '../../messages/codec.js';
import { MAX_REMOTE_BODY } from '../../messages/remote.js';
import type { Reply } from '../../runtime/actor.js';

/**
 * How messages of one actor travel: the part that is data, checked by a schema on both sides, and the asker's reply, which stays
 * behind and is answered from there.
 */
export interface RemoteCodec<M, B = never, A = never> {
  readonly body: z.ZodType<B>;
  readonly answer: z.ZodType<A>;
  split(message: M): { readonly body: B; readonly reply: Reply<A> | null };
  /** `reply` null = nobody asked. Throws for a body that is a question then. */
  join(body: B, reply: Reply<A> | null): M;
}

/** Types a codec; returns it unchanged. */
export function remoteCodec<M, B, A>(codec: RemoteCodec<M, B, A>): RemoteCodec<M, B, A> {
  return codec;
}

const utf8 = new TextEncoder();

/** Throws ARB_MESSAGE_INVALID naming the refused field, or ARB_MESSAGE_TOO_LARGE. */
export function toText<T>(schema: z.ZodType<T>, value: T, what: string): string {
  const text = JSON.stringify(checked(schema, value, what));
  if (text.length <= MAX_REMOTE_BODY) return text;
  throw new ArbotError(
    'ARB_MESSAGE_TOO_LARGE',
    `${what}: ${text.length} characters, at most ${MAX_REMOTE_BODY}`,
  );
}

/** Throws ARB_MESSAGE_INVALID naming the refused field. */
export function fromText<T>(schema: z.ZodType<T>, text: string, what: string): T {
  if (exceedsDepth(utf8.encode(text), MAX_NESTING))
    throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: nested deeper than ${MAX_NESTING} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: not JSON text: ${errorText(error).slice(0, 120)}`);
  }
  return checked(schema, value, what);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: ${issueText(parsed.error)}`);
  return parsed.data;
}
