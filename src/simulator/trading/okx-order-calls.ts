import type { FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import type { Prng } from '../prng.js';
import { DeadManTimers } from './dead-man-timers.js';
import { okxData, okxFailure, okxResult } from './okx-answers.js';
import { okxEmpty, OKX_ERRORS, OKX_REFUSALS, okxParameter, type OkxError } from './okx-errors.js';
import { okxOrderRequest } from './okx-order.js';
import type { OrderDesk } from './order-desk.js';
import { shortText, type RequestBody } from './request-words.js';

/** How an answer names its order; answers to cancels have no tag. */
interface OkxNames {
  readonly clOrdId: string;
  readonly ordId: string;
  readonly tag?: string;
}

export interface OkxOrderParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  readonly prng: Prng;
  /** Unix ms. */
  readonly nowMs: () => number;
  /** The exchange's clock. */
  readonly serverMs: () => number;
}

const MAX_TAGS = 20;
const MIN_TIMER_SECONDS = 10;
const MAX_TIMER_SECONDS = 120;
/** One failing answer in so many hides behind an envelope of code "0" (PROTOCOLS §12). */
const HIDDEN_FAILURES = 4;
/** Code of a missing parameter: the call fails as a whole. */
const EMPTY = '50014';
const SUCCESS: OkxError = { code: '0', msg: '' };
const FAILED: OkxError = { code: '1', msg: 'All operations failed' };

/** Calls that change orders. Each is run when it reaches the engine. */
export class OkxOrderCalls {
  private readonly parts: OkxOrderParts;
  private readonly timers = new DeadManTimers(MAX_TAGS);

  constructor(parts: OkxOrderParts) {
    this.parts = parts;
  }

  /** `expTime` = the header: a deadline by the exchange's clock, for placing only (PROTOCOLS §1.1 [O]). */
  place(body: RequestBody, expTime: string | undefined): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    const names = { clOrdId: shortText(body['clOrdId']), ordId: '', tag: shortText(body['tag']) };
    if (expTime !== undefined && !/^\d{13}$/.test(expTime))
      return this.refused(names, okxParameter('expTime'));
    if (expTime !== undefined && Number(expTime) < serverMs()) return this.refused(names, OKX_ERRORS.late);
    const request = okxOrderRequest(body, markets);
    if ('code' in request) {
      return request.code === EMPTY ? okxFailure(request, 400) : this.refused(names, request);
    }
    const outcome = desk.place(request);
    if (outcome.kind === 'refused') return this.refused(names, OKX_REFUSALS[outcome.reason]);
    const { exchangeOrderId: ordId, clientOrderId: clOrdId } = outcome.order;
    return this.result({ ...names, clOrdId, ordId }, SUCCESS);
  }

  cancel(body: RequestBody): FaceHttpResponse {
    const { desk, markets } = this.parts;
    const { instId } = body;
    const names = { clOrdId: shortText(body['clOrdId']), ordId: shortText(body['ordId']) };
    if (instId === undefined || instId === '') return okxFailure(okxEmpty('instId'), 400);
    if (!markets.has(shortText(instId))) return this.refused(names, OKX_ERRORS.noInstrument);
    if (names.ordId === '' && names.clOrdId === '') return okxFailure(OKX_ERRORS.noOrderNamed);
    const name = { exchangeOrderId: names.ordId, clientOrderId: names.clOrdId };
    const order = desk.find(name)?.symbol === instId ? desk.cancel(name) : null;
    if (order === null) return this.refused(names, OKX_ERRORS.notCancellable);
    return this.result({ clOrdId: order.clientOrderId, ordId: order.exchangeOrderId }, SUCCESS);
  }

  /** The dead-man switch: cancels all, or what has the tag, unless it is set again in time. */
  cancelAllAfter(body: RequestBody): FaceHttpResponse {
    const { nowMs, serverMs } = this.parts;
    const timeOut = shortText(body['timeOut']);
    const tag = shortText(body['tag']);
    const seconds = Number(timeOut);
    const isInRange = seconds >= MIN_TIMER_SECONDS && seconds <= MAX_TIMER_SECONDS;
    if (!/^\d{1,3}$/.test(timeOut) || (seconds !== 0 && !isInRange))
      return okxFailure(okxParameter('timeOut'));
    const ts = Math.floor(serverMs());
    if (seconds === 0) {
      this.timers.clear(tag);
      return okxData([{ triggerTime: '0', tag, ts: `${ts}` }]);
    }
    if (!this.timers.set(tag, nowMs() + seconds * 1_000)) return okxFailure(OKX_ERRORS.tooManyTimers);
    return okxData([{ triggerTime: `${ts + seconds * 1_000}`, tag, ts: `${ts}` }]);
  }

  /** Time has passed: timers that nobody set again cancel. */
  onStep(): void {
    const { desk, nowMs } = this.parts;
    for (const tag of this.timers.takeDue(nowMs())) {
      const orders = desk.openOrders(null).filter(({ words }) => tag === '' || words['tag'] === tag);
      for (const { exchangeOrderId } of orders) desk.cancel({ exchangeOrderId });
    }
  }

  /** The row tells the failure; the envelope does not always. */
  private refused(names: OkxNames, error: OkxError): FaceHttpResponse {
    const isHidden = this.parts.prng.below(HIDDEN_FAILURES) === 0;
    return this.result(names, error, isHidden ? SUCCESS : FAILED);
  }

  private result(names: OkxNames, error: OkxError, envelope: OkxError = SUCCESS): FaceHttpResponse {
    const timeMs = Math.floor(this.parts.serverMs());
    return okxResult({ ...names, ts: `${timeMs}`, sCode: error.code, sMsg: error.msg }, envelope, timeMs);
  }
}
