import type { Side } from '../../src/messages/primitives.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import type { NodeWorld } from './node-world.js';

/** The fee of every simulated exchange. */
const FEE_RATE = 0.001;
/** What a unit may lose of what it was bought or sold for, its fee included. */
const CAP = 0.01;

export interface Residue {
  readonly pair: string;
  /** Signed base: positive has to be sold. */
  readonly base: number;
  /** What it was bought or sold for, in quote. */
  readonly own: number;
}

/** An exchange that would have taken a residue, and at which loss. */
export interface Taker {
  readonly exchange: string;
  /** Against what it was bought or sold for, fee included, basis points. */
  readonly lossBps: number;
}

/**
 * What knows the exchanges' real books: those which take the whole residue now within the cap. A residue that one of them takes
 * was handed to a person for nothing.
 */
export function takersOf(world: NodeWorld, { pair, base, own }: Residue): Taker[] {
  const side: Side = base > 0 ? 'sell' : 'buy';
  return world.accounts.flatMap((account) => {
    const { listing, ladder } = marketOf(world, account.exchange, pair);
    const lots = Math.floor(Math.abs(base) / listing.lot.value + 1e-9);
    const levels = side === 'sell' ? ladder.bids : ladder.asks;
    const best = (levels.prices[0] ?? 0) * listing.tick.value;
    if (lots < listing.minLots || lots * listing.lot.value * best < listing.minNotional) return [];
    let rest = lots;
    let value = 0;
    for (let i = 0; i < levels.prices.length && rest > 0; i++) {
      const taken = Math.min(rest, levels.lots[i]!);
      value += taken * listing.lot.value * levels.prices[i]! * listing.tick.value;
      rest -= taken;
    }
    if (rest > 0) return [];
    const average = value / (lots * listing.lot.value);
    const loss =
      side === 'sell' ? 1 - (average * (1 - FEE_RATE)) / own : (average * (1 + FEE_RATE)) / own - 1;
    return loss <= CAP ? [{ exchange: account.exchange, lossBps: loss * 10_000 }] : [];
  });
}

function marketOf(world: NodeWorld, exchange: string, pair: string) {
  const market = world.simulated.world.market(exchange as SimulatedExchange, pair);
  return { listing: market.listing, ladder: market.ladder() };
}
