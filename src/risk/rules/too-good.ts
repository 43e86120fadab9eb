import { isCertainlyAbove } from '../near.js';
import { NO_REFUSALS, refuse, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';

const BPS = 10_000;

/** An edge at or above the limit is too good to be true: an error in the data until a person says otherwise. */
export const tooGoodRule: Rule = ({ signal, buy, sell, limits }) => {
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
