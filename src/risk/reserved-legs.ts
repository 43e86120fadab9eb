import { Decimal, ONE } from '../market/decimal.js';
import type { AssetId } from '../messages/primitives.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
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

/** What one unit of the signal may move at worst, for base and quote. */
export function flowsOf(question: Question): readonly [Flow, Flow] {
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
