import type { FaceHttpRequest, FaceHttpResponse } from '../face-protocol.js';
import type { SimulatedMarket } from '../market.js';
import { bybitFailure, bybitResult } from './bybit-answers.js';
import { BYBIT_ERRORS, BYBIT_REFUSALS, bybitParameter, type BybitError } from './bybit-errors.js';
import { bybitOrderRequest } from './bybit-order.js';
import { bybitTimeRefusal } from './bybit-signature.js';
import type { OrderRequest, OrderView, Refusal } from './desk-types.js';
import { marketUnits } from './order-checks.js';
import type { OrderDesk } from './order-desk.js';
import { shortText, type RequestBody } from './request-words.js';

export interface BybitOrderParts {
  readonly desk: OrderDesk;
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Unix ms. */
  readonly nowMs: () => number;
  /** The exchange's clock. */
  readonly serverMs: () => number;
  /** A cancel was taken for an order that is filled already. */
  readonly lateCancel: (order: OrderView) => void;
}

/** A cancel that comes this soon after the last fill gets its receipt, and loses. */
const RACE_MS = 300;

/** Calls that change orders. Answers are receipts: what became of it is told by the socket and by queries (PROTOCOLS §5 [O]). */
export class BybitOrderCalls {
  private readonly parts: BybitOrderParts;

  constructor(parts: BybitOrderParts) {
    this.parts = parts;
  }

  /** `request` = as signed: what reaches the engine after its window is refused there, too. */
  place(body: RequestBody, request: FaceHttpRequest): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    const late = bybitTimeRefusal(request, serverMs());
    if (late !== null) return this.failure(late);
    const order = bybitOrderRequest(body, markets);
    if ('retCode' in order) return this.failure(order);
    const outcome = desk.place(order);
    if (outcome.kind === 'refused') return this.failure(refusalOf(outcome.reason, order));
    return this.receipt(outcome.order);
  }

  cancel(body: RequestBody): FaceHttpResponse {
    const { desk, markets, nowMs, lateCancel } = this.parts;
    const name = namesOf(body);
    if (body['category'] !== 'spot') return this.failure(bybitParameter('category invalid'));
    if (!markets.has(shortText(body['symbol']))) return this.failure(BYBIT_ERRORS.noSymbol);
    if (name === null) return this.failure(bybitParameter('orderId or orderLinkId is required'));
    const known = desk.find(name);
    if (known === null || known.symbol !== body['symbol']) return this.failure(BYBIT_ERRORS.noOrder);
    if (known.state === 'cancelled') return this.failure(BYBIT_ERRORS.cancelled);
    if (known.state === 'filled') {
      if (nowMs() - known.updatedAtMs > RACE_MS) return this.failure(BYBIT_ERRORS.filled);
      lateCancel(known);
      return this.receipt(known);
    }
    return this.receipt(desk.cancel(name) ?? known);
  }

  cancelAll(body: RequestBody): FaceHttpResponse {
    const { desk, markets, serverMs } = this.parts;
    if (body['category'] !== 'spot') return this.failure(bybitParameter('category invalid'));
    const symbol = shortText(body['symbol']);
    if (symbol !== '' && !markets.has(symbol)) return this.failure(BYBIT_ERRORS.noSymbol);
    const list = desk.cancelAll(symbol === '' ? null : symbol).map(idsOf);
    return bybitResult({ list, success: '1' }, serverMs());
  }

  private receipt(order: OrderView): FaceHttpResponse {
    return bybitResult(idsOf(order), this.parts.serverMs());
  }

  private failure(error: BybitError): FaceHttpResponse {
    return bybitFailure(error, this.parts.serverMs());
  }
}

/** Which order a call means; null when it says neither. The exchange's own id goes first. */
export function namesOf(
  body: RequestBody,
): { readonly exchangeOrderId: string; readonly clientOrderId: string } | null {
  const [exchangeOrderId, clientOrderId] = [shortText(body['orderId']), shortText(body['orderLinkId'])];
  return exchangeOrderId === '' && clientOrderId === '' ? null : { exchangeOrderId, clientOrderId };
}

function idsOf({ exchangeOrderId, clientOrderId }: OrderView): object {
  return { orderId: exchangeOrderId, orderLinkId: clientOrderId };
}

/** A price beyond the band has a code for either end. */
function refusalOf(reason: Refusal, { market, price }: OrderRequest): BybitError {
  const last = marketUnits(market).tick * BigInt(market.statistics.lastTicks);
  const isLow = reason === 'price_band' && price !== null && price < last;
  return isLow ? BYBIT_ERRORS.priceTooLow : BYBIT_REFUSALS[reason];
}
