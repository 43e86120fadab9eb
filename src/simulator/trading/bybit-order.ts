import type { SimulatedMarket } from '../market.js';
import type { Atoms } from './atoms.js';
import { BYBIT_ERRORS, bybitParameter, type BybitError } from './bybit-errors.js';
import type { DeskOrderType, OrderRequest, StpMode } from './desk-types.js';
import { amountIn, isOneOf, textIn, type RequestBody } from './request-words.js';

/** Letters, digits, '-' and '_' (PROTOCOLS §5 [O]). */
const CLIENT_ID = /^[A-Za-z0-9_-]{1,36}$/;
const TYPES: Readonly<Record<string, DeskOrderType>> = {
  GTC: 'limit',
  IOC: 'ioc',
  FOK: 'fok',
  PostOnly: 'post_only',
};
const STP: Readonly<Record<string, StpMode>> = {
  None: 'none',
  CancelMaker: 'cancel_maker',
  CancelTaker: 'cancel_taker',
  CancelBoth: 'cancel_both',
};

/** Reads the body of `POST /v5/order/create`. Steps and minimums are the desk's to check. */
export function bybitOrderRequest(
  body: RequestBody,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | BybitError {
  if (body['category'] !== 'spot') return bybitParameter('category invalid');
  const market = typeof body['symbol'] === 'string' ? markets.get(body['symbol']) : undefined;
  if (market === undefined) return BYBIT_ERRORS.noSymbol;
  const wrong = wrongWord(body);
  if (wrong !== null) return bybitParameter(`${wrong} invalid`);
  const isMarket = body['orderType'] === 'Market';
  const size = amountIn(body['qty']);
  const price = isMarket ? null : amountIn(body['price']);
  if (size === null) return bybitParameter('qty invalid');
  if (!isMarket && price === null) return bybitParameter('price invalid');
  return request(body, market, { isMarket, size, price });
}

function request(
  body: RequestBody,
  market: SimulatedMarket,
  sizes: { readonly isMarket: boolean; readonly size: Atoms; readonly price: Atoms | null },
): OrderRequest {
  const { isMarket, size, price } = sizes;
  const side = body['side'] === 'Buy' ? 'buy' : 'sell';
  // A market buy is sized in quote unless it says otherwise (PROTOCOLS §1.4).
  const unit = isMarket && side === 'buy' ? (textIn(body, 'marketUnit') ?? 'quoteCoin') : 'baseCoin';
  const isInQuote = unit === 'quoteCoin';
  const smpType = textIn(body, 'smpType') ?? 'None';
  return {
    market,
    side,
    type: isMarket ? 'market' : TYPES[textIn(body, 'timeInForce') ?? 'GTC']!,
    price,
    quantity: isInQuote ? null : size,
    quoteAmount: isInQuote ? size : null,
    clientOrderId: textIn(body, 'orderLinkId'),
    // The taker's own setting decides; that of a resting order has no effect [O].
    stp: STP[smpType]!,
    words: { smpType, marketUnit: isMarket ? unit : '' },
  };
}

/** Name of the first parameter that has none of its words. */
function wrongWord(body: RequestBody): string | null {
  if (body['side'] !== 'Buy' && body['side'] !== 'Sell') return 'side';
  if (body['orderType'] !== 'Limit' && body['orderType'] !== 'Market') return 'orderType';
  if (!isOneOf(body['timeInForce'], Object.keys(TYPES))) return 'timeInForce';
  if (!isOneOf(body['smpType'], Object.keys(STP))) return 'smpType';
  if (!isOneOf(body['marketUnit'], ['baseCoin', 'quoteCoin'])) return 'marketUnit';
  if (body['isLeverage'] !== undefined && body['isLeverage'] !== 0) return 'isLeverage';
  const id = body['orderLinkId'];
  const isId = id === undefined || id === '' || (typeof id === 'string' && CLIENT_ID.test(id));
  return isId ? null : 'orderLinkId';
}
