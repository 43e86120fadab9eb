import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { atomsText } from './atoms.js';
import {
  bithumbOrderDetail,
  bithumbOrderRow,
  bithumbState,
  bithumbTransferRow,
} from './bithumb-order-frames.js';
import { bithumbInvalid } from './bithumb-order-request.js';
import type { OrderView } from './desk-types.js';
import type { OrderName } from './order-archive.js';
import type { OrderDesk } from './order-desk.js';
import { accountRow } from './upbit-order-frames.js';
import { json, notFound, page, timeIn } from './upbit-queries.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';

const MAX_SPAN_MS = 7 * 24 * 3_600_000;
const MAX_PENDING = 100;
const MAX_HISTORY = 1_000;

export interface BithumbQueryParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  readonly isHalted: (symbol: string) => boolean;
  /** Whether an order is still being taken: neither told nor cancelled before that is over. */
  readonly isProcessing: (order: OrderView) => boolean;
  /** What the exchange's clock shows. */
  readonly serverMs: () => number;
  /** A time as the exchange writes it. */
  readonly stamp: (ms: number) => number;
}

/** What Bithumb answers to questions: orders, balances, the conditions of a market, transfers, wallets. */
export class BithumbQueries {
  private readonly parts: BithumbQueryParts;

  constructor(parts: BithumbQueryParts) {
    this.parts = parts;
  }

  /** `GET /v1/order`. */
  order(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const name = bithumbNameIn(values, 'uuid');
    if (name === null) return bithumbInvalid('uuid or client_order_id is missing');
    const order = this.parts.desk.find(name);
    if (order === null) return notFound();
    return this.parts.isProcessing(order) ? notReady() : json(bithumbOrderDetail(order, this.parts.stamp));
  }

  /** `GET /v2/orders/pending`. Nothing waits for a price here: `watch` is always empty. */
  pending(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const state = values.get('state') ?? 'wait';
    if (state !== 'wait' && state !== 'watch') return bithumbInvalid('state does not have a valid value');
    const orders = state === 'wait' ? this.parts.desk.openOrders(values.get('market') ?? null) : [];
    return this.listed(orders, values, MAX_PENDING);
  }

  /** `GET /v2/orders/history`: at most seven days, forward from a start, back from an end or from now. */
  history(params: UpbitParams): FaceHttpResponse {
    const values = new Map(params);
    const now = Math.floor(this.parts.serverMs());
    const from = timeIn(values, 'start_time');
    const end = timeIn(values, 'end_time') ?? (from === null ? now : from + MAX_SPAN_MS);
    const start = from ?? end - MAX_SPAN_MS;
    if (Number.isNaN(end) || Number.isNaN(start)) return bithumbInvalid('start_time or end_time is no time');
    if (end - start > MAX_SPAN_MS) return bithumbInvalid('more than 7 days');
    const states = params
      .filter(([name]) => name === 'states[]' || name === 'state')
      .map(([, value]) => value);
    const { desk, stamp } = this.parts;
    const orders = desk
      .endedOrders(values.get('market') ?? null)
      .filter(({ createdAtMs }) => stamp(createdAtMs) >= start && stamp(createdAtMs) <= end)
      .filter((order) => states.length === 0 || states.includes(bithumbState(order)));
    return this.listed(orders, values, MAX_HISTORY);
  }

  accounts(): FaceHttpResponse {
    const held = this.parts.desk.holdings().filter(({ free, locked }) => free !== 0n || locked !== 0n);
    return json(held.map(accountRow));
  }

  /** Rates, minimums and balances of one market. */
  chance(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const market = this.parts.markets.get(values.get('market') ?? '');
    if (market === undefined) return bithumbInvalid('market does not have a valid value');
    const { base, quote, symbol, minNotional, tick } = market.listing;
    const { takerFeeRate, makerFeeRate } = this.parts.desk.ratesOf(market);
    const [taker, maker] = [atomsText(takerFeeRate), atomsText(makerFeeRate)];
    const side = (currency: string): object => ({
      currency,
      price_unit: tick.text,
      min_total: `${minNotional}`,
    });
    return json({
      bid_fee: taker,
      ask_fee: taker,
      maker_bid_fee: maker,
      maker_ask_fee: maker,
      market: {
        id: symbol,
        name: `${base}/${quote}`,
        order_types: ['limit'],
        order_sides: ['ask', 'bid'],
        bid_types: ['limit', 'price'],
        ask_types: ['limit', 'market'],
        bid: side(quote),
        ask: side(base),
        max_total: '1000000000',
        state: this.parts.isHalted(symbol) ? 'offline' : 'active',
      },
      bid_account: this.accountOf(quote),
      ask_account: this.accountOf(base),
    });
  }

  /** Coins and won have lists of their own. */
  transfers(path: string, values: ReadonlyMap<string, string>): FaceHttpResponse {
    const isDeposit = path.includes('/deposits');
    const isWon = path.endsWith('/krw');
    const currency = values.get('currency');
    const rows = this.parts.desk
      .transfers()
      .filter(({ amount }) => amount > 0n === isDeposit)
      .filter(({ asset }) => (asset === 'KRW') === isWon)
      .filter(({ asset }) => currency === undefined || asset === currency);
    return json(page(rows, values).map((row) => bithumbTransferRow(row, this.parts.stamp)));
  }

  /** `GET /v1/status/wallet`: every coin by its one network. */
  wallets(): FaceHttpResponse {
    const listings = [...this.parts.markets.values()].map(({ listing }) => listing);
    const coins = [...new Set(listings.map(({ base }) => base))];
    return json(
      coins.map((currency) => ({
        currency,
        wallet_state: 'working',
        block_state: 'normal',
        block_height: 1,
        block_updated_at: null,
        block_elapsed_minutes: null,
        net_type: currency,
        network_name: currency,
      })),
    );
  }

  /** One page with the key of the next one: how many rows have been given. */
  private listed(
    orders: readonly OrderView[],
    values: ReadonlyMap<string, string>,
    most: number,
  ): FaceHttpResponse {
    const asked = values.get('limit') ?? '100';
    if (!/^[1-9]\d{0,3}$/.test(asked)) return bithumbInvalid('limit does not have a valid value');
    const key = values.get('next_key') ?? '0';
    if (!/^\d{1,9}$/.test(key)) return bithumbInvalid('next_key does not have a valid value');
    const limit = Math.min(most, Number(asked));
    const sorted = values.get('order_by') === 'asc' ? orders : [...orders].reverse();
    const end = Number(key) + limit;
    const hasNext = end < sorted.length;
    return json({
      has_next: hasNext,
      next_key: hasNext ? `${end}` : null,
      orders: sorted.slice(Number(key), end).map((order) => bithumbOrderRow(order, this.parts.stamp)),
    });
  }

  private accountOf(asset: string): object {
    const held = this.parts.desk.holdings().find((view) => view.asset === asset);
    return accountRow(held ?? { asset, free: 0n, locked: 0n });
  }
}

/** Taken, and not in the books yet [O]. */
export const notReady = (): FaceHttpResponse =>
  upbitError(422, 'order_not_ready', '주문 접수 처리 중입니다. 잠시 후 다시 시도해주세요.');

/** How a question names its order; null = it does not. The exchange's own id goes first. */
export function bithumbNameIn(
  values: ReadonlyMap<string, string>,
  own: 'uuid' | 'order_id',
): OrderName | null {
  const [exchangeOrderId, clientOrderId] = [values.get(own), values.get('client_order_id')];
  return exchangeOrderId === undefined && clientOrderId === undefined
    ? null
    : { exchangeOrderId, clientOrderId };
}
