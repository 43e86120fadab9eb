import { isCertainlyAbove } from '../near.js';
import { isExit, refuse, type Rule } from '../question.js';
import { Decimal } from '../../market/decimal.js';

const BPS = 10_000;

/** Net edge over the notional, computed here from the exact parts; the signal's own float is not trusted. */
export const netEdgeRule: Rule = ({ signal, limits }) => {
  if (isExit({ signal })) return [];
  const near = (Number(signal.edge.net) * BPS) / Number(signal.notional);
  if (isCertainlyAbove(near, limits.minNetEdgeBps)) return [];
  const actual = new Decimal(signal.edge.net).times(BPS).div(signal.notional);
  if (actual.gte(limits.minNetEdgeBps)) return [];
  return [refuse('NET_EDGE', limits.minNetEdgeBps, actual.toDecimalPlaces(6).toFixed(), 'bps', signal.pair)];
};
