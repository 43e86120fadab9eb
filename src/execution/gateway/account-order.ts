import { Decimal } from '../../market/decimal.js';
import type { Fill, SubmitLeg } from '../../messages/order.js';
import type { ExchangeId, InstrumentId } from '../../messages/primitives.js';
import { assetsOf } from '../ledger.js';
import type { OrderWord, PlaceWord, TradeWord } from './words.js';

/** How an order is named in questions and answers; all of it is also in a `queryOrder`. */
export interface OrderName {
  readonly clientOrderId: string;
  readonly arbitrageId: string;
  readonly legIndex: number;
  readonly instrument: InstrumentId;
  readonly exchange: ExchangeId;
}

/**
 * `sent`: on its way. `unknown`: it may be at the exchange, and counts in full. `open`: the exchange has it. `absent`: proven
 * never placed (R3). The last three are ends; a fill that comes after an end is applied and the end stays (R4).
 */
export type OrderPhase = 'sent' | 'unknown' | 'open' | 'ended' | 'rejected' | 'absent';

/** What is known of one order of this account. A value: each change makes a new one. */
export interface AccountOrder {
  readonly name: OrderName;
  /** Null where only a question named the order: one of an earlier life. */
  readonly leg: SubmitLeg | null;
  readonly phase: OrderPhase;
  readonly exchangeOrderId: string | null;
  /** Base units; null while neither leg nor exchange has told it. */
  readonly quantity: Decimal | null;
  readonly fills: readonly Fill[];
  readonly filled: Decimal;
  /** The most that the exchange has said was filled; above `filled`, fills are missing. */
  readonly reported: Decimal;
  /** The request may have been written then at the earliest. */
  readonly sentAtMs: number;
  /** After this the exchange does not act on the request any more: expiry and skew have passed. */
  readonly goneAtMs: number;
  readonly acknowledgedAtMs: number | null;
  readonly reason: string;
  /** Contradictions of the exchange (F37), each once. */
  readonly doubts: readonly string[];
  readonly inquiry: Inquiry;
  readonly cancelAsked: number;
}

/** Where asking about the order stands. */
export interface Inquiry {
  /** When to ask next; null = nothing to ask, or a question is out. */
  readonly dueAtMs: number | null;
  readonly isOut: boolean;
  /** Questions since the last news, answered or not: the pauses grow with them. */
  readonly tries: number;
  /** Questions that the exchange answered. */
  readonly answered: number;
  /** Answers "not found" that count as evidence. */
  readonly notFound: number;
  readonly lastNotFoundAtMs: number;
}

export const NO_INQUIRY: Inquiry = {
  dueAtMs: null,
  isOut: false,
  tries: 0,
  answered: 0,
  notFound: 0,
  lastNotFoundAtMs: 0,
};

const MAX_DOUBTS = 8;
const ZERO = new Decimal(0);

export interface OrderTimes {
  readonly sentAtMs: number;
  readonly goneAtMs: number;
}

export const sentOrder = (leg: SubmitLeg, times: OrderTimes): AccountOrder => ({
  ...bareOrder(nameOf(leg), times),
  leg,
  phase: 'sent',
  quantity: new Decimal(leg.quantity),
});

/** An order of an earlier life: journalled, or asked about. It may have been sent, or not. */
export const formerOrder = (name: OrderName, leg: SubmitLeg | null, times: OrderTimes): AccountOrder => ({
  ...bareOrder(name, times),
  leg,
  phase: 'unknown',
  quantity: leg === null ? null : new Decimal(leg.quantity),
  reason: 'OF_AN_EARLIER_LIFE',
});

function bareOrder(name: OrderName, times: OrderTimes): Omit<AccountOrder, 'leg' | 'phase' | 'quantity'> {
  return {
    name,
    ...times,
    exchangeOrderId: null,
    fills: [],
    filled: ZERO,
    reported: ZERO,
    acknowledgedAtMs: null,
    reason: '',
    doubts: [],
    inquiry: NO_INQUIRY,
    cancelAsked: 0,
  };
}

export function nameOf(named: OrderName): OrderName {
  const { clientOrderId, arbitrageId, legIndex, instrument, exchange } = named;
  return { clientOrderId, arbitrageId, legIndex, instrument, exchange };
}

const ENDS: ReadonlySet<OrderPhase> = new Set(['ended', 'rejected', 'absent']);

export const hasEnded = (order: AccountOrder): boolean => ENDS.has(order.phase);

/** Its end and all its fills are known. */
export const isSettled = (order: AccountOrder): boolean =>
  hasEnded(order) && order.filled.gte(order.reported);

/** The exchange may still act on it. */
export const mayFill = (order: AccountOrder): boolean => !hasEnded(order);

export const doubted = (order: AccountOrder, text: string): AccountOrder =>
  order.doubts.includes(text) || order.doubts.length >= MAX_DOUBTS
    ? order
    : { ...order, doubts: [...order.doubts, text] };

export interface Change {
  readonly order: AccountOrder;
  /** Fills that were not known. */
  readonly fresh: readonly Fill[];
  /** For people and for the pause of the exchange; each is something an exchange must not do. */
  readonly alerts: readonly string[];
}

export const unchanged = (order: AccountOrder): Change => ({ order, fresh: [], alerts: [] });

/** What an order is said to be: status, filled amount and the fills that came along, in any order and any number of times. */
export function reported(before: AccountOrder, word: OrderWord, nowMs: number): Change {
  const clash = clashOf(before, word);
  if (clash !== null) return contradiction(before, clash);
  const { order: filledOrder, fresh, alerts } = tradesApplied(before, word.trades);
  const filled = new Decimal(word.filledQuantity);
  const order = {
    ...filledOrder,
    exchangeOrderId: filledOrder.exchangeOrderId ?? word.exchangeOrderId,
    quantity: filledOrder.quantity ?? new Decimal(word.quantity),
    reported: Decimal.max(filledOrder.reported, filled),
    // A report is an acknowledgement too, whoever of the two comes first.
    acknowledgedAtMs: filledOrder.acknowledgedAtMs ?? nowMs,
    inquiry: { ...filledOrder.inquiry, notFound: 0 },
  };
  const next = withStatus(order, word, before.phase);
  const isRisen = before.phase === 'absent' && fresh.length === 0;
  return { order: next, fresh, alerts: isRisen ? [...alerts, 'PLACED_AFTER_NOT_FOUND'] : alerts };
}

function withStatus(order: AccountOrder, word: OrderWord, phase: OrderPhase): AccountOrder {
  // An end is left by nothing but proof that "never placed" was wrong.
  if (phase === 'ended' || phase === 'rejected') return order;
  if (word.status === 'open')
    return filledUp(order) ? { ...order, phase: 'ended' } : { ...order, phase: 'open' };
  return {
    ...order,
    phase: word.status,
    reason: word.status === 'rejected' ? word.statusWord : order.reason,
  };
}

/** Fills of this order. One that is known changes nothing, by (exchange, trade id), for ever. */
export function tradesApplied(before: AccountOrder, trades: readonly TradeWord[]): Change {
  let order = before;
  const fresh: Fill[] = [];
  let alerts: string[] = [];
  for (const trade of trades) {
    if (order.fills.some(({ tradeId }) => tradeId === trade.tradeId)) continue;
    const clash = clashOf(order, trade);
    if (clash !== null) {
      const { order: next, alerts: more } = contradiction(order, clash);
      order = next;
      alerts = [...alerts, ...more];
      continue;
    }
    const fill = fillOf(order, trade);
    fresh.push(fill);
    order = withFill(order, fill);
    alerts = [...alerts, ...alertsOf(before, order, fill)];
  }
  return { order, fresh, alerts };
}

function withFill(order: AccountOrder, fill: Fill): AccountOrder {
  const filled = order.filled.plus(fill.quantity);
  const next = {
    ...order,
    fills: [...order.fills, fill],
    filled,
    inquiry: { ...order.inquiry, notFound: 0 },
  };
  if (filledUp(next)) return { ...next, phase: 'ended' };
  // It was there after all; what became of the rest has to be asked.
  return next.phase === 'rejected' || next.phase === 'absent' ? { ...next, phase: 'unknown' } : next;
}

/** Nothing is left of it to be filled. */
const filledUp = ({ quantity, filled }: AccountOrder): boolean => quantity !== null && filled.gte(quantity);

function alertsOf(before: AccountOrder, order: AccountOrder, fill: Fill): string[] {
  const alerts: string[] = [];
  // An end that was said before all its fills were told is ordinary; one without a fill missing is not.
  if (isSettled(before)) alerts.push(before.phase === 'absent' ? 'PLACED_AFTER_NOT_FOUND' : 'FILL_AFTER_END');
  if (order.quantity !== null && order.filled.gt(order.quantity)) alerts.push('OVERFILL');
  const { leg } = order;
  if (leg === null) return alerts;
  const price = new Decimal(fill.price);
  if (leg.side === 'buy' ? price.gt(leg.limitPrice) : price.lt(leg.limitPrice))
    alerts.push('WORSE_THAN_LIMIT');
  return alerts;
}

/** Null when what is said can be about this order. */
function clashOf(
  order: AccountOrder,
  said: Pick<TradeWord, 'instrument' | 'side' | 'exchangeOrderId'>,
): string | null {
  if (said.instrument !== order.name.instrument) return 'FOREIGN_MARKET';
  const side = order.leg?.side ?? order.fills[0]?.side;
  if (side !== undefined && said.side !== side) return 'FOREIGN_SIDE';
  if (order.exchangeOrderId !== null && said.exchangeOrderId !== order.exchangeOrderId) return 'SECOND_ORDER';
  return null;
}

/** What placing was answered with. */
export function placed(before: AccountOrder, word: PlaceWord, nowMs: number): Change {
  switch (word.kind) {
    case 'accepted':
      return accepted(before, word, nowMs);
    case 'refused': {
      // A push of it came first: who refuses an order that is there contradicts itself.
      if (before.exchangeOrderId !== null || before.fills.length > 0) {
        const clash = contradiction(before, 'REFUSED_BUT_THERE');
        return before.phase === 'sent' ? { ...clash, order: { ...clash.order, phase: 'unknown' } } : clash;
      }
      const reason = `${word.code} ${word.reason}`.trim();
      return unchanged({ ...before, phase: 'rejected', reason, acknowledgedAtMs: nowMs });
    }
    case 'duplicate':
      return unchanged(
        before.phase === 'sent' ? { ...before, phase: 'unknown', reason: 'DUPLICATE_ID' } : before,
      );
    case 'unknown':
      return unchanged(
        before.phase === 'sent' ? { ...before, phase: 'unknown', reason: word.reason } : before,
      );
  }
}

function accepted(
  before: AccountOrder,
  word: Extract<PlaceWord, { kind: 'accepted' }>,
  nowMs: number,
): Change {
  if (before.exchangeOrderId !== null && before.exchangeOrderId !== word.exchangeOrderId)
    return contradiction(before, 'SECOND_ORDER');
  // Its absence was proven while the answer was still on its way: the proof was wrong.
  const isRisen = before.phase === 'absent';
  const order: AccountOrder = {
    ...before,
    exchangeOrderId: word.exchangeOrderId,
    phase: hasEnded(before) && !isRisen ? before.phase : 'open',
    acknowledgedAtMs: before.acknowledgedAtMs ?? nowMs,
  };
  const change = word.order === null ? unchanged(order) : reported(order, word.order, nowMs);
  return isRisen ? { ...change, alerts: [...change.alerts, 'PLACED_AFTER_NOT_FOUND'] } : change;
}

function contradiction(order: AccountOrder, text: string): Change {
  return { order: doubted(order, text), fresh: [], alerts: order.doubts.includes(text) ? [] : [text] };
}

function fillOf(order: AccountOrder, trade: TradeWord): Fill {
  const { instrument, exchange, clientOrderId, arbitrageId } = order.name;
  const { base, quote } = assetsOf(instrument);
  return {
    exchange,
    instrument,
    tradeId: trade.tradeId,
    clientOrderId,
    arbitrageId,
    side: trade.side,
    price: trade.price,
    quantity: trade.quantity,
    fee: trade.fee,
    // Where no coin is named it is the one that was received.
    feeAsset: trade.feeAsset ?? (trade.side === 'buy' ? base : quote),
    liquidity: trade.liquidity,
    exchangeTimeMs: trade.timeMs,
  };
}
