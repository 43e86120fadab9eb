import type { ExchangeId } from '../messages/primitives.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';
import type { OrderGatewayOptions, Seeds } from './order-gateway-messages.js';

/** That a store answers for at once. */
const MAX_ARBITRAGES = 10_000;

/** What the stores know of one account. Rejects with what a store said. */
export async function readSeeds(
  { stores, halts }: Pick<OrderGatewayOptions, 'stores' | 'halts'>,
  of: ExchangeId,
): Promise<Seeds> {
  const [written, legs, holdings] = await Promise.all([
    stores.settings.get(KILL_SWITCH_KEY),
    stores.trades.openLegs(),
    stores.ledger.holdings(),
  ]);
  const isHere = ({ exchange }: { readonly exchange: ExchangeId }) => exchange === of;
  const openLegs = legs.filter(isHere);
  const ids = [...new Set(openLegs.map(({ arbitrageId }) => arbitrageId))];
  const fills = (await stores.ledger.fillsOf(ids.slice(0, MAX_ARBITRAGES))).filter(isHere);
  return {
    openLegs,
    bookedTrades: fills.map(({ tradeId }) => tradeId),
    holdings: holdings.filter(isHere),
    halt: halts.over(decodeKillSwitch(written)),
  };
}
