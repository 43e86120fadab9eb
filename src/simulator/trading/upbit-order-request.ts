import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { parseAtoms, type Atoms } from './atoms.js';
import type { DeskOrderType, OrderRequest, Refusal, StpMode } from './desk-types.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';

const FORCES: Readonly<Record<string, DeskOrderType>> = { ioc: 'ioc', fok: 'fok', post_only: 'post_only' };
const SMP: Readonly<Record<string, StpMode>> = {
  cancel_maker: 'cancel_maker',
  cancel_taker: 'cancel_taker',
  reduce: 'decrement',
};
const MAX_IDENTIFIER = 64;

/** How one exchange calls what it reads, and what it refuses. */
export interface RequestWords {
  readonly type: string;
  readonly clientId: string;
  /** Every parameter that is read. */
  readonly read: ReadonlySet<string>;
  /** What happens instead of a trade with oneself where the request does not say it. */
  readonly stp: StpMode;
  readonly invalid: (message: string) => FaceHttpResponse;
  /** The answer to amounts that do not fit the type. */
  readonly wrongAmounts: (side: string, message: string) => FaceHttpResponse;
}

export const invalid = (message: string): FaceHttpResponse => upbitError(400, 'validation_error', message);

const UPBIT_WORDS: RequestWords = {
  type: 'ord_type',
  clientId: 'identifier',
  read: new Set([
    ...['market', 'side', 'volume', 'price', 'ord_type', 'identifier', 'time_in_force', 'smp_type'],
  ]),
  stp: 'none',
  invalid,
  wrongAmounts: (side, message) => upbitError(400, `create_${side}_error`, message),
};

/** Reads a new order: limit, market purchase for an amount (`price`), market sale of a volume (`market`). */
export function readUpbitOrder(
  params: UpbitParams,
  markets: ReadonlyMap<string, SimulatedMarket>,
  words = UPBIT_WORDS,
): OrderRequest | FaceHttpResponse {
  const { invalid, wrongAmounts, clientId } = words;
  const values = new Map(params);
  const strange = [...values.keys()].find((name) => !words.read.has(name));
  if (strange !== undefined) return invalid(`${strange} is not a parameter`);
  const market = markets.get(values.get('market') ?? '');
  if (market === undefined) return invalid('market does not have a valid value');
  const side = values.get('side');
  if (side !== 'bid' && side !== 'ask') return invalid('side does not have a valid value');
  const identifier = values.get(clientId) ?? null;
  if (identifier !== null && (identifier === '' || identifier.length > MAX_IDENTIFIER)) {
    return invalid(`${clientId} does not have a valid value`);
  }
  const kind = readKind(values, words);
  if (typeof kind === 'string') return invalid(kind);
  const amounts = readAmounts(values, side, values.get(words.type));
  if (typeof amounts === 'string') return wrongAmounts(side, amounts);
  return {
    market,
    side: side === 'bid' ? 'buy' : 'sell',
    clientOrderId: identifier,
    ...kind,
    ...amounts,
  };
}

function readKind(
  values: ReadonlyMap<string, string>,
  terms: RequestWords,
): Pick<OrderRequest, 'type' | 'stp' | 'words'> | string {
  const ordType = values.get(terms.type) ?? '';
  if (!['limit', 'price', 'market'].includes(ordType)) return `${terms.type} does not have a valid value`;
  const force = values.get('time_in_force');
  const forced = force === undefined ? 'limit' : FORCES[force];
  if (forced === undefined || (ordType !== 'limit' && force !== undefined)) {
    return 'time_in_force does not have a valid value';
  }
  const smp = values.get('smp_type');
  const stp = smp === undefined ? terms.stp : SMP[smp];
  if (stp === undefined || (forced === 'post_only' && smp !== undefined)) {
    return 'smp_type does not have a valid value';
  }
  const words = {
    ordType,
    ...(force !== undefined && { force }),
    ...(smp !== undefined && { smp }),
  };
  return { type: ordType === 'limit' ? forced : 'market', stp, words };
}

type Amounts = Pick<OrderRequest, 'price' | 'quantity' | 'quoteAmount'>;

function readAmounts(
  values: ReadonlyMap<string, string>,
  side: 'bid' | 'ask',
  type: string | undefined,
): Amounts | string {
  const price = amountIn(values, 'price');
  const volume = amountIn(values, 'volume');
  if (price === undefined || volume === undefined) return 'price or volume is not a number above 0';
  switch (type) {
    case 'limit':
      if (price === null || volume === null) return 'a limit order needs price and volume';
      return { price, quantity: volume, quoteAmount: null };
    case 'price':
      if (side !== 'bid' || price === null || volume !== null) return 'a market bid needs a price only';
      return { price: null, quantity: null, quoteAmount: price };
    default:
      if (side !== 'ask' || volume === null || price !== null) return 'a market ask needs a volume only';
      return { price: null, quantity: volume, quoteAmount: null };
  }
}

/** Null = not sent, undefined = unreadable. */
function amountIn(values: ReadonlyMap<string, string>, name: string): Atoms | null | undefined {
  const text = values.get(name);
  if (text === undefined || text === 'null') return null;
  const atoms = parseAtoms(text);
  return atoms !== null && atoms > 0n ? atoms : undefined;
}

/** The exchange's names; `_bid` or `_ask` follows where the name ends so. */
const REFUSALS: Readonly<Record<Refusal, readonly [name: string, message: string]>> = {
  market_halted: ['create__error', '거래가 중지된 마켓입니다.'],
  price_tick: ['invalid_price_', '주문가격 단위를 잘못 입력하셨습니다.'],
  price_band: ['invalid_price_', '주문가격이 허용 범위를 벗어났습니다.'],
  lot: ['validation_error', 'volume has too many decimals'],
  min_quantity: ['under_min_total_', '최소주문금액 이상으로 주문해주세요.'],
  max_quantity: ['validation_error', 'volume is too large'],
  min_notional: ['under_min_total_', '최소주문금액 이상으로 주문해주세요.'],
  // The documentation names the rule, not the word [D].
  duplicate_client_id: ['duplicate_identifier', '이미 사용된 identifier 입니다.'],
  insufficient_funds: ['insufficient_funds_', '주문가능한 금액이 부족합니다.'],
  too_many_orders: ['create__error', '미체결 주문이 너무 많습니다.'],
  no_liquidity: ['create__error', '체결 가능한 호가가 없습니다.'],
  would_take: ['create__error', '즉시 체결되는 주문입니다.'],
};

export function upbitRefusal(reason: Refusal, { side }: OrderRequest): FaceHttpResponse {
  const word = side === 'buy' ? 'bid' : 'ask';
  const [name, message] = REFUSALS[reason];
  const full = name === 'create__error' ? `create_${word}_error` : name.endsWith('_') ? name + word : name;
  return upbitError(400, full, message);
}
