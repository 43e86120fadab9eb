import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import type {
  FeeRate,
  OrderEntry,
  OrderReference,
  OrderReport,
  PrivateCall,
  SigningMoment,
  TradeReport,
  TransferReport,
} from './order-entry.js';
import { askedFor, callWith, isAbsent, isZero, largest, parameterOf } from './order-fields.js';
import {
  encodedQuery,
  jsonBody,
  jsonWebToken,
  plainQuery,
  sha512Hex,
  withQuery,
  type Claims,
  type JwtAlgorithm,
  type Parameters,
} from './order-signing.js';
import {
  amountAt,
  isoTimeAt,
  ownIdAt,
  readOrder,
  readTransfer,
  UPBIT_IDS,
  type IdNames,
} from './upbit-order-rows.js';

/** What Upbit and Bithumb have in common: signing by token, trades that are told with their order only, and lists by page. */

/** The claims that bind a token to its call: the query is hashed as it is, not percent-encoded, and a body as if it were one [O]. */
export function boundTo(parameters: Parameters): Claims {
  return parameters.length === 0
    ? {}
    : { query_hash: sha512Hex(plainQuery(parameters)), query_hash_alg: 'SHA512' };
}

/** Signs by a token in the header. `claimsOf` says who calls, and when. */
export const tokenSigner =
  (
    algorithm: JwtAlgorithm,
    claimsOf: (apiKey: string, moment: SigningMoment) => Claims,
  ): OrderEntry['sign'] =>
  (asked, { apiKey, secret }, moment) => {
    const isPost = asked.method === 'POST';
    const claims = { ...claimsOf(apiKey, moment), ...boundTo(asked.parameters) };
    return {
      method: asked.method,
      path: isPost ? asked.path : withQuery(asked.path, encodedQuery(asked.parameters)),
      headers: {
        Authorization: `Bearer ${jsonWebToken(claims, secret, algorithm)}`,
        ...(isPost && { 'Content-Type': 'application/json' }),
      },
      body: isPost ? jsonBody(asked.parameters) : null,
    };
  };

interface Row {
  readonly row: f.Fields;
  readonly path: string;
}

/** The rows of an array. @throws FrameError */
export function rowsOf(value: unknown, at = ''): Row[] {
  if (!Array.isArray(value)) throw new FrameError(at === '' ? 'answer' : at, 'an array', value);
  return value.map((row, index) => ({
    row: f.asFields(row, `${at}[${index}]`),
    path: `${at}[${index}].`,
  }));
}

/** The order that was asked for; where its id is not repeated, the one that was asked for stands in. @throws FrameError */
export function orderOf(value: unknown, reference: OrderReference, ids = UPBIT_IDS): OrderReport {
  return askedFor(readOrder(f.asFields(value, 'answer'), '', reference.clientOrderId, ids), reference);
}

/** All trades of the one order that was asked for by its own id. @throws FrameError while some of them are missing. */
export function tradesOf(
  value: unknown,
  symbol: string,
  exchangeOrderId: string,
  ids = UPBIT_IDS,
): readonly TradeReport[] {
  const order = readOrder(f.asFields(value, 'answer'), '', '', ids);
  askedFor(order, { symbol, clientOrderId: '', exchangeOrderId });
  // Without them the answer would say that there were none.
  if (order.trades.length === 0 && !isZero(order.filledQuantity))
    throw new FrameError('trades', `all trades of ${order.filledQuantity}`, order.trades);
  return order.trades;
}

/** One question per order that has filled, since lists do not tell trades. */
export function questionsAbout(
  list: readonly Row[],
  ask: (parameters: Parameters) => PrivateCall,
  ids: IdNames = UPBIT_IDS,
): readonly PrivateCall[] {
  const filled = list.filter(({ row, path }) => !isZero(amountAt(row, 'executed_volume', path)));
  return filled.map(({ row, path }) => ask([['uuid', ownIdAt(row, path, ids)]]));
}

export const nextPage = (asked: PrivateCall): PrivateCall =>
  callWith(asked, { page: Number(parameterOf(asked, 'page') ?? 1) + 1 });

/** A page of deposits or withdrawals, newest first, and the question for the one after it. */
export function transfersOf(
  value: unknown,
  {
    isDeposit,
    sinceMs,
    limit,
  }: { readonly isDeposit: boolean; readonly sinceMs: number; readonly limit: number },
  asked: PrivateCall,
): { readonly rows: readonly TransferReport[]; readonly next: readonly PrivateCall[] } {
  const list = rowsOf(value);
  const transfers = list.flatMap(({ row, path }) => readTransfer(row, path, isDeposit) ?? []);
  const oldestMs = Math.min(...list.map(({ row, path }) => isoTimeAt(row, 'created_at', path)));
  return {
    // Times are whole seconds.
    rows: transfers.filter(({ timeMs, isSettled }) => timeMs > sinceMs - 1000 || !isSettled),
    next: list.length < limit || oldestMs < sinceMs ? [] : [nextPage(asked)],
  };
}

/** `orders/chance`: what the account pays in one market at this moment; the rates of makers may be left out. @throws FrameError */
export function readFeeRate(value: unknown, symbol: string): FeeRate {
  const answer = f.asFields(value, 'answer');
  const market = f.fieldsAt(answer, 'market', '');
  if (f.symbolAt(market, 'id', 'market.') !== symbol)
    throw new FrameError('market.id', `'${symbol}'`, f.member(market, 'id'));
  // Buyers and sellers may pay differently, and the dearer of the two is told.
  const dearer = (bid: string, ask: string) =>
    largest([amountAt(answer, bid, ''), amountAt(answer, ask, '')]);
  const takerFeeRate = dearer('bid_fee', 'ask_fee');
  const isSplit = !isAbsent(answer, 'maker_bid_fee') || !isAbsent(answer, 'maker_ask_fee');
  return {
    takerFeeRate,
    makerFeeRate: isSplit ? dearer('maker_bid_fee', 'maker_ask_fee') : takerFeeRate,
  };
}
