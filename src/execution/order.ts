import { Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import type { Fill, LegResult, SubmitLeg } from '../messages/order.js';
import { isTerminal, mayTransit, transit, type OrderSignal, type OrderStatus } from './order-state.js';

/** One order of a saga with everything known of it. A value: each change makes a new one. */
export interface Order {
  /** As sent; a follower is made smaller between its journal row and its sending. */
  readonly submit: SubmitLeg;
  readonly status: OrderStatus;
  /** Its row is committed. */
  readonly journalled: boolean;
  /** Best price of its side when it was sent; null where it was not read. */
  readonly sentPrice: Decimal | null;
  /** When it was sent; null before, and after a restart. */
  readonly sentAtMs: number | null;
  readonly fills: readonly Fill[];
  readonly filledBase: Decimal;
  readonly filledQuote: Decimal;
  readonly reason: string;
  readonly acknowledgedAtMs: number | null;
  /** Contradictions in what the exchange said (F37): never mended silently, always flagged. */
  readonly doubts: readonly string[];
}

export const newOrder = (submit: SubmitLeg): Order => ({
  submit,
  status: 'intent',
  journalled: false,
  sentPrice: null,
  sentAtMs: null,
  fills: [],
  filledBase: ZERO,
  filledQuote: ZERO,
  reason: '',
  acknowledgedAtMs: null,
  doubts: [],
});

/** Fills are one and the same by exchange and trade id, for ever (I4). */
export const fillKey = (fill: Pick<Fill, 'exchange' | 'tradeId'>): string =>
  `${fill.exchange}:${fill.tradeId}`;

export const signalled = (order: Order, signal: OrderSignal): Order => ({
  ...order,
  status: transit(order.status, signal),
});

export interface Applied {
  readonly order: Order;
  /** Fills not known before, to be booked. */
  readonly fresh: readonly Fill[];
  /** Some of them came after the order had ended (R4). */
  readonly late: boolean;
}

/** Applies what an exchange answered. Repeated answers change nothing; fills are applied in any order, each once. */
export function applyResult(order: Order, result: LegResult): Applied {
  const filled = applyFills(order, result.fills);
  const missing = new Decimal(result.filledQuantity).gt(filled.order.filledBase);
  // An end without all its fills is not settled: the fills are asked for.
  const signal = missing && !isTerminal(filled.order.status) ? 'lose' : endSignal(filled.order, result);
  let next = filled.order;
  if (signal !== null && mayTransit(next.status, signal)) next = signalled(next, signal);
  return {
    ...filled,
    order: {
      ...next,
      reason: result.reason === '' ? next.reason : result.reason,
      acknowledgedAtMs: next.acknowledgedAtMs ?? result.acknowledgedAtMs,
    },
  };
}

/** What the status of an answer means for the order; null = nothing new. */
function endSignal(order: Order, result: LegResult): OrderSignal | null {
  if (isTerminal(order.status)) return null;
  switch (result.status) {
    case 'filled':
      return order.filledBase.gte(order.submit.quantity) ? 'fill_all' : 'expire';
    case 'partially_filled':
    case 'expired':
      return 'expire';
    case 'rejected':
      // An exchange that refused an order and filled it contradicts itself; the fills count.
      return order.filledBase.isZero() && mayTransit(order.status, 'reject') ? 'reject' : 'expire';
    case 'unknown':
      return 'lose';
  }
}

export function applyFills(order: Order, fills: readonly Fill[]): Applied {
  const known = new Set(order.fills.map(fillKey));
  let next = order;
  const fresh: Fill[] = [];
  for (const fill of fills) {
    if (known.has(fillKey(fill))) continue;
    known.add(fillKey(fill));
    if (!belongsTo(fill, order.submit)) {
      next = doubted(next, `FOREIGN_FILL ${fillKey(fill)}`);
      continue;
    }
    fresh.push(fill);
    next = applyFill(next, fill);
  }
  return { order: next, fresh, late: fresh.length > 0 && isTerminal(order.status) };
}

function applyFill(order: Order, fill: Fill): Order {
  const filledBase = order.filledBase.plus(fill.quantity);
  const filledQuote = order.filledQuote.plus(new Decimal(fill.price).times(fill.quantity));
  const all = filledBase.gte(order.submit.quantity);
  const status = mayTransit(order.status, 'fill_part')
    ? transit(order.status, all ? 'fill_all' : 'fill_part')
    : order.status;
  const filled = { ...order, status, fills: [...order.fills, fill], filledBase, filledQuote };
  return filledBase.gt(order.submit.quantity) ? doubted(filled, `OVERFILL ${filledBase.toFixed()}`) : filled;
}

function belongsTo(fill: Fill, submit: SubmitLeg): boolean {
  return (
    fill.clientOrderId === submit.clientOrderId &&
    fill.exchange === submit.exchange &&
    fill.instrument === submit.instrument &&
    fill.side === submit.side &&
    fill.arbitrageId === submit.arbitrageId
  );
}

/** Notes a contradiction; each once, bounded. */
export const doubted = (order: Order, text: string): Order =>
  order.doubts.includes(text) || order.doubts.length >= 8
    ? order
    : { ...order, doubts: [...order.doubts, text] };

/** The order as the journal keeps it. An order that was never placed ends as expired with its reason. */
export function resultOf(order: Order, nowMs: number): LegResult {
  const { submit, filledBase } = order;
  const average = filledBase.isZero() ? null : roundForMessage(order.filledQuote.div(filledBase), 'down');
  return {
    clientOrderId: submit.clientOrderId,
    arbitrageId: submit.arbitrageId,
    legIndex: submit.legIndex,
    status: resultStatus(order),
    filledQuantity: toText(filledBase),
    averagePrice: average === null ? null : toText(average),
    fills: [...order.fills],
    reason: (order.status === 'not_placed' ? `NOT_PLACED ${order.reason}` : order.reason).slice(0, 200),
    acknowledgedAtMs: order.acknowledgedAtMs ?? nowMs,
  };
}

function resultStatus(order: Order): LegResult['status'] {
  if (!isTerminal(order.status)) return 'unknown';
  if (order.filledBase.gte(order.submit.quantity)) return 'filled';
  if (order.filledBase.gt(0)) return 'partially_filled';
  return order.status === 'rejected' ? 'rejected' : 'expired';
}
