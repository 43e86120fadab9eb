import { Decimal } from '../../market/decimal.js';
import { worstOf } from '../exposure.js';
import { markUnknown } from '../mark-unknown.js';
import { isCertainlyBelow, NearSum } from '../near.js';
import { amountText, refuse, type Question, type SizeCap, type SizeRule } from '../question.js';
import { flowsOf, type Flow } from '../reserved-legs.js';

/**
 * Trading exposure per asset = holdings − baseline, with everything in flight and this trade at its worst in both
 * directions (TRADING §1). The reporting currency is the measure and has none.
 */
export const assetExposureRule: SizeRule = {
  fits: (question, trade) => {
    const { base, quote } = question.signal;
    return (
      isWithin(question, base, trade.buyQuantity, trade.sellQuantity) &&
      isWithin(question, quote, trade.sellBrings, trade.buyGives)
    );
  },
  caps: (question) =>
    flowsOf(question)
      .filter((flow) => flow.asset !== question.limits.reportingCurrency)
      .map((flow) =>
        assetCap(question, flow, { rule: 'ASSET_EXPOSURE', limit: limitOf(question, flow.asset) }),
      ),
};

const limitOf = ({ limits }: Question, asset: string): string =>
  limits.assetExposureOverrides[asset] ?? limits.maxAssetExposure;

function isWithin(question: Question, asset: string, into: number, out: number): boolean {
  const { limits, exposure } = question;
  if (asset === limits.reportingCurrency) return true;
  const mark = exposure.nearMarkOf(asset);
  const limit = Number(limitOf(question, asset));
  const [high, minusLow] = exposure.nearEndsOf(asset);
  return (
    isCertainlyBelow(new NearSum().plusSum(high.plus(into), mark), limit) &&
    isCertainlyBelow(new NearSum().plusSum(minusLow.plus(out), mark), limit)
  );
}

/** How much still fits a limit on the trading exposure of one asset, both ends at worst. */
export function assetCap(
  question: Question,
  { asset, inPerUnit, outPerUnit }: Flow,
  told: { readonly rule: string; readonly limit: string },
): SizeCap {
  const { limits, exposure, signal } = question;
  const mark = exposure.markOf(asset);
  if (mark === null) return markUnknown(told.rule, asset);
  const limit = new Decimal(told.limit);
  const now = exposure.intervalOf(asset);
  const room = limit.div(mark);
  const cap = Decimal.min(
    roomOver(room.minus(now.high), inPerUnit),
    roomOver(room.plus(now.low), outPerUnit),
  );
  return {
    cap,
    refusal() {
      const after = worstOf({
        current: now.current,
        low: now.low.minus(outPerUnit.times(signal.quantity)),
        high: now.high.plus(inPerUnit.times(signal.quantity)),
      });
      const actual = amountText(after.times(mark));
      return refuse(told.rule, limit.toFixed(), actual, limits.reportingCurrency, asset);
    },
  };
}

/** Units that fit; a flow of nothing is limited by nothing. */
function roomOver(room: Decimal, perUnit: Decimal): Decimal {
  if (perUnit.isZero()) return new Decimal(Infinity);
  return room.lte(0) ? new Decimal(0) : room.div(perUnit);
}
