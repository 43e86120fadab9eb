import { ceilToStep, Decimal, floorToStep, ONE, roundToTick, toText } from '../market/decimal.js';
import { violationsOf, orderRulesOf } from '../market/order-rules.js';
import type { Instrument } from '../market/instrument.js';
import type { DecimalText, InstrumentId, Side } from '../messages/primitives.js';
import type { Settlement } from './settlement.js';

const BPS = 10_000;

/** Best prices of one leg's book at the moment of recovery. */
export interface LegQuote {
  readonly instrument: InstrumentId;
  readonly trusted: boolean;
  readonly bid: number;
  readonly ask: number;
}

export interface RecoveryLimits {
  /** How far beyond the best price the recovery order may reach, basis points. */
  readonly recoverySlackBps: number;
  /** Loss cap against the average price of the residue's own side, fees included, basis points. */
  readonly maxRecoveryLossBps: number;
}

/** `complete` finishes the missing leg; `reverse` takes the one that filled back. Both trade the residue away. */
export interface RecoveryPlan {
  readonly kind: 'complete' | 'reverse';
  readonly legIndex: number;
  readonly instrument: Instrument;
  readonly side: Side;
  readonly quantity: DecimalText;
  readonly limitPrice: DecimalText;
  readonly decisionPrice: DecimalText;
}

export interface RecoveryQuestion {
  readonly settlement: Settlement;
  readonly legs: readonly {
    readonly legIndex: number;
    readonly instrument: Instrument;
    readonly side: Side;
    /** What was approved of this leg: no order of it may be larger. */
    readonly maxQuantity: DecimalText;
  }[];
  readonly quotes: readonly LegQuote[];
  readonly limits: RecoveryLimits;
}

interface Candidate {
  readonly plan: RecoveryPlan;
  /** Quote per base after fees, as a cost: the smaller the better for both sides. */
  readonly cost: Decimal;
}

/**
 * Chooses the cheaper of completing and reversing by live price and fee, within the loss cap; a text says why neither
 * may be tried, and then the residue is for a person.
 */
export function planRecovery(question: RecoveryQuestion): RecoveryPlan | string {
  const { residual, averageBuy, averageSell } = question.settlement;
  const own = residual.isNegative() ? averageSell : averageBuy;
  if (own === null || residual.isZero()) return 'NO_RESIDUE';
  const side: Side = residual.isNegative() ? 'buy' : 'sell';
  const reasons: string[] = [];
  const candidates: Candidate[] = [];
  for (const leg of question.legs) {
    const found = candidateOf(question, leg, side, own);
    if (typeof found === 'string') reasons.push(`${leg.instrument.exchange}:${found}`);
    else candidates.push(found);
  }
  candidates.sort((a, b) => a.cost.cmp(b.cost));
  return candidates[0]?.plan ?? reasons.join(' ');
}

function candidateOf(
  question: RecoveryQuestion,
  leg: RecoveryQuestion['legs'][number],
  side: Side,
  own: Decimal,
): Candidate | string {
  const { instrument } = leg;
  const quote = question.quotes.find((q) => q.instrument === instrument.id);
  const best = side === 'buy' ? quote?.ask : quote?.bid;
  if (quote === undefined || !quote.trusted || best === undefined || !(best > 0)) return 'NO_TRUSTED_PRICE';
  const touch = new Decimal(best);
  const rate = new Decimal(instrument.takerFeeRate);
  const limit = limitPrice(touch, rate, own, side, question.limits, instrument);
  if (side === 'buy' ? limit.lt(touch) : limit.gt(touch)) return 'LOSS_CAP';
  const quantity = quantityOf(question.settlement.residual.abs(), side, leg);
  const broken = violationsOf(
    { side, quantity, price: limit },
    orderRulesOf(instrument),
    instrument.state,
  )[0];
  if (broken !== undefined) return broken.rule;
  const plan: RecoveryPlan = {
    kind: leg.side === side ? 'complete' : 'reverse',
    legIndex: leg.legIndex,
    instrument,
    side,
    quantity: toText(quantity),
    limitPrice: toText(limit),
    decisionPrice: toText(touch),
  };
  const cost = side === 'buy' ? touch.times(ONE.plus(rate)) : touch.times(ONE.minus(rate)).negated();
  return { plan, cost };
}

/**
 * The residue on the lot. Where a fee is taken from the coin bought, more is bought than is missing, so that what is kept
 * leaves at most one lot; never more than was approved of this leg.
 */
function quantityOf(residue: Decimal, side: Side, leg: RecoveryQuestion['legs'][number]): Decimal {
  const { lotSize, takerFeeRate, feeMode } = leg.instrument;
  const lot = new Decimal(lotSize);
  const missing =
    side === 'sell' || feeMode === 'quote'
      ? floorToStep(residue, lot)
      : ceilToStep(residue.div(ONE.minus(takerFeeRate)), lot);
  // A finer lot than the first order's would ask for a little more than was approved, and the last gate refuses it whole.
  return Decimal.min(missing, floorToStep(new Decimal(leg.maxQuantity), lot));
}

/** The nearer of slack and loss cap, on the tick and never worse than both allow. */
function limitPrice(
  touch: Decimal,
  rate: Decimal,
  own: Decimal,
  side: Side,
  limits: RecoveryLimits,
  instrument: Instrument,
): Decimal {
  const slack = new Decimal(limits.recoverySlackBps).div(BPS);
  const loss = new Decimal(limits.maxRecoveryLossBps).div(BPS);
  const bound =
    side === 'buy'
      ? Decimal.min(touch.times(ONE.plus(slack)), own.times(ONE.plus(loss)).div(ONE.plus(rate)))
      : Decimal.max(touch.times(ONE.minus(slack)), own.times(ONE.minus(loss)).div(ONE.minus(rate)));
  return roundToTick(bound, new Decimal(instrument.tickSize), side);
}
