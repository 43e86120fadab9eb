import { Decimal } from '../market/decimal.js';
import { orderRulesOf } from '../market/order-rules.js';
import type { Refusal } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import { nearTradeOf } from './near-trade.js';
import { legViewOf, NO_REFUSALS, type Question, type Rule, type SizeCap, type SizeRule } from './question.js';
import { breakerProbeRule } from './rules/breaker-probe.js';
import { circuitBreakerRule } from './rules/circuit-breaker.js';
import { dailyLossRule } from './rules/daily-loss.js';
import { drawdownRule } from './rules/drawdown.js';
import { exchangeHealthRule } from './rules/exchange-health.js';
import { flashBandRule } from './rules/flash-band.js';
import { flashDepthRule } from './rules/flash-depth.js';
import { flashDeviationRule } from './rules/flash-deviation.js';
import { flashReturnRule } from './rules/flash-return.js';
import { flashVelocityRule } from './rules/flash-velocity.js';
import { lossStreakRule } from './rules/loss-streak.js';
import { positionBusyRule } from './rules/position-busy.js';
import { orderRateRule } from './rules/order-rate.js';
import { strategyExposureRule } from './rules/strategy-exposure.js';
import { bookAgeRule } from './rules/book-age.js';
import { bookChangeRule } from './rules/book-change.js';
import { bookProofRule } from './rules/book-proof.js';
import { bridgeExposureRule } from './rules/bridge-exposure.js';
import { bookTrustRule } from './rules/book-trust.js';
import { clockSkewRule } from './rules/clock-skew.js';
import { assetExposureRule } from './rules/asset-exposure.js';
import { duplicateRule } from './rules/duplicate.js';
import { exchangeExposureRule } from './rules/exchange-exposure.js';
import { feeCoinRule } from './rules/fee-coin.js';
import { identityRule } from './rules/identity.js';
import { instrumentStateRule } from './rules/instrument-state.js';
import { inventoryRule } from './rules/inventory.js';
import { legShapeRule } from './rules/leg-shape.js';
import { killSwitchRule } from './rules/kill-switch.js';
import { netEdgeRule } from './rules/net-edge.js';
import { netProfitRule } from './rules/net-profit.js';
import { noTradeWindowRule } from './rules/no-trade-window.js';
import { orderExposureRule } from './rules/order-exposure.js';
import { orderMinimumsRule } from './rules/order-minimums.js';
import { quoteCurrencyRule } from './rules/quote-currency.js';
import { riskHoldRule } from './rules/risk-hold.js';
import { signalExpiryRule } from './rules/signal-expiry.js';
import { tooGoodRule } from './rules/too-good.js';
import { totalExposureRule } from './rules/total-exposure.js';
import { tradeMinimumRule } from './rules/trade-minimum.js';
import { unitMultiplierRule } from './rules/unit-multiplier.js';
import { shrinkLegs } from './shrink-legs.js';
import { shrinkSignal, type Lots } from './shrink.js';

/** Judged once, whatever the size. */
export const FIXED_RULES: readonly Rule[] = [
  killSwitchRule,
  riskHoldRule,
  dailyLossRule,
  drawdownRule,
  lossStreakRule,
  circuitBreakerRule,
  noTradeWindowRule,
  orderRateRule,
  duplicateRule,
  positionBusyRule,
  signalExpiryRule,
  identityRule,
  quoteCurrencyRule,
  unitMultiplierRule,
  feeCoinRule,
  instrumentStateRule,
  bookProofRule,
  bookTrustRule,
  bookAgeRule,
  bookChangeRule,
  clockSkewRule,
  tooGoodRule,
  flashVelocityRule,
  flashReturnRule,
  flashBandRule,
  flashDeviationRule,
  flashDepthRule,
];

/** Judged for the size asked and again for each size it is shrunk to. */
export const SIZED_RULES: readonly Rule[] = [netEdgeRule, netProfitRule, tradeMinimumRule, orderMinimumsRule];

export const SIZE_RULES: readonly SizeRule[] = [
  inventoryRule,
  orderExposureRule,
  breakerProbeRule,
  exchangeHealthRule,
  strategyExposureRule,
  assetExposureRule,
  exchangeExposureRule,
  totalExposureRule,
  bridgeExposureRule,
];

const ALL_RULES: readonly Rule[] = [legShapeRule, ...FIXED_RULES, ...SIZED_RULES];

/** Rounding the legs back onto their lots can miss a cap by less than a lot; so often is it tried again below. */
const SHRINK_TRIES = 3;
const MAX_REFUSALS = 32;

export type Judgement =
  | { readonly allowed: true; readonly signal: Signal }
  | { readonly allowed: false; readonly refusals: readonly Refusal[] };

/** Asks every rule, so that a refusal names all its reasons; then makes the trade fit the limits, if it may be smaller. */
export function evaluate(question: Question): Judgement {
  const refusals = refusalsOf(ALL_RULES, question);
  const exceeded = exceededCaps(question);
  if (exceeded.length === 0 && refusals.length === 0) return { allowed: true, signal: question.signal };
  if (refusals.length > 0 || !question.limits.shrinkToFit) {
    return refused([...refusals, ...exceeded.map((cap) => cap.refusal())]);
  }
  return fitInto(question, exceeded);
}

function refusalsOf(rules: readonly Rule[], question: Question): readonly Refusal[] {
  let found: readonly Refusal[] = NO_REFUSALS;
  for (const rule of rules) {
    const refusals = rule(question);
    if (refusals.length > 0) found = [...found, ...refusals];
  }
  return found;
}

/** Only where floats cannot tell that a limit is far away, its cap is worked out. */
function exceededCaps(question: Question): SizeCap[] {
  const { buy, sell, signal, isPlain } = question;
  const isPair = isPlain && buy.side === 'buy' && sell.side === 'sell';
  const near = nearTradeOf(question);
  const exceeded: SizeCap[] = [];
  for (const rule of SIZE_RULES) {
    if (isPair && rule.fits(question, near)) continue;
    for (const cap of rule.caps(question)) if (cap.cap.lt(signal.quantity)) exceeded.push(cap);
  }
  return exceeded;
}

function fitInto(question: Question, exceeded: readonly SizeCap[]): Judgement {
  const lots = lotsOf(question);
  const shrink = (to: Decimal): Signal | null =>
    question.isPlain ? shrinkSignal(question.signal, to, lots) : shrinkLegs(question, to);
  let cap = Decimal.min(...exceeded.map((c) => c.cap));
  for (let tried = 0; tried < SHRINK_TRIES; tried++) {
    const smaller = shrink(cap);
    if (smaller === null) break;
    const again = questionFor(question, smaller);
    const refusals = refusalsOf(SIZED_RULES, again);
    if (refusals.length > 0) return refused([...exceeded.map((c) => c.refusal()), ...refusals]);
    const still = exceededCaps(again);
    if (still.length === 0) return { allowed: true, signal: smaller };
    // A cap at or above this size cannot shrink it further by itself: one lot less always does.
    cap = Decimal.min(...still.map((c) => c.cap), new Decimal(smaller.quantity).minus(lots.buy));
  }
  return refused(exceeded.map((c) => c.refusal()));
}

/** Lots are known here: an unknown instrument was refused by identity before any shrinking. */
function lotsOf(question: Question): Lots {
  const lotOf = (id: string) => {
    const instrument = question.instruments.get(id);
    return instrument === undefined ? new Decimal(1) : orderRulesOf(instrument).lot;
  };
  return { buy: lotOf(question.buy.instrument), sell: lotOf(question.sell.instrument) };
}

function questionFor(question: Question, signal: Signal): Question {
  const { buy, sell, legs, isPlain } = legViewOf(signal, question.limits);
  return {
    signal,
    buy,
    sell,
    legs,
    isPlain,
    books: question.books,
    clockSkewMs: question.clockSkewMs,
    instruments: question.instruments,
    exposure: question.exposure,
    limits: question.limits,
    killSwitch: question.killSwitch,
    holds: question.holds,
    monitors: question.monitors,
    signalSeen: question.signalSeen,
    opportunityTaken: question.opportunityTaken,
    nowMs: question.nowMs,
  };
}

const refused = (refusals: readonly Refusal[]): Judgement => ({
  allowed: false,
  refusals: refusals.slice(0, MAX_REFUSALS),
});
