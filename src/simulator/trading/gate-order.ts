import type { SimulatedMarket } from '../market.js';
import type { DeskOrderType, OrderRequest } from './desk-types.js';
import { GATE_ERRORS, gateParameter, type GateError } from './gate-errors.js';
import { amountIn, isOneOf, textIn, type RequestBody } from './request-words.js';

/** `t-` and up to 28 characters (PROTOCOLS §1.1 [O]). */
const TEXT = /^t-([0-9A-Za-z_.-]{1,28})$/;
const TYPES: Readonly<Record<string, DeskOrderType>> = {
  gtc: 'limit',
  ioc: 'ioc',
  fok: 'fok',
  poc: 'post_only',
};

/** The client's id in a text; null for a text that is none. */
export const clientIdIn = (text: string): string | null => TEXT.exec(text)?.[1] ?? null;

/** Reads the body of `POST /api/v4/spot/orders`. Steps and minimums are the desk's to check. */
export function gateOrderRequest(
  body: RequestBody,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | GateError {
  const market = markets.get(textIn(body, 'currency_pair') ?? '');
  if (market === undefined) return GATE_ERRORS.noPair;
  const wrong = wrongWord(body);
  if (wrong !== null) return gateParameter(wrong);
  const isMarket = body['type'] === 'market';
  const amount = amountIn(body['amount']);
  const price = isMarket ? null : amountIn(body['price']);
  if (amount === null) return gateParameter('amount');
  if (!isMarket && price === null) return gateParameter('price');
  const side = body['side'] === 'buy' ? 'buy' : 'sell';
  // A market buy is sized in quote (PROTOCOLS §1.4 [D]).
  const isInQuote = isMarket && side === 'buy';
  const timeInForce = textIn(body, 'time_in_force') ?? 'gtc';
  return {
    market,
    side,
    type: isMarket ? 'market' : TYPES[timeInForce]!,
    price,
    quantity: isInQuote ? null : amount,
    quoteAmount: isInQuote ? amount : null,
    clientOrderId: clientIdIn(textIn(body, 'text') ?? ''),
    // Prevention is for members of a group; this account is in none.
    stp: 'none',
    words: { timeInForce },
  };
}

/** Name of the first parameter that has none of its words. */
function wrongWord(body: RequestBody): string | null {
  if (body['side'] !== 'buy' && body['side'] !== 'sell') return 'side';
  if (!isOneOf(body['type'], ['limit', 'market'])) return 'type';
  if (!isOneOf(body['account'], ['spot'])) return 'account';
  const forces = body['type'] === 'market' ? ['ioc', 'fok'] : Object.keys(TYPES);
  if (!isOneOf(body['time_in_force'], forces)) return 'time_in_force';
  if (!isOneOf(body['action_mode'], ['ACK', 'RESULT', 'FULL'])) return 'action_mode';
  // Passing it without a group rejects the order (PROTOCOLS §1.1 [O]).
  if (!isOneOf(body['stp_act'], ['-'])) return 'stp_act';
  const text = body['text'];
  const isText = text === undefined || (typeof text === 'string' && TEXT.test(text));
  return isText ? null : 'text';
}
