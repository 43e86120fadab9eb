import { z } from 'zod';
import { encodeBinary, isBinaryBytes, openBinary } from './binary-envelope.js';
import { checkBookTop, decodeBookTop, encodeBookTop, isBookBytes } from './book-codec.js';
import { MESSAGES, type MessageKind, type MessageOf } from './catalogue.js';
import { ArbotError, ERROR_CODES, errorText, type ErrorCode } from './errors.js';
import { messageHeader, senderName, type MessageHeader } from './header.js';
import { exceedsDepth, issueText } from './inspection.js';
import * as p from './primitives.js';

/**
 * Messages ⇔ bytes. An envelope carries who sent what, when and because of which cause; the body is checked against the
 * schema of its kind on both sides, so that a defect shows at the sender and a foreign message stops at the receiver.
 * Text is JSON; plain `bookTop` messages take the compact layout of book-codec.ts, `boardBatch` that of binary-envelope.ts.
 */

/** Version of the envelope itself. A receiver refuses any other. */
export const ENVELOPE_VERSION = 1;
/** A NATS server's default payload limit; larger messages are refused before they are parsed. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** Deeper JSON is refused before it is parsed: parsing millions of levels stalls the event loop for seconds. */
export const MAX_NESTING = 32;

const MAX_ERROR_TEXT = 500;

/** A message whose header was read and checked; its body is only checked when asked for. */
export interface OpenedMessage<K extends MessageKind> {
  readonly header: MessageHeader;
  /** The sender's error instead of a body: the answer to a request that failed. */
  readonly error: ArbotError | null;
  /** Throws ARB_MESSAGE_INVALID naming the field, or the carried error. */
  body(): MessageOf<K>;
}

const envelope = z.strictObject({
  v: z.literal(ENVELOPE_VERSION),
  kind: z.string().max(64),
  kv: p.count,
  id: p.entityId.optional(),
  trace: p.traceId,
  sender: senderName,
  sentAtMs: p.timeMs,
  body: z.unknown().optional(),
  error: z
    .strictObject({
      code: z.string().regex(/^[A-Z][A-Z_]{1,63}$/),
      message: z.string().max(MAX_ERROR_TEXT),
      retryable: z.boolean(),
    })
    .optional(),
});
type Envelope = z.infer<typeof envelope>;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Throws ARB_MESSAGE_INVALID naming the refused field, or ARB_MESSAGE_TOO_LARGE. */
export function encodeMessage<K extends MessageKind>(
  kind: K,
  body: MessageOf<K>,
  header: MessageHeader,
): Uint8Array {
  const checked = checkBody(kind, body);
  if (isBatch(kind, checked)) {
    const bytes = encodeBinary(checked.bytes, checkHeader(kind, header), MESSAGES.boardBatch.version);
    checkSize(bytes.length, kind);
    return bytes;
  }
  if (isBook(kind, checked) && header.id === undefined) {
    return encodeBookTop(checked, checkHeader(kind, header), MESSAGES.bookTop.version);
  }
  return write(kind, header, { body: checked });
}

/** The reply that tells a requester why there is no answer. */
export function encodeError(kind: MessageKind, error: ArbotError, header: MessageHeader): Uint8Array {
  const message = error.message.slice(0, MAX_ERROR_TEXT);
  return write(kind, header, { error: { code: error.code, message, retryable: error.retryable } });
}

/** Reads and checks the header of a message that must be of `kind`. Throws ARB_MESSAGE_INVALID or ARB_MESSAGE_TOO_LARGE. */
export function openMessage<K extends MessageKind>(bytes: Uint8Array, kind: K): OpenedMessage<K> {
  checkSize(bytes.length, kind);
  if (isBookBytes(bytes)) return openBook(bytes, kind);
  if (isBinaryBytes(bytes)) return openBatch(bytes, kind);
  const parsed = envelope.safeParse(parseJson(bytes, kind));
  if (!parsed.success) throw invalid(kind, issueText(parsed.error));
  checkKind(parsed.data, kind);
  if (kind === 'boardBatch' && parsed.data.error === undefined) throw invalid(kind, 'body: is not binary');
  const error = carriedError(parsed.data, kind);
  const body = parsed.data.body;
  return {
    header: headerOf(parsed.data),
    error,
    body() {
      if (error !== null) throw error;
      return checkBody(kind, body);
    },
  };
}

/** Header and checked body in one step. Throws what `openMessage` throws, and the carried error of an error reply. */
export function decodeMessage<K extends MessageKind>(
  bytes: Uint8Array,
  kind: K,
): { header: MessageHeader; body: MessageOf<K> } {
  const opened = openMessage(bytes, kind);
  return { header: opened.header, body: opened.body() };
}

function write(
  kind: MessageKind,
  header: MessageHeader,
  content: Pick<Envelope, 'body' | 'error'>,
): Uint8Array {
  const { traceId, sender, sentAtMs, id } = checkHeader(kind, header);
  const wire: Envelope = {
    v: ENVELOPE_VERSION,
    kind,
    kv: MESSAGES[kind].version,
    ...(id === undefined ? {} : { id }),
    trace: traceId,
    sender,
    sentAtMs,
    ...content,
  };
  const bytes = utf8.encode(JSON.stringify(wire));
  checkSize(bytes.length, kind);
  return bytes;
}

function checkHeader(kind: MessageKind, header: MessageHeader): MessageHeader {
  const parsed = messageHeader.safeParse(header);
  if (!parsed.success) throw invalid(kind, issueText(parsed.error));
  return parsed.data;
}

function checkBody<K extends MessageKind>(kind: K, body: unknown): MessageOf<K> {
  const parsed = MESSAGES[kind].schema.safeParse(body);
  if (!parsed.success) throw invalid(kind, issueText(parsed.error, 'body'));
  const checked = parsed.data as MessageOf<K>;
  if (isBook(kind, checked)) {
    const problem = checkBookTop(checked);
    if (problem !== null) throw invalid(kind, `body.${problem}`);
  }
  return checked;
}

function openBook<K extends MessageKind>(bytes: Uint8Array, kind: K): OpenedMessage<K> {
  if (kind !== 'bookTop') throw invalid(kind, 'kind: is bookTop');
  const { header, book } = decodeBookTop(bytes, MESSAGES.bookTop.version);
  return { header, error: null, body: () => book as MessageOf<K> };
}

/** The body is a copy that begins a buffer of its own: its reader needs it aligned, and subscribers share nothing. */
function openBatch<K extends MessageKind>(bytes: Uint8Array, kind: K): OpenedMessage<K> {
  if (kind !== 'boardBatch') throw invalid(kind, 'kind: is boardBatch');
  const { header, bodyAt } = openBinary(bytes, MESSAGES.boardBatch.version);
  const body = () => {
    const copy = new Uint8Array(bytes.length - bodyAt);
    copy.set(bytes.subarray(bodyAt));
    return { bytes: copy } as MessageOf<K>;
  };
  return { header, error: null, body };
}

function isBatch(kind: MessageKind, _body: MessageOf<MessageKind>): _body is MessageOf<'boardBatch'> {
  return kind === 'boardBatch';
}

function isBook(kind: MessageKind, _body: MessageOf<MessageKind>): _body is MessageOf<'bookTop'> {
  return kind === 'bookTop';
}

function parseJson(bytes: Uint8Array, kind: MessageKind): unknown {
  if (exceedsDepth(bytes, MAX_NESTING)) throw invalid(kind, `nested deeper than ${MAX_NESTING} levels`);
  try {
    return JSON.parse(strictUtf8.decode(bytes));
  } catch (error) {
    throw new ArbotError('ARB_MESSAGE_INVALID', `${kind}: not JSON text: ${errorText(error).slice(0, 120)}`);
  }
}

function checkKind(wire: Envelope, kind: MessageKind): void {
  if (!Object.hasOwn(MESSAGES, wire.kind)) throw invalid(kind, `kind: '${wire.kind}' is not known`);
  if (wire.kind !== kind) throw invalid(kind, `kind: is '${wire.kind}'`);
  const known = MESSAGES[kind].version;
  if (wire.kv !== known) throw invalid(kind, `kv: version ${wire.kv} is not known, only ${known}`);
}

function carriedError(wire: Envelope, kind: MessageKind): ArbotError | null {
  if ((wire.body === undefined) === (wire.error === undefined)) {
    throw invalid(kind, 'body: exactly one of body and error must be there');
  }
  if (wire.error === undefined) return null;
  const { code, message, retryable } = wire.error;
  if (isErrorCode(code)) return new ArbotError(code, message, { retryable });
  return new ArbotError('ARB_RESPONDER_FAILED', `${code}: ${message}`, { retryable });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

function headerOf(wire: Envelope): MessageHeader {
  const { trace, sender, sentAtMs, id } = wire;
  return { traceId: trace, sender, sentAtMs, ...(id === undefined ? {} : { id }) };
}

function checkSize(bytes: number, kind: MessageKind): void {
  if (bytes <= MAX_MESSAGE_BYTES) return;
  throw new ArbotError('ARB_MESSAGE_TOO_LARGE', `${kind}: ${bytes} bytes, at most ${MAX_MESSAGE_BYTES}`);
}

function invalid(kind: MessageKind, what: string): ArbotError {
  return new ArbotError('ARB_MESSAGE_INVALID', `${kind}: ${what}`);
}
