import { Decimal } from '../../market/decimal.js';
import { worstOf } from '../exposure.js';
import { markUnknown } from '../mark-unknown.js';
import { amountText, refuse, type Question, type SizeCap, type SizeRule } from '../question.js';
import { flowsOf } from '../reserved-legs.js';

/**
 * Trading exposure per asset = holdings − baseline, with everything in flight and this trade at its worst in both
 * directions (TRADING §1). The reporting currency is the measure and has none.
 */
export const assetExposureRule: SizeRule = (question) =>
  flowsOf(question)
    .filter((flow) => flow.asset !== question.limits.reportingCurrency)
    .map((flow) => capOf(question, flow.asset, flow.inPerUnit, flow.outPerUnit));

function capOf(question: Question, asset: string, inPerUnit: Decimal, outPerUnit: Decimal): SizeCap {
  const { limits, exposure, signal } = question;
  const mark = exposure.markOf(asset);
  if (mark === null) return markUnknown('ASSET_EXPOSURE', asset);
  const limit = new Decimal(limits.assetExposureOverrides[asset] ?? limits.maxAssetExposure);
  const now = exposure.intervalOf(asset);
  const room = limit.div(mark);
  const cap = Decimal.min(
    roomOver(room.minus(now.high), inPerUnit),
    roomOver(room.plus(now.low), outPerUnit),
  );
  const after = worstOf({
    current: now.current,
    low: now.low.minus(outPerUnit.times(signal.quantity)),
    high: now.high.plus(inPerUnit.times(signal.quantity)),
  });
  const actual = amountText(after.times(mark));
  return { cap, refusal: refuse('ASSET_EXPOSURE', limit.toFixed(), actual, limits.reportingCurrency, asset) };
}

/** Units that fit; a flow of nothing is limited by nothing. */
function roomOver(room: Decimal, perUnit: Decimal): Decimal {
  if (perUnit.isZero()) return new Decimal(Infinity);
  return room.lte(0) ? new Decimal(0) : room.div(perUnit);
}
