import { Decimal, isDecimalText, parseDecimal, toText, ZERO } from '../market/decimal.js';
import type { DecimalText, Side } from '../messages/primitives.js';
import { idAt, member, unsignedTextAt, type Fields } from './fields.js';
import { FrameError } from './frame-error.js';
import type { OrderReference, OrderReport, PrivateCall, ReportedStatus } from './order-entry.js';

/** Strict readers for orders, trades and balances, beside those of `fields.ts`; every error names the field. */

/** Decimal text of either sign. */
export function signedTextAt(fields: Fields, key: string, path: string): DecimalText {
  const value = member(fields, key);
  if (typeof value === 'string' && isDecimalText(value)) return value;
  throw new FrameError(path + key, 'a decimal', value);
}

/** As `signedTextAt`; 0 where the exchange leaves the field out, empty or null. */
export function signedOrZeroAt(fields: Fields, key: string, path: string): DecimalText {
  return isAbsent(fields, key) ? '0' : signedTextAt(fields, key, path);
}

/** Decimal text not below 0; 0 where the exchange leaves the field out, empty or null. */
export function unsignedOrZeroAt(fields: Fields, key: string, path: string): DecimalText {
  return isAbsent(fields, key) ? '0' : unsignedTextAt(fields, key, path);
}

/** True for a field that is not there, null or empty text: all three mean "no value". */
export function isAbsent(fields: Fields, key: string): boolean {
  const value = member(fields, key);
  return value === undefined || value === null || value === '';
}

/** Text of 0 to 256 characters; '' where it is absent. */
export function wordAt(fields: Fields, key: string, path: string): string {
  if (isAbsent(fields, key)) return '';
  const value = member(fields, key);
  if (typeof value === 'string' && value.length <= 256) return value;
  throw new FrameError(path + key, 'a text', value);
}

/** A client's id as the exchange repeats it: up to 64 printable characters, '' where there is none. */
export function clientIdAt(fields: Fields, key: string, path: string): string {
  const value = wordAt(fields, key, path);
  if (/^[\x20-\x7e]{0,64}$/.test(value)) return value;
  throw new FrameError(path + key, 'an order id of a client', value);
}

/** A counted id of up to 20 digits, as text. */
export function countedIdAt(fields: Fields, key: string, path: string): string {
  const value = idAt(fields, key, path);
  if (/^\d{1,20}$/.test(value)) return value;
  throw new FrameError(path + key, 'a counted id', value);
}

/** The word for a side, as each exchange spells it. */
export function sideAt(
  fields: Fields,
  key: string,
  path: string,
  words: { readonly buy: string; readonly sell: string },
): Side {
  const value = member(fields, key);
  if (value === words.buy) return 'buy';
  if (value === words.sell) return 'sell';
  throw new FrameError(path + key, `'${words.buy}' or '${words.sell}'`, value);
}

/** Minus the amount; 0 has no sign. */
export function negated(text: DecimalText): DecimalText {
  if (text.startsWith('-')) return text.slice(1);
  return /[1-9]/.test(text) ? `-${text}` : text;
}

export function isZero(text: DecimalText): boolean {
  return !/[1-9]/.test(text);
}

/** What was computed from amounts, as text. @throws FrameError where messages cannot carry it: no exchange means that. */
export function amountText(value: Decimal, field = 'amount'): DecimalText {
  const fits = value.isZero() || (value.e < 24 && value.decimalPlaces() <= 20);
  if (!fits) throw new FrameError(field, 'in the range of amounts', value.toExponential(8));
  return toText(value);
}

export function sumOf(texts: readonly DecimalText[]): DecimalText {
  return amountText(texts.reduce((sum, text) => sum.plus(parseDecimal(text)), ZERO));
}

export function difference(from: DecimalText, minus: DecimalText): DecimalText {
  return amountText(parseDecimal(from).minus(parseDecimal(minus)));
}

export function largest(texts: readonly DecimalText[]): DecimalText {
  return amountText(Decimal.max(...texts.map((text) => parseDecimal(text))));
}

/** What the exchange's words say about further fills. A word that is not listed says nothing: more may come. */
export interface StatusWords {
  readonly ended: readonly string[];
  readonly rejected: readonly string[];
}

/**
 * The filled amount decides, never the word (PROTOCOLS §1.3): what is filled is not rejected, and what is filled in full gets
 * no more.
 */
export function statusOf(
  word: string,
  words: StatusWords,
  quantity: DecimalText,
  filled: DecimalText,
): ReportedStatus {
  if (!isZero(quantity) && parseDecimal(filled).gte(parseDecimal(quantity))) return 'ended';
  if (words.rejected.includes(word)) return isZero(filled) ? 'rejected' : 'ended';
  return words.ended.includes(word) ? 'ended' : 'open';
}

/** The order that was asked for; one of another name is no answer to the question. @throws FrameError */
export function askedFor(order: OrderReport, reference: OrderReference): OrderReport {
  const { symbol, clientOrderId, exchangeOrderId } = reference;
  if (order.symbol !== symbol) throw new FrameError('symbol', `'${symbol}'`, order.symbol);
  if (exchangeOrderId !== null) {
    if (order.exchangeOrderId !== exchangeOrderId)
      throw new FrameError('order id', `'${exchangeOrderId}'`, order.exchangeOrderId);
  } else if (order.clientOrderId !== clientOrderId) {
    throw new FrameError('client order id', `'${clientOrderId}'`, order.clientOrderId);
  }
  return order;
}

/** The call with some parameters changed or added, and others left out: the one for the next page. */
export function callWith(
  call: PrivateCall,
  changes: Readonly<Record<string, string | number>>,
  without: readonly string[] = [],
): PrivateCall {
  const kept = call.parameters.filter(([name]) => !Object.hasOwn(changes, name) && !without.includes(name));
  return { ...call, parameters: [...kept, ...Object.entries(changes)] };
}

/** The value of a parameter as it was sent; undefined where it was not. */
export function parameterOf(call: PrivateCall, name: string): string | undefined {
  const value = call.parameters.find(([known]) => known === name)?.[1];
  return value === undefined ? undefined : String(value);
}
