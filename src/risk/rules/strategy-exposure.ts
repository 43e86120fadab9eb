import { Decimal } from '../../market/decimal.js';
import { markUnknown } from '../mark-unknown.js';
import { isCertainlyBelow } from '../near.js';
import { nearWorth } from '../near-trade.js';
import { amountText, isExit, refuse, type Question, type SizeCap, type SizeRule } from '../question.js';
import { flowsOf } from '../reserved-legs.js';

/** What one strategy has in flight, each asset at its worst, with this trade, in the reporting currency. */
export const strategyExposureRule: SizeRule = {
  fits: (question, trade) => {
    const { strategy } = question.signal;
    const inFlight = question.exposure.nearInFlightOf(strategy).plus(nearWorth(question, trade));
    return isCertainlyBelow(inFlight, Number(limitOf(question)));
  },
  // What closes a position takes exposure away.
  caps: (question) => (isExit(question) ? [] : [capOf(question)]),
};

const limitOf = ({ limits, signal }: Question): string =>
  limits.strategyExposureOverrides[signal.strategy] ?? limits.maxStrategyExposure;

function capOf(question: Question): SizeCap {
  const { limits, exposure, signal } = question;
  const limit = new Decimal(limitOf(question));
  let inFlight = new Decimal(0);
  for (const [asset, worst] of exposure.inFlightOf(signal.strategy)) {
    const mark = exposure.markOf(asset);
    if (mark === null) return markUnknown('STRATEGY_EXPOSURE', asset);
    inFlight = inFlight.plus(worst.times(mark));
  }
  let perUnit = new Decimal(0);
  for (const flow of flowsOf(question)) {
    if (flow.asset === limits.reportingCurrency) continue;
    const mark = exposure.markOf(flow.asset);
    if (mark === null) return markUnknown('STRATEGY_EXPOSURE', flow.asset);
    perUnit = perUnit.plus(Decimal.max(flow.inPerUnit, flow.outPerUnit).times(mark));
  }
  const room = Decimal.max(0, limit.minus(inFlight));
  return {
    cap: perUnit.isZero() ? new Decimal(Infinity) : room.div(perUnit),
    refusal() {
      const actual = amountText(inFlight.plus(perUnit.times(signal.quantity)));
      return refuse('STRATEGY_EXPOSURE', limit.toFixed(), actual, limits.reportingCurrency, signal.strategy);
    },
  };
}
