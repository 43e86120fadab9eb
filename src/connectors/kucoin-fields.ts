import type { Side } from '../messages/primitives.js';
import { parsePrice, parseSize } from '../market/float-text.js';
import type { ControlKind, TradeEvent } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type { LevelBuffer } from './level-buffer.js';

/** Readers of what only KuCoin spells: nanoseconds, counters as text, numbered changes, control frames (PROTOCOLS §8). */

/**
 * A time in ns as Unix ms. Beyond 2^53, so that it arrives as text of 19 digits [P]; the page of one channel prints μs, 16
 * digits [O], which cannot be confused with it.
 */
export function nanosecondsAt(fields: f.Fields, key: string, path: string): number {
  const value = f.member(fields, key);
  const match = typeof value === 'string' ? /^([1-9]\d{12})(?:\d{3}|\d{6})$/.exec(value) : null;
  if (match === null) throw new FrameError(path + key, 'a Unix time in ns', value);
  return Number(match[1]);
}

/** A counter that REST and quotes spell as text. */
export function counterTextAt(fields: f.Fields, key: string, path: string): number {
  const value = f.member(fields, key);
  const count = counterOf(value);
  if (Number.isNaN(count)) throw new FrameError(path + key, 'a whole number as text', value);
  return count;
}

/** NaN for anything else than the text of a safe whole number. */
function counterOf(value: unknown): number {
  const count = typeof value === 'string' && /^(?:0|[1-9]\d{0,15})$/.test(value) ? Number(value) : NaN;
  return Number.isSafeInteger(count) ? count : NaN;
}

export function sameSymbol(fields: f.Fields, key: string, path: string, symbol: string): void {
  if (f.symbolAt(fields, key, path) !== symbol) {
    throw new FrameError(path + key, 'the symbol of the topic', f.member(fields, key));
  }
}

/** `[[price, size, sequence], …]`. Price "0" changes no level: its number only says that the frame covers it. */
export function changesAt(fields: f.Fields, key: string, path: string, into: LevelBuffer): void {
  const rows = f.listAt(fields, key, path, into.maxLevels);
  into.clear();
  for (let i = 0; i < rows.length; i++) {
    const at = `${path}${key}[${i}]`;
    const row = rows[i];
    if (!Array.isArray(row) || row.length < 3)
      throw new FrameError(at, 'a change [price, size, sequence]', row);
    const price = parseSize(row[0] as string);
    if (!(price >= 0)) throw new FrameError(`${at}[0]`, 'a price not below 0', row[0]);
    const size = parseSize(row[1] as string);
    if (!(size >= 0)) throw new FrameError(`${at}[1]`, 'a size not below 0', row[1]);
    const sequence = counterOf(row[2]);
    if (Number.isNaN(sequence)) throw new FrameError(`${at}[2]`, 'a whole number as text', row[2]);
    if (price > 0) into.addNumbered(price, size, sequence);
  }
  into.orderBySequence();
}

/** `["price","size"]`, or an empty list. */
export function bestLevelAt(fields: f.Fields, key: string, path: string, into: LevelBuffer): void {
  const row = f.listAt(fields, key, path, 2);
  into.clear();
  if (row.length === 0) return;
  const price = parsePrice(row[0] as string);
  if (!(price > 0)) throw new FrameError(`${path}${key}[0]`, 'a price above 0', row[0]);
  const size = parseSize(row[1] as string);
  if (!(size >= 0)) throw new FrameError(`${path}${key}[1]`, 'a size not below 0', row[1]);
  into.add(price, size);
}

export function classicTrade(data: f.Fields, channel: string, symbol: string): TradeEvent {
  sameSymbol(data, 'symbol', 'data.', symbol);
  return {
    symbol,
    channel,
    tradeId: f.idAt(data, 'tradeId', 'data.'),
    price: f.positiveTextAt(data, 'price', 'data.'),
    quantity: f.positiveTextAt(data, 'size', 'data.'),
    side: takerSide(data, 'side', 'data.'),
    exchangeTimeMs: nanosecondsAt(data, 'time', 'data.'),
  };
}

export function proTrade(data: f.Fields, channel: string, symbol: string): TradeEvent {
  return {
    symbol,
    channel,
    tradeId: f.idAt(data, 'ti', 'd.'),
    price: f.positiveTextAt(data, 'p', 'd.'),
    quantity: f.positiveTextAt(data, 'q', 'd.'),
    side: takerSide(data, 'S', 'd.'),
    exchangeTimeMs: nanosecondsAt(data, 'M', 'd.'),
  };
}

/** The Pro socket spells sides in small letters in trades and in capitals elsewhere [P]. */
function takerSide(data: f.Fields, key: string, path: string): Side {
  const value = f.member(data, key);
  if (value === 'buy' || value === 'BUY') return 'buy';
  if (value === 'sell' || value === 'SELL') return 'sell';
  throw new FrameError(path + key, "'buy' or 'sell'", value);
}

export interface ControlFacts {
  readonly kind: ControlKind;
  /** The exchange's own word; '' for a frame that is none. */
  readonly detail: string;
  readonly code: string;
  readonly message: string;
}

const NO_CONTROL: ControlFacts = { kind: 'subscribed', detail: '', code: '', message: '' };
const TYPES: Readonly<Record<string, ControlKind>> = {
  welcome: 'welcome',
  ack: 'subscribed',
  pong: 'pong',
  error: 'refused',
};

/** `{id,type}` of the classic socket; `{id,result}`, `{sessionId,message:"welcome"}` and also `{type}` of the Pro one. */
export function controlOf(frame: f.Fields): ControlFacts {
  const type = f.member(frame, 'type');
  if (typeof type === 'string' && Object.hasOwn(TYPES, type)) {
    const refused = type === 'error';
    const code = refused ? String(f.counterAt(frame, 'code', '')) : '';
    return { kind: TYPES[type]!, detail: type, code, message: refused ? shortText(frame, 'data') : '' };
  }
  if (f.member(frame, 'message') === 'welcome') return { ...NO_CONTROL, kind: 'welcome', detail: 'welcome' };
  if (!Object.hasOwn(frame, 'result')) return NO_CONTROL;
  const result = f.member(frame, 'result');
  // The page prints a text, the wire has a boolean.
  if (result === true || result === 'true') return { ...NO_CONTROL, detail: 'ack' };
  if (result !== false && result !== 'false') throw new FrameError('result', 'true or false', result);
  const message = shortText(frame, 'message') || shortText(frame, 'reason');
  return { kind: 'refused', detail: 'error', code: '', message };
}

function shortText(fields: f.Fields, key: string): string {
  const value = f.member(fields, key);
  return typeof value === 'string' ? value.slice(0, 256) : '';
}
