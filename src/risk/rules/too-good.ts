import { isCertainlyAbove } from '../near.js';
import { isExit, NO_REFUSALS, refuse, type Question, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';
import type { Refusal } from '../../messages/risk.js';

const BPS = 10_000;

/** An edge at or above the limit is too good to be true: an error in the data until a person says otherwise. */
export const tooGoodRule: Rule = (question) => {
  const { signal, buy, sell, limits } = question;
  if (!question.isPlain) return isExit(question) ? NO_REFUSALS : ofWhole(question);
  const tooMuch = 1 + limits.maxGrossEdgeBps / BPS;
  const [ratio, told] = [Number(sell.expectedVwap) / Number(buy.expectedVwap), 1 + signal.grossBps / BPS];
  if (isCertainlyAbove(tooMuch, ratio) && isCertainlyAbove(tooMuch, told)) return NO_REFUSALS;
  const best = new Decimal(sell.expectedVwap).div(buy.expectedVwap).minus(1).times(BPS);
  const claimed = Decimal.max(best, signal.grossBps);
  if (claimed.lt(limits.maxGrossEdgeBps)) return [];
  return [
    refuse('TOO_GOOD', limits.maxGrossEdgeBps, claimed.toDecimalPlaces(6).toFixed(), 'bps', signal.pair),
  ];
};

/** Where the legs are of several pairs: what is made before costs over what is spent, and what the signal says of it. */
function ofWhole({ signal, limits }: Question): readonly Refusal[] {
  const gross = new Decimal(signal.edge.gross).times(BPS).div(signal.notional);
  const claimed = Decimal.max(gross, signal.grossBps);
  if (claimed.lt(limits.maxGrossEdgeBps)) return NO_REFUSALS;
  return [
    refuse('TOO_GOOD', limits.maxGrossEdgeBps, claimed.toDecimalPlaces(6).toFixed(), 'bps', signal.pair),
  ];
}
