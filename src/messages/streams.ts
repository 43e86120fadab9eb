import type { MessageKind } from './catalogue.js';
import { openMessage } from './codec.js';
import { ArbotError } from './errors.js';

/**
 * Which messages late readers and other programs find in which stream. An entry is a message in its envelope, as text; the
 * same text as on the bus, so that one decoder reads both.
 */
export const STREAMS = {
  signals: ['signal'],
  verdicts: ['verdict'],
  orders: ['legResult', 'arbitrageClosed'],
  fills: ['fill'],
} as const satisfies Readonly<Record<string, readonly MessageKind[]>>;

export type StreamName = keyof typeof STREAMS;
export const STREAM_NAMES = Object.keys(STREAMS) as readonly StreamName[];

/** An approval's nonce is for the order gateways alone; copies of verdicts carry this instead. */
export const NO_NONCE = '0'.repeat(32);

const utf8 = new TextEncoder();

/** The kind of an entry's message, with header and body checked. Throws ARB_MESSAGE_INVALID or ARB_MESSAGE_TOO_LARGE naming the field. */
export function checkStreamBody(stream: StreamName, body: string): MessageKind {
  // A lone surrogate would come back as another character.
  if (/[\ud800-\udfff]/u.test(body)) throw refused(stream, 'body: is not valid Unicode');
  const kind = kindOf(body);
  const taken: readonly MessageKind[] = STREAMS[stream];
  const found = taken.find((one) => one === kind);
  if (found === undefined) throw refused(stream, `kind: '${kind.slice(0, 64)}' does not belong here`);
  openMessage(utf8.encode(body), found).body();
  return found;
}

/** The first `kind` in the text is the envelope's: nothing that may have one of its own comes before it. */
const kindOf = (body: string): string => /^\s*\{[^{}[\]]*?"kind"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? '';

const refused = (stream: StreamName, what: string): ArbotError =>
  new ArbotError('ARB_MESSAGE_INVALID', `${stream}: ${what}`);
