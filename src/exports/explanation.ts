import { fillEntry } from '../execution/ledger.js';
import { changesOf } from '../execution/shapes/asset-changes.js';
import { Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import { assetsOf } from '../market/leg-assets.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { Explanation } from '../messages/reports.js';
import type { Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';

/** What the stores hold of one arbitrage. */
export interface ArbitrageFacts {
  readonly closed: ArbitrageClosed | null;
  readonly decision: { readonly signal: Signal; readonly verdict: Verdict } | null;
  readonly orders: readonly { readonly leg: SubmitLeg; readonly result: LegResult | null }[];
  readonly fills: readonly Fill[];
}

/** Puts together what is known of an arbitrage. The signal is the one that was approved, which may be smaller than the one asked. */
export function explanationOf(arbitrageId: string, facts: ArbitrageFacts): Explanation {
  const { closed, decision, orders, fills } = facts;
  const verdict = decision?.verdict ?? null;
  const approved = verdict?.decision === 'approved' ? verdict.signal : null;
  return {
    arbitrageId,
    closed,
    signal: approved ?? decision?.signal ?? null,
    verdict,
    orders: orders.map(({ leg, result }) => ({ leg, result })),
    fills: [...fills],
    money: moneyOf(fills),
    residualBase: toText(leftOf(closed, fills)),
  };
}

/** The ledger's own postings of the fills, summed by exchange and asset. */
function moneyOf(fills: readonly Fill[]): Explanation['money'] {
  const sums = new Map<string, Decimal>();
  for (const fill of fills)
    for (const { account, asset, amount } of fillEntry(fill, 0).postings) {
      if (!account.startsWith('exchange:')) continue;
      const key = `${account.slice('exchange:'.length)} ${asset}`;
      sums.set(key, (sums.get(key) ?? ZERO).plus(amount));
    }
  return [...sums].map(([key, amount]) => {
    const [exchange = '', asset = ''] = key.split(' ');
    return { exchange, asset, amount: toText(amount) };
  });
}

/** By all fills there are now. What a position of a pair carries is not left over. */
function leftOf(closed: ArbitrageClosed | null, fills: readonly Fill[]): Decimal {
  if (closed?.shape === undefined) return residualOf(fills);
  const { base } = assetsOf(`:${closed.pair}`);
  if (closed.shape === 'pair') return new Decimal(closed.residualBase);
  return base === closed.quote ? ZERO : roundForMessage(changesOf(fills).get(base) ?? ZERO, 'down');
}

function residualOf(fills: readonly Fill[]): Decimal {
  return fills.reduce((sum, { instrument, side, quantity, fee, feeAsset }) => {
    const pair = instrument.slice(instrument.indexOf(':') + 1);
    const signed = side === 'buy' ? sum.plus(quantity) : sum.minus(quantity);
    return feeAsset === pair.slice(0, pair.indexOf('-')) ? signed.minus(fee) : signed;
  }, ZERO);
}
