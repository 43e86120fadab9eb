import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import type { OrderRequest, Refusal } from './desk-types.js';
import { readUpbitOrder, type RequestWords } from './upbit-order-request.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';

export const bithumbInvalid = (message: string): FaceHttpResponse =>
  upbitError(400, 'invalid_parameter', message);

const WORDS: RequestWords = {
  type: 'order_type',
  clientId: 'client_order_id',
  read: new Set([...['market', 'side', 'order_type', 'price', 'volume', 'time_in_force', 'client_order_id']]),
  // Built in: what would trade with oneself is cancelled of the new order [O 2026-05].
  stp: 'cancel_taker',
  invalid: bithumbInvalid,
  wrongAmounts: (_side, message) => bithumbInvalid(message),
};

/** Reads the body of `POST /v2/orders`. Time in force exists in won markets only [O]. */
export function readBithumbOrder(
  params: UpbitParams,
  markets: ReadonlyMap<string, SimulatedMarket>,
): OrderRequest | FaceHttpResponse {
  const order = readUpbitOrder(params, markets, WORDS);
  if ('status' in order) return order;
  const isForced = order.words['force'] !== undefined;
  return isForced && order.market.listing.quote !== 'KRW'
    ? bithumbInvalid('time_in_force is not supported in this market')
    : order;
}

/** Names [O]; those of funds, of too small an amount and of an id that was used are plausible [D]. */
const REFUSALS: Readonly<Record<Refusal, readonly [name: string, message: string]>> = {
  market_halted: ['invalid_parameter', '거래가 중지된 마켓입니다.'],
  price_tick: ['invalid_price', '주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.'],
  price_band: ['under_price_limit_', '주문가격이 허용 범위를 벗어났습니다.'],
  lot: ['invalid_parameter', '잘못된 파라미터 입니다.'],
  min_quantity: ['under_min_total_', '최소주문금액 이상으로 주문해주세요.'],
  max_quantity: ['invalid_parameter', '잘못된 파라미터 입니다.'],
  min_notional: ['under_min_total_', '최소주문금액 이상으로 주문해주세요.'],
  duplicate_client_id: ['invalid_parameter', '이미 사용된 client_order_id 입니다.'],
  insufficient_funds: ['insufficient_funds_', '주문가능한 금액이 부족합니다.'],
  too_many_orders: ['invalid_parameter', '미체결 주문이 너무 많습니다.'],
  no_liquidity: ['invalid_parameter', '체결 가능한 호가가 없습니다.'],
  would_take: ['invalid_parameter', '즉시 체결되는 주문입니다.'],
};

export function bithumbRefusal(reason: Refusal, { side }: OrderRequest): FaceHttpResponse {
  const [name, message] = REFUSALS[reason];
  return upbitError(400, name.endsWith('_') ? `${name}${side === 'buy' ? 'bid' : 'ask'}` : name, message);
}
