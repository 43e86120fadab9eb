import type { Prng } from '../../src/simulator/prng.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { lotsWithin } from '../../src/simulator/trading/book-walk.js';
import type { SimulatedWorld } from '../../src/simulator/world.js';
import type { WireCall } from './order-wire.js';
import { shareLeft } from './paper-exchanges.js';

/** Now and then somebody is there just before a signed order and leaves it part of what it wants, or nothing; in the real book. */
export class FasterTraders {
  private readonly world: SimulatedWorld;
  private readonly share: number;
  private readonly prng: Prng;

  constructor(world: SimulatedWorld, share: number, prng: Prng) {
    this.world = world;
    this.share = share;
    this.prng = prng;
  }

  hurry(exchange: string, { kind, symbol, side, price, quantity }: WireCall): void {
    if (kind !== 'place' || this.prng.next() >= this.share) return;
    const { world } = this;
    const market = world
      .marketsOf(exchange as SimulatedExchange)
      .find(({ listing }) => listing.symbol === symbol);
    if (market === undefined) return;
    const { tick, lot } = market.listing;
    const priceTicks = Math.round(Number(price) / tick.value);
    if (!(priceTicks > 0)) return;
    const left = Math.floor((Number(quantity) / lot.value) * shareLeft(this.prng));
    const lots = lotsWithin(market, side, priceTicks) - left;
    if (lots > 0)
      market.engine.submit({ account: 'faster', side, type: 'ioc', priceTicks, lots }, world.nowMs);
  }
}
