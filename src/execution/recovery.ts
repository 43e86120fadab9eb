import { BPS, Decimal, decimalOf, ONE, roundToTick, toText, ZERO } from '../market/decimal.js';
import { violationsOf, orderRulesOf } from '../market/order-rules.js';
import type { Instrument } from '../market/instrument.js';
import type { DecimalText, InstrumentId, Side } from '../messages/primitives.js';
import { quantityAgainst } from './leg-policy.js';

/** The book of one market at the moment of recovery. */
export interface LegQuote {
  readonly instrument: InstrumentId;
  readonly trusted: boolean;
  readonly bid: number;
  readonly ask: number;
  /** [price, size], best first; absent = only the best price is known. */
  readonly bids?: readonly (readonly [number, number])[];
  readonly asks?: readonly (readonly [number, number])[];
}

export interface RecoveryLimits {
  /** How far beyond the best price the recovery order may reach, basis points. */
  readonly recoverySlackBps: number;
  /** Loss cap against the average price of the residue's own side, fees included, basis points. */
  readonly maxRecoveryLossBps: number;
}

/**
 * `complete` finishes the missing leg, `reverse` takes the one that filled back, `hedge` trades on a third market. Each trades
 * the residue away; what none of them may do is held.
 */
export type RecoveryKind = 'complete' | 'reverse' | 'hedge';

export interface RecoveryPlan {
  readonly kind: RecoveryKind;
  readonly legIndex: number;
  readonly instrument: Instrument;
  readonly side: Side;
  readonly quantity: DecimalText;
  readonly limitPrice: DecimalText;
  readonly decisionPrice: DecimalText;
}

/** A market that a recovery order may go to. */
export interface RecoveryMarket {
  readonly legIndex: number;
  readonly instrument: Instrument;
  /** Side of the planned leg there; null on a hedge market. */
  readonly side: Side | null;
  /** What the last gate still takes there on the side of the recovery. */
  readonly most: Decimal;
}

export interface RecoveryQuestion {
  /** Signed base to be traded away: positive is sold, negative is bought back. */
  readonly residue: Decimal;
  /** Average price that the residue was bought or sold for. */
  readonly own: Decimal;
  /** What all recovery orders of this arbitrage may still lose, in quote. */
  readonly room: Decimal;
  readonly markets: readonly RecoveryMarket[];
  readonly quotes: readonly LegQuote[];
  readonly limits: RecoveryLimits;
}

interface Candidate {
  readonly plan: RecoveryPlan;
  /** Quote per base after fees, as a cost: the smaller the better for both sides. */
  readonly cost: Decimal;
}

/**
 * Chooses the cheapest of completing, reversing and hedging elsewhere by live price, depth and fee, within the loss cap; a
 * text says why none may be done now, and then the residue is held.
 */
export function planRecovery(question: RecoveryQuestion): RecoveryPlan | string {
  if (question.residue.isZero()) return 'NO_RESIDUE';
  const reasons: string[] = [];
  const candidates: Candidate[] = [];
  for (const market of question.markets) {
    const found = candidateOf(question, market);
    if (typeof found === 'string') reasons.push(`${market.instrument.exchange}:${found}`);
    else candidates.push(found);
  }
  candidates.sort((a, b) => a.cost.cmp(b.cost));
  return candidates[0]?.plan ?? reasons.join(' ');
}

/**
 * True when the residue can still be traded away within the cap, and could not any more once every price had moved by the
 * slack: the worst case of an exposure that is not certain breaches the cap.
 */
export function isCapAtStake(question: RecoveryQuestion): boolean {
  if (question.residue.isZero()) return false;
  const side = sideOf(question);
  const cap = new Decimal(question.limits.maxRecoveryLossBps).div(BPS);
  let isReachable = false;
  for (const market of question.markets) {
    const touch = touchOf(question, market, side);
    if (touch === null) continue;
    const rate = new Decimal(market.instrument.takerFeeRate);
    const bound = capPrice(question.own, cap, rate, side);
    if (isWithin(slackPrice(touch, question.limits, side), bound, side)) return false;
    isReachable ||= isWithin(touch, bound, side);
  }
  return isReachable;
}

const sideOf = ({ residue }: RecoveryQuestion): Side => (residue.isNegative() ? 'buy' : 'sell');

function touchOf({ quotes }: RecoveryQuestion, { instrument }: RecoveryMarket, side: Side): Decimal | null {
  const quote = quotes.find((q) => q.instrument === instrument.id);
  const best = side === 'buy' ? quote?.ask : quote?.bid;
  return quote?.trusted === true && best !== undefined && best > 0 ? decimalOf(best) : null;
}

function candidateOf(question: RecoveryQuestion, market: RecoveryMarket): Candidate | string {
  const { instrument, legIndex } = market;
  const side = sideOf(question);
  const touch = touchOf(question, market, side);
  if (touch === null) return 'NO_TRUSTED_PRICE';
  const quantity = quantityAgainst(question.residue, instrument, market.most);
  if (!quantity.gt(0)) return 'NOTHING_APPROVED';
  const limit = limitPrice(question, touch, quantity, instrument);
  if (!isWithin(touch, limit, side)) return 'LOSS_CAP';
  const broken = violationsOf(
    { side, quantity, price: limit },
    orderRulesOf(instrument),
    instrument.state,
  )[0];
  if (broken !== undefined) return broken.rule;
  const kind = market.side === null ? 'hedge' : market.side === side ? 'complete' : 'reverse';
  const texts = { quantity: toText(quantity), limitPrice: toText(limit), decisionPrice: toText(touch) };
  const average = averagePrice(question, market, { side, quantity, touch, limit });
  const rate = new Decimal(instrument.takerFeeRate);
  const cost = side === 'buy' ? average.times(ONE.plus(rate)) : average.times(ONE.minus(rate)).negated();
  return { plan: { kind, legIndex, instrument, side, ...texts }, cost };
}

/** What the quantity may be expected to trade at: the book within the limit, and the limit itself for what it does not hold. */
function averagePrice(
  { quotes }: RecoveryQuestion,
  { instrument }: RecoveryMarket,
  order: {
    readonly side: Side;
    readonly quantity: Decimal;
    readonly touch: Decimal;
    readonly limit: Decimal;
  },
): Decimal {
  const quote = quotes.find((q) => q.instrument === instrument.id);
  const levels = order.side === 'buy' ? quote?.asks : quote?.bids;
  if (levels === undefined) return order.touch;
  let rest = order.quantity;
  let value = ZERO;
  for (const [price, size] of levels) {
    const level = decimalOf(price);
    if (rest.isZero() || !isWithin(level, order.limit, order.side)) break;
    const taken = Decimal.min(rest, decimalOf(size));
    value = value.plus(taken.times(level));
    rest = rest.minus(taken);
  }
  return value.plus(rest.times(order.limit)).div(order.quantity);
}

/** At least as good as a bound. */
const isWithin = (price: Decimal, bound: Decimal, side: Side): boolean =>
  side === 'buy' ? price.lte(bound) : price.gte(bound);

/** The price at which a unit, its fee included, loses `loss` of what it was bought or sold for. */
const capPrice = (own: Decimal, loss: Decimal, rate: Decimal, side: Side): Decimal =>
  side === 'buy'
    ? own.times(ONE.plus(loss)).div(ONE.plus(rate))
    : own.times(ONE.minus(loss)).div(ONE.minus(rate));

function slackPrice(touch: Decimal, { recoverySlackBps }: RecoveryLimits, side: Side): Decimal {
  const slack = new Decimal(recoverySlackBps).div(BPS);
  return touch.times(side === 'buy' ? ONE.plus(slack) : ONE.minus(slack));
}

/** The nearest of slack, loss cap and what may still be lost in all, on the tick and never worse than these allow. */
function limitPrice(
  question: RecoveryQuestion,
  touch: Decimal,
  quantity: Decimal,
  instrument: Instrument,
): Decimal {
  const { own, limits, room } = question;
  const side = sideOf(question);
  const rate = new Decimal(instrument.takerFeeRate);
  const cap = new Decimal(limits.maxRecoveryLossBps).div(BPS);
  const roomShare = Decimal.max(room, ZERO).div(quantity).div(own);
  const bounds = [slackPrice(touch, limits, side), capPrice(own, Decimal.min(cap, roomShare), rate, side)];
  const nearest = side === 'buy' ? Decimal.min(...bounds) : Decimal.max(...bounds);
  return roundToTick(nearest, new Decimal(instrument.tickSize), side);
}
