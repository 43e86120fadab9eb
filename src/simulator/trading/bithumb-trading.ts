import type { FaceHttpResponse } from '../face-protocol.js';
import { splitUrl } from '../face-protocol.js';
import { BithumbBudget, type BithumbGroup } from './bithumb-budget.js';
import { bithumbOrderFrame, bithumbState, receipt, type BithumbOrderState } from './bithumb-order-frames.js';
import { bithumbInvalid, bithumbRefusal, readBithumbOrder } from './bithumb-order-request.js';
import { BithumbQueries, bithumbNameIn, notReady } from './bithumb-queries.js';
import { BITHUMB_RATES } from './desk-rules.js';
import type { DeskEvent, OrderRequest, OrderView } from './desk-types.js';
import { upbitRights } from './key-rights.js';
import { KoreanTrading, type KoreanRoute } from './korean-trading.js';
import type { TradingParts } from './trading-side.js';
import { json, notFound } from './upbit-queries.js';
import { upbitError, type UpbitParams } from './upbit-signing.js';

const QUERY: KoreanRoute<BithumbGroup> = { group: 'other', call: 'query' };
const ROUTES: Readonly<Record<string, KoreanRoute<BithumbGroup>>> = {
  'POST /v2/orders': { group: 'order', call: 'place' },
  'DELETE /v2/order': { group: 'cancel', call: 'cancel' },
  'GET /v1/order': QUERY,
  'GET /v2/orders/pending': QUERY,
  'GET /v2/orders/history': QUERY,
  'GET /v1/orders/chance': QUERY,
  'GET /v1/accounts': QUERY,
  'GET /v1/api_keys': QUERY,
  'GET /v1/deposits': QUERY,
  'GET /v1/deposits/krw': QUERY,
  'GET /v1/withdraws': QUERY,
  'GET /v1/withdraws/krw': QUERY,
  'GET /v1/status/wallet': QUERY,
};

/** How far a token's time may be from the exchange's; the real window is not documented [D]. */
const TOKEN_WINDOW_MS = 20_000;
const COUPON_MS = 30 * 24 * 3_600_000;

/** Bithumb's signed REST calls and the private socket v2 (PROTOCOLS §7). */
export class BithumbTrading extends KoreanTrading<BithumbGroup> {
  /** For so long after it was taken an order is neither told nor cancelled. */
  processingMs = 20;
  private readonly queries: BithumbQueries;
  private readonly coupon: { untilMs: number };

  constructor(parts: TradingParts) {
    const coupon = { untilMs: -Infinity };
    const ratesOf = (_market: unknown, nowMs: number) => {
      const rate = nowMs < coupon.untilMs ? BITHUMB_RATES.coupon : BITHUMB_RATES.plain;
      return { takerFeeRate: rate, makerFeeRate: rate };
    };
    super(
      { ...parts, rules: { ...parts.rules, ratesOf } },
      {
        socketPath: '/websocket/v2/private',
        routes: ROUTES,
        budget: new BithumbBudget(),
        tokens: (nowMs) => ({
          hashes: { HS256: 'sha256' },
          wrongKey: 'jwt_verification',
          clock: { nowMs, windowMs: TOKEN_WINDOW_MS },
        }),
      },
    );
    this.coupon = coupon;
    const { markets, isHalted } = parts;
    this.queries = new BithumbQueries({
      desk: this.desk,
      markets,
      isHalted,
      isProcessing: (order) => this.isProcessing(order),
      serverMs: () => this.serverMs(),
      stamp: this.shown,
    });
  }

  /** The free coupon of 30 days, or of another time; it ends without a word. */
  grantCoupon(forMs = COUPON_MS): void {
    this.coupon.untilMs = this.parts.nowMs() + forMs;
  }

  protected banned(untilMs: number): FaceHttpResponse {
    const seconds = `${Math.max(1, Math.ceil((untilMs - this.parts.nowMs()) / 1_000))}`;
    return upbitError(429, 'too_many_requests', 'Too many requests.', { 'retry-after': seconds });
  }

  protected readOrder(params: UpbitParams): OrderRequest | FaceHttpResponse {
    return readBithumbOrder(params, this.parts.markets);
  }

  protected enter(order: OrderRequest): FaceHttpResponse {
    const outcome = this.desk.place(order);
    if (outcome.kind === 'refused') return bithumbRefusal(outcome.reason, order);
    return json(receipt(outcome.order, this.shown), 201);
  }

  protected route(name: string, params: UpbitParams): FaceHttpResponse {
    const values = new Map(params);
    switch (name) {
      case 'DELETE /v2/order':
        return this.cancel(values);
      case 'GET /v1/order':
        return this.queries.order(values);
      case 'GET /v2/orders/pending':
        return this.queries.pending(values);
      case 'GET /v2/orders/history':
        return this.queries.history(params);
      case 'GET /v1/orders/chance':
        return this.queries.chance(values);
      case 'GET /v1/api_keys':
        return json(upbitRights(this.keyRights, this.credentials.apiKey));
      case 'GET /v1/accounts':
        return this.queries.accounts();
      case 'GET /v1/status/wallet':
        return this.queries.wallets();
      default:
        return this.queries.transfers(splitUrl(name).path, values);
    }
  }

  protected orderFrames(event: DeskEvent & { readonly kind: 'order' }, stampMs: number): string[] {
    const { order, trade, cause } = event;
    const frame = (state: BithumbOrderState): string =>
      bithumbOrderFrame(order, state, state === 'trade' ? trade : null, stampMs);
    if (cause === 'new') return isResting(order) ? [frame('wait')] : [];
    if (cause === 'trade')
      return order.state === 'filled' ? [frame('trade'), frame('done')] : [frame('trade')];
    return [frame(bithumbState(order) === 'done' ? 'done' : 'cancel')];
  }

  /** The answer only tells that the request was taken; an order that has ended is not found. */
  private cancel(values: ReadonlyMap<string, string>): FaceHttpResponse {
    const name = bithumbNameIn(values, 'order_id');
    if (name === null) return bithumbInvalid('order_id or client_order_id is missing');
    const order = this.desk.find(name);
    if (order === null || order.state !== 'open') return notFound();
    if (this.isProcessing(order)) return notReady();
    this.desk.cancel(name);
    const { order_id, client_order_id, created_at } = receipt(order, this.shown);
    return json({ order_id, client_order_id, created_at });
  }

  private isProcessing({ createdAtMs }: OrderView): boolean {
    return this.parts.nowMs() < createdAtMs + this.processingMs;
  }
}

/** IOC and FOK orders are never told as waiting [O]. */
const isResting = ({ type }: OrderView): boolean => type !== 'ioc' && type !== 'fok';
