import { setHeader, type FrameHeader, type FrameSink } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';

/** Gate's answers to requests and its pong (PROTOCOLS §9.1, §9.4). */

export interface GateTopic {
  /** With the levels for `spot.obu`, as `Capabilities.channels` names it: `spot.obu.400`. */
  readonly channel: string;
  readonly symbol: string;
}

/** `ob.BTC_USDT.400` of the channel `spot.obu`; null for another text. */
export function topicOf(name: string): GateTopic | null {
  const [, symbol, levels] = /^ob\.([^.]+)\.(\d{1,4})$/.exec(name) ?? [];
  return symbol === undefined ? null : { channel: `spot.obu.${levels!}`, symbol };
}

/** Reads an answer or a pong into the sink. False: the frame is neither. */
export function readControl(frame: f.Fields, channel: string, header: FrameHeader, sink: FrameSink): boolean {
  if (channel.endsWith('.pong')) {
    setHeader(header, 'control', channel, '', 'pong');
    sink.control({ kind: 'pong', channel, symbol: '', code: '', message: '' });
    return true;
  }
  const event = f.member(frame, 'event');
  const error = f.member(frame, 'error');
  const isRefused = error !== undefined && error !== null;
  if (event !== 'subscribe' && event !== 'unsubscribe' && !isRefused) return false;
  const topic = requested(frame, channel);
  setHeader(
    header,
    'control',
    topic.channel,
    topic.symbol,
    typeof event === 'string' ? event.slice(0, 32) : '',
  );
  if (isRefused) refusal(f.asFields(error, 'error'), topic, sink);
  else answered(frame, event === 'subscribe' ? 'subscribed' : 'unsubscribed', topic, sink);
  return true;
}

/** The subscription is there already; whatever is wrong with it, asking once more does not help [D]. */
const REPEATED = /\b(?:already|duplicate|repeat)/i;

function refusal(error: f.Fields, topic: GateTopic, sink: FrameSink): void {
  const code = f.member(error, 'code');
  if (typeof code !== 'number') throw new FrameError('error.code', 'a number', code);
  const message = f.textAt(error, 'message', 'error.');
  const kind = REPEATED.test(message) ? 'subscribed' : 'refused';
  const symbol = topic.symbol === '' ? pairIn(message) : topic.symbol;
  sink.control({ kind, channel: topic.channel, symbol, code: String(code), message });
}

/** An answer without an error is a success; a `result` that says something else is not believed [O]. */
function answered(
  frame: f.Fields,
  kind: 'subscribed' | 'unsubscribed',
  topic: GateTopic,
  sink: FrameSink,
): void {
  const status = f.textAt(f.fieldsAt(frame, 'result', ''), 'status', 'result.');
  sink.control({ kind: status === 'success' ? kind : 'refused', ...topic, code: '', message: status });
}

/** What was asked for: today's answers repeat the payload [P], those before 2024 do not. */
function requested(frame: f.Fields, channel: string): GateTopic {
  const payload = f.member(frame, 'payload');
  const first: unknown = Array.isArray(payload) ? (payload as unknown[])[0] : undefined;
  if (typeof first !== 'string' || first.length > 64) return { channel, symbol: '' };
  if (channel === 'spot.obu') return topicOf(first) ?? { channel, symbol: '' };
  // Candlesticks and the like have parameters of their own.
  return { channel, symbol: /^[A-Z0-9]+_[A-Z0-9]+$/.test(first) ? first : '' };
}

/** `unknown currency pair: NOPE_USDT` [P]. */
function pairIn(message: string): string {
  return /\b[A-Z0-9]+_[A-Z0-9]+\b/.exec(message)?.[0] ?? '';
}
