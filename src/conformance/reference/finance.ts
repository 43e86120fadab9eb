import { walkDepth } from '../../detectors/depth.js';
import { buyOrderQuantity, optimalSize } from '../../detectors/optimal-size.js';
import { spreadOf } from '../../detectors/spread.js';
import { edgeTermsOf } from '../../detectors/two-books.js';
import { ZERO } from '../../market/decimal.js';
import { depthInput, feesOf, sizeInput, spreadInput } from './inputs.js';

/** Our answers to the finance kinds, in the shape of the reference. */

export function answerSpread(input: unknown): unknown {
  const query = spreadInput.parse(input);
  const fees = feesOf(query);
  return spreadOf(query.askBuy, fees.buy, query.bidSell, fees.sell);
}

export function answerDepth(input: unknown): unknown {
  return walkDepth(depthInput.parse(input));
}

export function answerOptimalSize(input: unknown): unknown {
  const { minNotional, ...query } = sizeInput.parse(input);
  const fees = feesOf(query);
  const books = { ...query, feeBuy: fees.buy, feeSell: fees.sell };
  const { continuous, lattice } = optimalSize({
    ...books,
    minNotionalBuy: minNotional,
    minNotionalSell: minNotional,
  });
  const { q, asked, bid, limitBuy, limitSell } = continuous.size;
  const some = q.greaterThan(0);
  const profitAfterFixed = some ? continuous.profit.minus(query.fixedCost) : ZERO;
  return {
    qStar: q,
    profit: continuous.profit,
    spend: continuous.spend,
    receive: continuous.receive,
    segments: continuous.segments,
    // The reference calls it informational: at a tie of two constraints either name is right.
    bindingConstraint: continuous.bindingConstraint,
    trade: profitAfterFixed.greaterThan(0),
    profitAfterFixed,
    buyOrderQty: some ? buyOrderQuantity(q, edgeTermsOf(books)) : null,
    vwapBuy: some ? asked.div(q) : null,
    vwapSell: some ? bid.div(q) : null,
    limitBuy,
    limitSell,
    returnOnSpend: some ? continuous.profit.div(continuous.spend) : null,
    qLattice: lattice?.size.q ?? null,
    profitLatticeAfterFixed: lattice?.profitAfterFixed ?? null,
  };
}
