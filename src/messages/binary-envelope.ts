import { ArbotError } from './errors.js';
import { senderName, type MessageHeader } from './header.js';
import * as p from './primitives.js';

/**
 * The envelope of kinds whose body is bytes. Little-endian:
 *
 *   0 u8 magic          1 u8 layout version  2 u16 kind version
 *   4 u8 sender length  5 u8 trace length    6 u8 id length, 0 = none   7 u8 zero
 *   8 u32 total length  12 u32 zero          16 f64 sentAtMs
 *  24 the three ASCII texts, zeros up to a multiple of 8, then the body, itself a multiple of 8 bytes
 */

/** First byte; no JSON text and no single book begins with it. */
const MAGIC = 0xb8;
const LAYOUT_VERSION = 1;
const HEADER_BYTES = 24;

export interface BinaryMessage {
  readonly header: MessageHeader;
  /** Where the body begins; it ends with the message. */
  readonly bodyAt: number;
}

export function isBinaryBytes(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC;
}

/** `header` was checked by the caller. Throws ARB_MESSAGE_INVALID for a body that is not a multiple of 8 bytes. */
export function encodeBinary(body: Uint8Array, header: MessageHeader, kindVersion: number): Uint8Array {
  if (body.length % 8 !== 0) throw invalid(`body.bytes: ${body.length} bytes, not a multiple of 8`);
  const { sender, traceId, id = '' } = header;
  const bodyAt = padded(HEADER_BYTES + sender.length + traceId.length + id.length);
  const bytes = new Uint8Array(bodyAt + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, MAGIC);
  view.setUint8(1, LAYOUT_VERSION);
  view.setUint16(2, kindVersion, true);
  view.setUint8(4, sender.length);
  view.setUint8(5, traceId.length);
  view.setUint8(6, id.length);
  view.setUint32(8, bytes.length, true);
  view.setFloat64(16, header.sentAtMs, true);
  let at = HEADER_BYTES;
  for (const text of [sender, traceId, id])
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  bytes.set(body, bodyAt);
  return bytes;
}

/** Reads and checks everything but the body. Throws ARB_MESSAGE_INVALID naming the field. */
export function openBinary(bytes: Uint8Array, kindVersion: number): BinaryMessage {
  if (bytes.length < HEADER_BYTES) throw invalid(`length: ${bytes.length} bytes, shorter than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [layout, kind] = [view.getUint8(1), view.getUint16(2, true)];
  if (layout !== LAYOUT_VERSION)
    throw invalid(`layout: version ${layout} is not known, only ${LAYOUT_VERSION}`);
  if (kind !== kindVersion) throw invalid(`kv: version ${kind} is not known, only ${kindVersion}`);
  if (view.getUint8(7) !== 0 || view.getUint32(12, true) !== 0) throw invalid('flags: unknown bits are set');
  const [sender, trace, id] = [view.getUint8(4), view.getUint8(5), view.getUint8(6)];
  const bodyAt = padded(HEADER_BYTES + sender + trace + id);
  const total = view.getUint32(8, true);
  if (total !== bytes.length || bodyAt > total || total % 8 !== 0)
    throw invalid(`length: ${bytes.length} bytes where ${total} are announced`);
  const traceAt = HEADER_BYTES + sender;
  const idAt = traceAt + trace;
  return { bodyAt, header: { ...headerOf(bytes, view, traceAt, idAt), ...idOf(bytes, idAt, id) } };
}

function headerOf(bytes: Uint8Array, view: DataView, traceAt: number, idAt: number): MessageHeader {
  const sentAtMs = view.getFloat64(16, true);
  if (!(sentAtMs >= 0 && sentAtMs <= 8.64e15)) throw invalid('sentAtMs: not a time');
  const sender = asciiOf(bytes, HEADER_BYTES, traceAt);
  if (!senderName.safeParse(sender).success) throw invalid('sender: not a valid name');
  return {
    sentAtMs: sentAtMs === 0 ? 0 : sentAtMs,
    sender,
    traceId: entityOf(bytes, traceAt, idAt, 'trace'),
  };
}

function idOf(bytes: Uint8Array, at: number, length: number): { id?: string } {
  return length === 0 ? {} : { id: entityOf(bytes, at, at + length, 'id') };
}

function entityOf(bytes: Uint8Array, from: number, to: number, field: string): string {
  const text = asciiOf(bytes, from, to);
  if (!p.entityId.safeParse(text).success) throw invalid(`${field}: not a valid name`);
  return text;
}

/** Each byte becomes one character; the patterns of names accept ASCII only. */
export function asciiOf(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

const padded = (length: number): number => (length + 7) & ~7;

function invalid(what: string): ArbotError {
  return new ArbotError('ARB_MESSAGE_INVALID', `boardBatch: ${what}`);
}
