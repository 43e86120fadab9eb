import type { SimulatedMarket } from '../market.js';
import type { DeskOrderType, OrderRequest, StpMode } from './desk-types.js';
import { KUCOIN_ERRORS, kucoinParameter, type KucoinError } from './kucoin-errors.js';
import { amountIn, isOneOf, textIn, type RequestBody } from './request-words.js';

/** Letters, digits, '-' and '_' (PROTOCOLS §1.1 [O]). */
const CLIENT_ID = /^[0-9A-Za-z_-]{1,40}$/;
const TYPES: Readonly<Record<string, DeskOrderType>> = { GTC: 'limit', IOC: 'ioc', FOK: 'fok' };
/** Cancel the newest, the oldest, both, or decrease and cancel; the newest is the taker. */
const STP: Readonly<Record<string, StpMode>> = {
  CN: 'cancel_taker',
  CO: 'cancel_maker',
  CB: 'cancel_both',
  DC: 'decrement',
};

/** Reads the body of `POST /api/v1/hf/orders`. Steps and minimums are the desk's to check. */
export function kucoinOrderRequest(
  body: RequestBody,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | KucoinError {
  const market = markets.get(textIn(body, 'symbol') ?? '');
  if (market === undefined) return KUCOIN_ERRORS.noSymbol;
  const wrong = wrongWord(body);
  if (wrong !== null) return kucoinParameter(wrong);
  const isMarket = body['type'] === 'market';
  const [size, funds] = [amountIn(body['size']), amountIn(body['funds'])];
  const price = isMarket ? null : amountIn(body['price']);
  if (!isMarket && price === null) return kucoinParameter('price');
  if (isMarket ? (size === null) === (funds === null) : size === null) return kucoinParameter('size');
  const stp = textIn(body, 'stp');
  return {
    market,
    side: body['side'] === 'buy' ? 'buy' : 'sell',
    type: typeOf(body, isMarket),
    price,
    quantity: size,
    quoteAmount: size === null ? funds : null,
    clientOrderId: textIn(body, 'clientOid'),
    stp: stp === null ? 'none' : STP[stp]!,
    words: { stp: stp ?? '', timeInForce: textIn(body, 'timeInForce') ?? 'GTC' },
  };
}

function typeOf(body: RequestBody, isMarket: boolean): DeskOrderType {
  if (isMarket) return 'market';
  return body['postOnly'] === true ? 'post_only' : TYPES[textIn(body, 'timeInForce') ?? 'GTC']!;
}

/** Name of the first parameter that has none of its words. */
function wrongWord(body: RequestBody): string | null {
  if (body['side'] !== 'buy' && body['side'] !== 'sell') return 'side';
  if (body['type'] !== 'limit' && body['type'] !== 'market') return 'type';
  if (!isOneOf(body['timeInForce'], Object.keys(TYPES))) return 'timeInForce';
  if (!isOneOf(body['stp'], Object.keys(STP))) return 'stp';
  if (body['funds'] !== undefined && body['type'] !== 'market') return 'funds';
  if (body['funds'] !== undefined && body['side'] !== 'buy') return 'funds';
  // Not together with IOC and FOK (PROTOCOLS §1.4).
  if (body['postOnly'] === true && !isOneOf(body['timeInForce'], ['GTC'])) return 'postOnly';
  const id = body['clientOid'];
  const isId = id === undefined || (typeof id === 'string' && CLIENT_ID.test(id));
  return isId ? null : 'clientOid';
}
