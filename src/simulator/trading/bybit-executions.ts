import type { ExecutionPlace } from './bybit-rows.js';
import type { DeskRules } from './desk-rules.js';
import type { DeskTrade, OrderView } from './desk-types.js';

/** `seq` of an execution: rises with the trades of the account. */
export function bybitSequence(trade: DeskTrade): number {
  return 90_000_000_000 + Number(BigInt(trade.id) % 1_000_000_000n);
}

/** Where a trade stands in its order, as the exchange shows it beside the trade. */
export function executionPlace(trade: DeskTrade, order: OrderView, rules: DeskRules): ExecutionPlace {
  let leaves = order.quantity;
  for (const earlier of order.trades) {
    leaves -= earlier.quantity;
    if (earlier.id === trade.id) break;
  }
  const feeRate = trade.liquidity === 'maker' ? rules.makerFeeRate : rules.takerFeeRate;
  return { order, leaves: leaves < 0n ? 0n : leaves, feeRate, sequence: bybitSequence(trade) };
}
