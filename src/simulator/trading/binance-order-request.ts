import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { parseAtoms, type Atoms } from './atoms.js';
import { binanceError, missing } from './binance-signing.js';
import type { DeskOrderType, OrderRequest, Refusal, StpMode } from './desk-types.js';

const READ = new Set([
  ...['symbol', 'side', 'type', 'timeInForce', 'quantity', 'quoteOrderQty', 'price', 'newClientOrderId'],
  ...['newOrderRespType', 'selfTradePreventionMode', 'computeCommissionRates'],
]);
const TYPES: Readonly<Record<string, DeskOrderType>> = { IOC: 'ioc', FOK: 'fok', GTC: 'limit' };
/** The modes that the list of markets allows; the first is its default. */
const STP_MODES: Readonly<Record<string, StpMode>> = {
  EXPIRE_MAKER: 'cancel_maker',
  EXPIRE_TAKER: 'cancel_taker',
  EXPIRE_BOTH: 'cancel_both',
  DECREMENT: 'decrement',
};
const PLACES = 8;

/** Reads the parameters of a new order; the answer that refuses them otherwise. */
export function readOrder(
  params: ReadonlyMap<string, string>,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | FaceHttpResponse {
  const strange = [...params.keys()].filter((name) => !READ.has(name));
  if (strange.length > 0) {
    const read = params.size - strange.length;
    const text = `Not all sent parameters were read; read '${read}' parameter(s) but was sent '${params.size}'.`;
    return binanceError(400, -1104, text);
  }
  const market = readMarket(params, markets);
  if ('status' in market) return market;
  const words = readWords(params);
  if ('status' in words) return words;
  const clientOrderId = params.get('newClientOrderId') ?? null;
  if (clientOrderId !== null && !/^[.A-Z:/a-z0-9_-]{1,36}$/.test(clientOrderId))
    return illegal('newClientOrderId');
  const { side, type, stp } = words;
  const amounts = readAmounts(params, type);
  if ('status' in amounts) return amounts;
  return { market, side, type, stp, clientOrderId, ...amounts, words: words.words };
}

export function readMarket(
  params: ReadonlyMap<string, string>,
  markets: ReadonlyMap<string, SimulatedMarket>,
): SimulatedMarket | FaceHttpResponse {
  const symbol = params.get('symbol') ?? '';
  if (symbol === '') return missing('symbol');
  if (!/^[A-Z0-9-_.]{1,20}$/.test(symbol)) return illegal('symbol');
  return markets.get(symbol) ?? binanceError(400, -1121, 'Invalid symbol.');
}

type Words = Pick<OrderRequest, 'side' | 'type' | 'stp' | 'words'>;

function readWords(params: ReadonlyMap<string, string>): Words | FaceHttpResponse {
  const side = params.get('side');
  if (side === undefined) return missing('side');
  if (side !== 'BUY' && side !== 'SELL') return binanceError(400, -1117, 'Invalid side.');
  const kind = params.get('type');
  if (kind === undefined) return missing('type');
  if (kind !== 'LIMIT' && kind !== 'LIMIT_MAKER' && kind !== 'MARKET') {
    return binanceError(400, -1116, 'Invalid orderType.');
  }
  const force = params.get('timeInForce');
  if (kind === 'LIMIT' && force === undefined) return missing('timeInForce');
  if (kind !== 'LIMIT' && force !== undefined) return notRequired('timeInForce');
  const limitType = TYPES[force ?? 'GTC'];
  if (limitType === undefined) return binanceError(400, -1115, 'Invalid timeInForce.');
  const named = params.get('selfTradePreventionMode') ?? 'EXPIRE_MAKER';
  const stp = STP_MODES[named];
  if (stp === undefined) return invalid('selfTradePreventionMode');
  return {
    side: side === 'BUY' ? 'buy' : 'sell',
    type: kind === 'LIMIT' ? limitType : kind === 'MARKET' ? 'market' : 'post_only',
    stp,
    words: { type: kind, timeInForce: force ?? 'GTC', stp: named },
  };
}

type Amounts = Pick<OrderRequest, 'price' | 'quantity' | 'quoteAmount'>;

function readAmounts(params: ReadonlyMap<string, string>, type: DeskOrderType): Amounts | FaceHttpResponse {
  const isMarket = type === 'market';
  const price = readDecimal(params, 'price');
  if (price !== null && typeof price === 'object') return price;
  const quantity = readDecimal(params, 'quantity');
  if (quantity !== null && typeof quantity === 'object') return quantity;
  const quoteAmount = readDecimal(params, 'quoteOrderQty');
  if (quoteAmount !== null && typeof quoteAmount === 'object') return quoteAmount;
  if (!isMarket && price === null) return missing('price');
  if (isMarket && price !== null) return notRequired('price');
  if (quoteAmount !== null && (!isMarket || quantity !== null)) return notRequired('quoteOrderQty');
  // Selling for an amount of quote is not simulated.
  if (quoteAmount !== null && params.get('side') === 'SELL') return invalid('quoteOrderQty');
  if (quantity === null && quoteAmount === null) return missing('quantity');
  return { price, quantity, quoteAmount };
}

function readDecimal(params: ReadonlyMap<string, string>, name: string): Atoms | null | FaceHttpResponse {
  const text = params.get(name);
  if (text === undefined) return null;
  const atoms = parseAtoms(text);
  if (atoms === null) return illegal(name);
  const places = /\.(\d*[1-9])0*$/.exec(text)?.[1]?.length ?? 0;
  if (places > PLACES) return binanceError(400, -1111, `Parameter '${name}' has too much precision.`);
  return atoms <= 0n ? binanceError(400, -1013, `Invalid ${name}.`) : atoms;
}

const illegal = (name: string): FaceHttpResponse =>
  binanceError(400, -1100, `Illegal characters found in parameter '${name}'.`);
const notRequired = (name: string): FaceHttpResponse =>
  binanceError(400, -1106, `Parameter '${name}' sent when not required.`);
const invalid = (name: string): FaceHttpResponse =>
  binanceError(400, -1130, `Data sent for parameter '${name}' is not valid.`);

const REFUSALS: Readonly<Record<Refusal, readonly [number, string]>> = {
  market_halted: [-2010, 'Market is closed.'],
  price_tick: [-1013, 'Filter failure: PRICE_FILTER'],
  price_band: [-1013, 'Filter failure: PERCENT_PRICE_BY_SIDE'],
  lot: [-1013, 'Filter failure: LOT_SIZE'],
  min_quantity: [-1013, 'Filter failure: LOT_SIZE'],
  max_quantity: [-1013, 'Filter failure: LOT_SIZE'],
  min_notional: [-1013, 'Filter failure: NOTIONAL'],
  duplicate_client_id: [-2010, 'Duplicate order sent.'],
  insufficient_funds: [-2010, 'Account has insufficient balance for requested action.'],
  too_many_orders: [-1013, 'Filter failure: MAX_NUM_ORDERS'],
  no_liquidity: [-2010, 'Order book liquidity is less than LOT_SIZE filter minimum quantity.'],
  would_take: [-2010, 'Order would immediately match and take.'],
};

export const refused = (reason: Refusal): FaceHttpResponse => binanceError(400, ...REFUSALS[reason]);
