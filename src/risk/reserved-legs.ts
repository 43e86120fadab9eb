import { Decimal, ONE, ZERO } from '../market/decimal.js';
import type { AssetId } from '../messages/primitives.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import { legAssets } from '../market/leg-assets.js';
import type { ReservedLeg } from './exposure.js';
import type { RiskLimits } from './limits.js';
import type { Question } from './question.js';

const BPS = 10_000;

/**
 * What the two orders may give and bring at worst. The buy order is reserved at its limit price plus the recovery slack
 * plus a fee taken in quote; the sell order may bring the better of its limit and expected price.
 */
export function reservedLegs(
  signal: Pick<Signal, 'base' | 'quote'>,
  buy: PlannedLeg,
  sell: PlannedLeg,
  limits: Pick<RiskLimits, 'recoverySlackBps'>,
): readonly [ReservedLeg, ReservedLeg] {
  const slack = slackOf(limits.recoverySlackBps);
  const fee = buy.feeMode === 'quote' ? new Decimal(buy.feeRate).plus(1) : new Decimal(1);
  const sellPrice = Decimal.max(sell.limitPrice, sell.expectedVwap);
  return [
    {
      exchange: buy.exchange,
      outAsset: signal.quote,
      outAmount: new Decimal(buy.quantity).times(buy.limitPrice).times(slack).times(fee),
      inAsset: signal.base,
      inAmount: new Decimal(buy.quantity),
    },
    {
      exchange: sell.exchange,
      outAsset: signal.base,
      outAmount: new Decimal(sell.quantity),
      inAsset: signal.quote,
      inAmount: new Decimal(sell.quantity).times(sellPrice),
    },
  ];
}

let known = { bps: 0, factor: ONE };

/** 1 + slack; the same for every trade until a limit changes. */
function slackOf(bps: number): Decimal {
  if (known.bps !== bps) known = { bps, factor: new Decimal(bps).div(BPS).plus(1) };
  return known.factor;
}

export interface Flow {
  readonly asset: AssetId;
  readonly inPerUnit: Decimal;
  readonly outPerUnit: Decimal;
}

/**
 * The same for any legs, each in its own assets. What a leg gives that is only sent for what the one before has filled is taken
 * from nowhere else.
 */
export function reservedFor(
  legs: readonly PlannedLeg[],
  limits: Pick<RiskLimits, 'recoverySlackBps'>,
  follows: readonly number[] = [],
): readonly ReservedLeg[] {
  const slack = slackOf(limits.recoverySlackBps);
  return legs.map((leg, index) => {
    const { from: outAsset, to: inAsset } = legAssets(leg);
    const quantity = new Decimal(leg.quantity);
    const fee = leg.feeMode === 'quote' ? new Decimal(leg.feeRate).plus(1) : ONE;
    const isBuy = leg.side === 'buy';
    const given = isBuy ? quantity.times(leg.limitPrice).times(slack).times(fee) : quantity;
    const brought = isBuy ? quantity : quantity.times(Decimal.max(leg.limitPrice, leg.expectedVwap));
    const outAmount = follows.includes(index) ? ZERO : given;
    return { exchange: leg.exchange, outAsset, outAmount, inAsset, inAmount: brought };
  });
}

/** What one unit of the signal may move at worst, asset by asset. */
export function flowsOf(question: Question): readonly Flow[] {
  return question.isPlain ? plainFlows(question) : flowsOfLegs(question);
}

function flowsOfLegs({ signal, legs, limits }: Question): readonly Flow[] {
  const flows = new Map<AssetId, { into: Decimal; out: Decimal }>();
  const add = (asset: AssetId, into: Decimal, out: Decimal): void => {
    const known = flows.get(asset) ?? { into: ZERO, out: ZERO };
    flows.set(asset, { into: known.into.plus(into), out: known.out.plus(out) });
  };
  for (const { inAsset, inAmount, outAsset, outAmount } of reservedFor(legs, limits)) {
    add(inAsset, inAmount, ZERO);
    add(outAsset, ZERO, outAmount);
  }
  return [...flows].map(([asset, { into, out }]) => ({
    asset,
    inPerUnit: into.div(signal.quantity),
    outPerUnit: out.div(signal.quantity),
  }));
}

/** For base and quote. */
function plainFlows(question: Question): readonly [Flow, Flow] {
  const { signal, buy, sell, limits } = question;
  const [b, s] = reservedLegs(signal, buy, sell, limits);
  return [
    {
      asset: signal.base,
      inPerUnit: b.inAmount.div(signal.quantity),
      outPerUnit: s.outAmount.div(signal.quantity),
    },
    {
      asset: signal.quote,
      inPerUnit: s.inAmount.div(signal.quantity),
      outPerUnit: b.outAmount.div(signal.quantity),
    },
  ];
}
