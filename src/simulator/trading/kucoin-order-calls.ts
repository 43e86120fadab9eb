import type { FaceHttpRequest, FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { DeadManTimers } from './dead-man-timers.js';
import {
  KUCOIN_ERRORS,
  kucoinData,
  kucoinFailure,
  kucoinParameter,
  KUCOIN_REFUSALS,
} from './kucoin-errors.js';
import { kucoinOrderRequest } from './kucoin-order.js';
import { kucoinWindowRefusal } from './kucoin-signature.js';
import type { OrderName } from './order-archive.js';
import type { OrderDesk } from './order-desk.js';
import { shortText, type RequestBody } from './request-words.js';

export interface KucoinOrderParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  /** The exchange's clock. */
  readonly serverMs: () => number;
}

const MIN_TIMER_SECONDS = 5;
const MAX_TIMER_SECONDS = 86_400;
const MAX_TIMER_SYMBOLS = 50;

/** Calls that change orders. Each is run when it reaches the exchange; answers are receipts. */
export class KucoinOrderCalls {
  private readonly parts: KucoinOrderParts;
  private readonly timers = new DeadManTimers(0);
  /** Markets that the timer is set for; null = all. */
  private timed: readonly string[] | null = null;

  constructor(parts: KucoinOrderParts) {
    this.parts = parts;
  }

  place(body: RequestBody, request: FaceHttpRequest): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    const late = kucoinWindowRefusal(body, request, serverMs());
    if (late !== null) return kucoinFailure(late);
    const order = kucoinOrderRequest(body, markets);
    if ('code' in order) return kucoinFailure(order);
    const outcome = desk.place(order);
    if (outcome.kind === 'refused') return kucoinFailure(KUCOIN_REFUSALS[outcome.reason]);
    const { exchangeOrderId: orderId, clientOrderId: clientOid } = outcome.order;
    return kucoinData({ orderId, clientOid });
  }

  /** Repeats the id that it was given. What is not open any more cannot be cancelled. */
  cancel(name: OrderName, symbol: string): FaceHttpResponse {
    const { desk, markets } = this.parts;
    if (!markets.has(symbol)) return kucoinFailure(KUCOIN_ERRORS.noSymbol);
    const order = desk.find(name)?.symbol === symbol ? desk.cancel(name) : null;
    if (order === null) return kucoinFailure(KUCOIN_ERRORS.notCancellable);
    const { exchangeOrderId, clientOrderId } = order;
    return kucoinData(
      name.clientOrderId === undefined ? { orderId: exchangeOrderId } : { clientOid: clientOrderId },
    );
  }

  /** All of one market, or of all markets. */
  cancelAll(symbol: string | null): FaceHttpResponse {
    const { desk, markets } = this.parts;
    if (symbol !== null) {
      if (!markets.has(symbol)) return kucoinFailure(KUCOIN_ERRORS.noSymbol);
      desk.cancelAll(symbol);
      return kucoinData('success');
    }
    const succeedSymbols = [...new Set(desk.cancelAll(null).map((order) => order.symbol))];
    return kucoinData({ succeedSymbols, failedSymbols: [] });
  }

  /** The dead-man switch: each call overwrites the last; -1 switches it off [O]. */
  cancelAllAfter({ timeout, symbols }: RequestBody): FaceHttpResponse {
    const { nowMs, serverMs, markets } = this.parts;
    const isInRange =
      typeof timeout === 'number' &&
      Number.isInteger(timeout) &&
      (timeout === -1 || (timeout >= MIN_TIMER_SECONDS && timeout <= MAX_TIMER_SECONDS));
    if (!isInRange) return kucoinFailure(kucoinParameter('timeout'));
    const named = shortList(symbols);
    if (named.length > MAX_TIMER_SYMBOLS || named.some((symbol) => !markets.has(symbol)))
      return kucoinFailure(kucoinParameter('symbols'));
    this.timed = named.length === 0 ? null : named;
    const currentTime = Math.floor(serverMs() / 1_000);
    if (timeout === -1) {
      this.timers.clear('');
      return kucoinData({ currentTime, triggerTime: 0 });
    }
    this.timers.set('', nowMs() + timeout * 1_000);
    return kucoinData({ currentTime, triggerTime: currentTime + timeout });
  }

  /** Time has passed: a timer that nobody set again cancels. */
  onStep(): void {
    const { desk, nowMs } = this.parts;
    if (this.timers.takeDue(nowMs()).length === 0) return;
    for (const symbol of this.timed ?? [null]) desk.cancelAll(symbol);
  }
}

/** `A,B`; '' = none. */
const shortList = (symbols: unknown): string[] =>
  typeof symbols === 'string' && symbols !== '' ? symbols.split(',').map(shortText) : [];
