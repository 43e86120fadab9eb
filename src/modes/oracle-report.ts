import type { FeedStatus } from '../messages/feed.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { ExchangeId, PairId } from '../messages/primitives.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { ExecutedTrade, OracleVerdict } from '../simulator/oracle.js';
import type { SimulatedExchanges } from '../simulator/server.js';

/** More executed arbitrages than the oracle remembers plants are of no use to it. */
const MAX_EXECUTED = 20_000;

/** What the node executed against what the simulated world had planted. */
export class OracleReport {
  private readonly world: SimulatedExchanges;
  private readonly pairs: readonly PairId[];
  private readonly executed: ExecutedTrade[] = [];
  private readonly subscriptions: readonly Subscription[];
  /** Plants that began before every feed was live for the first time are nobody's fault. */
  private fromMs: number;
  private readonly awaited: Set<ExchangeId>;

  /** `pairs` are those that may be traded; plants of the others are only looked at. */
  constructor(world: SimulatedExchanges, bus: Bus, pairs: readonly PairId[]) {
    this.world = world;
    this.pairs = pairs;
    this.fromMs = world.world.nowMs;
    this.awaited = new Set(world.world.exchanges);
    this.subscriptions = [
      bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => this.feed(message)),
      bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => this.closed(message)),
    ];
  }

  private feed({ exchange, instrument, state }: FeedStatus): void {
    if (instrument !== undefined || state !== 'live' || !this.awaited.delete(exchange)) return;
    if (this.awaited.size === 0) this.fromMs = this.world.world.nowMs;
  }

  private closed(message: ArbitrageClosed): void {
    if (!/[1-9]/.test(message.boughtQuantity) && !/[1-9]/.test(message.soldQuantity)) return;
    // The oracle of two books knows no other trades.
    if (message.shape !== undefined) return;
    const { pair, buyExchange, sellExchange, openedAtMs } = message;
    this.executed.push({ pair, buyExchange, sellExchange, atMs: openedAtMs });
    if (this.executed.length > MAX_EXECUTED) this.executed.shift();
  }

  judge(): OracleVerdict {
    return this.world.oracle.judge(this.executed, { fromMs: this.fromMs, pairs: this.pairs });
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }
}
