import type { Side } from '../../messages/primitives.js';
import type { SimulatedMarket } from '../market.js';
import type { Atoms } from './atoms.js';
import type { DeskOrderType, OrderRequest, StpMode } from './desk-types.js';
import { okxEmpty, OKX_ERRORS, okxParameter, type OkxError } from './okx-errors.js';
import { amountIn, textIn, type RequestBody } from './request-words.js';

const ORDER_TYPES: readonly DeskOrderType[] = ['limit', 'post_only', 'ioc', 'fok', 'market'];
const STP_MODES: readonly StpMode[] = ['cancel_maker', 'cancel_taker', 'cancel_both'];
/** Letters and digits only, no '-' and no '_' (PROTOCOLS §4 [O]). */
const CLIENT_ID = /^[A-Za-z0-9]{1,32}$/;
const TAG = /^[A-Za-z0-9]{1,16}$/;
const REQUIRED = ['instId', 'tdMode', 'side', 'ordType', 'sz'] as const;

/** Reads the body of `POST /api/v5/trade/order`. Steps and minimums are the desk's to check. */
export function okxOrderRequest(
  body: RequestBody,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | OkxError {
  const missing = REQUIRED.find((name) => body[name] === undefined || body[name] === '');
  if (missing !== undefined) return okxEmpty(missing);
  const market = typeof body['instId'] === 'string' ? markets.get(body['instId']) : undefined;
  if (market === undefined) return OKX_ERRORS.noInstrument;
  const wrong = wrongWord(body);
  if (wrong !== null) return okxParameter(wrong);
  const type = body['ordType'] as DeskOrderType;
  const size = amountIn(body['sz']);
  const price = type === 'market' ? null : amountIn(body['px']);
  if (size === null) return okxParameter('sz');
  if (type !== 'market' && price === null) return okxParameter('px');
  return request(body, market, { type, size, price });
}

function request(
  body: RequestBody,
  market: SimulatedMarket,
  sizes: { readonly type: DeskOrderType; readonly size: Atoms; readonly price: Atoms | null },
): OrderRequest {
  const side = body['side'] as Side;
  // A market buy is sized in quote unless it says otherwise (PROTOCOLS §1.4).
  const isMarketBuy = sizes.type === 'market' && side === 'buy';
  const tgtCcy = textIn(body, 'tgtCcy') ?? (isMarketBuy ? 'quote_ccy' : '');
  const isInQuote = isMarketBuy && tgtCcy === 'quote_ccy';
  const stp = (textIn(body, 'stpMode') ?? 'cancel_maker') as StpMode;
  return {
    market,
    side,
    type: sizes.type,
    price: sizes.price,
    quantity: isInQuote ? null : sizes.size,
    quoteAmount: isInQuote ? sizes.size : null,
    clientOrderId: textIn(body, 'clOrdId'),
    stp,
    words: { tag: textIn(body, 'tag') ?? '', stpMode: stp, tgtCcy: sizes.type === 'market' ? tgtCcy : '' },
  };
}

/** Name of the first parameter that has none of its words. */
function wrongWord(body: RequestBody): string | null {
  if (body['tdMode'] !== 'cash') return 'tdMode';
  if (body['side'] !== 'buy' && body['side'] !== 'sell') return 'side';
  if (!ORDER_TYPES.some((type) => type === body['ordType'])) return 'ordType';
  if (!fits(body['clOrdId'], CLIENT_ID)) return 'clOrdId';
  if (!fits(body['tag'], TAG)) return 'tag';
  const stp = textIn(body, 'stpMode');
  if (stp !== null && !STP_MODES.some((mode) => mode === stp)) return 'stpMode';
  if (stp === 'cancel_both' && body['ordType'] === 'fok') return 'stpMode';
  const target = textIn(body, 'tgtCcy');
  return target === null || target === 'base_ccy' || target === 'quote_ccy' ? null : 'tgtCcy';
}

const fits = (value: unknown, pattern: RegExp): boolean =>
  value === undefined || value === '' || (typeof value === 'string' && pattern.test(value));
