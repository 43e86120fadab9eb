import type { FaceHttpRequest, FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { DeadManTimers } from './dead-man-timers.js';
import type { OrderView } from './desk-types.js';
import { GATE_ERRORS, GATE_REFUSALS, gateAnswer, gateFailure, gateParameter } from './gate-errors.js';
import { clientIdIn, gateOrderRequest } from './gate-order.js';
import { gateOrderRow, gateReceiptRow } from './gate-rows.js';
import { gateExpiryRefusal } from './gate-signature.js';
import type { OrderName } from './order-archive.js';
import type { OrderDesk } from './order-desk.js';
import type { RequestBody } from './request-words.js';

export interface GateOrderParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  /** The exchange's clock. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  /** For how long an ended order is still found by its text. */
  readonly textLookupMs: () => number;
}

const MIN_TIMER_SECONDS = 5;
/** One timer for each market, beside that for all. */
const MAX_TIMERS = 1_000;

/** Calls that change or name one order. Each is run when it reaches the engine. */
export class GateOrderCalls {
  private readonly parts: GateOrderParts;
  private readonly timers = new DeadManTimers(MAX_TIMERS);

  constructor(parts: GateOrderParts) {
    this.parts = parts;
  }

  /** `request` = as signed: what is late on its way is refused when it comes. */
  place(body: RequestBody, request: FaceHttpRequest): FaceHttpResponse {
    const { desk, markets, serverMs, stamp } = this.parts;
    const late = gateExpiryRefusal(request, serverMs());
    if (late !== null) return gateFailure(late);
    const order = gateOrderRequest(body, markets);
    if ('label' in order) return gateFailure(order);
    const outcome = desk.place(order);
    if (outcome.kind === 'refused') return gateFailure(GATE_REFUSALS[outcome.reason]);
    const mode = body['action_mode'];
    if (mode === 'ACK') return gateAnswer(gateReceiptRow(outcome.order), 201);
    const { fee, fee_currency, ...result } = gateOrderRow(outcome.order, stamp);
    // RESULT has no information of the clearing.
    return gateAnswer(mode === 'RESULT' ? result : { ...result, fee, fee_currency }, 201);
  }

  /** `id` = the exchange's number, or a text of the client. */
  cancel(id: string, symbol: string): FaceHttpResponse {
    const { desk, stamp } = this.parts;
    const order = this.named(id, symbol);
    if (typeof order === 'string') return gateFailure(GATE_ERRORS[order]);
    if (order.state === 'filled') return gateFailure(GATE_ERRORS.closed);
    if (order.state === 'cancelled') return gateFailure(GATE_ERRORS.cancelled);
    const cancelled = desk.cancel({ exchangeOrderId: order.exchangeOrderId });
    return gateAnswer(gateOrderRow(cancelled ?? order, stamp));
  }

  find(id: string, symbol: string): FaceHttpResponse {
    const order = this.named(id, symbol);
    if (typeof order === 'string') return gateFailure(GATE_ERRORS[order]);
    return gateAnswer(gateOrderRow(order, this.parts.stamp));
  }

  cancelAll(symbol: string): FaceHttpResponse {
    const { desk, markets, stamp } = this.parts;
    if (!markets.has(symbol)) return gateFailure(GATE_ERRORS.noPair);
    return gateAnswer(desk.cancelAll(symbol).map((order) => gateOrderRow(order, stamp)));
  }

  /** The dead-man switch of one market or of all; 0 switches it off [O]. */
  cancelAllAfter({ timeout, currency_pair: pair = '' }: RequestBody): FaceHttpResponse {
    const { nowMs, stamp, markets } = this.parts;
    const isInRange =
      typeof timeout === 'number' &&
      Number.isInteger(timeout) &&
      (timeout === 0 || timeout >= MIN_TIMER_SECONDS);
    if (!isInRange) return gateFailure(gateParameter('timeout'));
    if (typeof pair !== 'string' || (pair !== '' && !markets.has(pair)))
      return gateFailure(GATE_ERRORS.noPair);
    if (timeout === 0) {
      this.timers.clear(pair);
      return gateAnswer({ triggerTime: '0' });
    }
    const dueMs = nowMs() + timeout * 1_000;
    this.timers.set(pair, dueMs);
    return gateAnswer({ triggerTime: `${stamp(dueMs)}` });
  }

  /** Time has passed: timers that nobody set again cancel. */
  onStep(): void {
    const { desk, nowMs } = this.parts;
    for (const pair of this.timers.takeDue(nowMs())) desk.cancelAll(pair === '' ? null : pair);
  }

  /** An order by its number or text, or which error says that there is none. A text is forgotten after the end (PROTOCOLS §9.6). */
  private named(id: string, symbol: string): OrderView | 'noPair' | 'absent' {
    const { desk, markets, nowMs, textLookupMs } = this.parts;
    if (!markets.has(symbol)) return 'noPair';
    const clientOrderId = clientIdIn(id);
    const name: OrderName = clientOrderId === null ? { exchangeOrderId: id } : { clientOrderId };
    const order = desk.find(name);
    if (order?.symbol !== symbol) return 'absent';
    const isForgotten =
      clientOrderId !== null && order.state !== 'open' && nowMs() - order.updatedAtMs >= textLookupMs();
    return isForgotten ? 'absent' : order;
  }
}
