import { Decimal } from '../../market/decimal.js';
import { worstOf } from '../exposure.js';
import { markUnknown } from '../mark-unknown.js';
import { isCertainlyBelow } from '../near.js';
import { nearWorth } from '../near-trade.js';
import { amountText, isExit, refuse, type Question, type SizeCap, type SizeRule } from '../question.js';
import { flowsOf } from '../reserved-legs.js';

/** Gross trading exposure over all assets, each at its worst with everything in flight, in the reporting currency. */
export const totalExposureRule: SizeRule = {
  fits: (question, trade) => {
    const { exposure, limits } = question;
    const total = exposure.nearTotal().plus(nearWorth(question, trade));
    return isCertainlyBelow(total, Number(limits.maxTotalExposure));
  },
  // What closes a position takes exposure away.
  caps: (question) => (isExit(question) ? [] : [capOf(question)]),
};

function capOf(question: Question): SizeCap {
  const { limits, exposure, signal } = question;
  let total = new Decimal(0);
  for (const asset of exposure.exposedAssets()) {
    const worst = worstOf(exposure.intervalOf(asset));
    const mark = exposure.markOf(asset);
    if (mark === null && !worst.isZero()) return markUnknown('TOTAL_EXPOSURE', asset);
    if (mark !== null) total = total.plus(worst.times(mark));
  }
  let perUnit = new Decimal(0);
  for (const flow of flowsOf(question)) {
    if (flow.asset === limits.reportingCurrency) continue;
    const mark = exposure.markOf(flow.asset);
    if (mark === null) return markUnknown('TOTAL_EXPOSURE', flow.asset);
    perUnit = perUnit.plus(Decimal.max(flow.inPerUnit, flow.outPerUnit).times(mark));
  }
  const room = Decimal.max(0, new Decimal(limits.maxTotalExposure).minus(total));
  return {
    cap: perUnit.isZero() ? new Decimal(Infinity) : room.div(perUnit),
    refusal() {
      const actual = amountText(total.plus(perUnit.times(signal.quantity)));
      return refuse('TOTAL_EXPOSURE', limits.maxTotalExposure, actual, limits.reportingCurrency, 'all');
    },
  };
}
