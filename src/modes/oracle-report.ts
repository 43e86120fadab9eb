import type { Bus, Subscription } from '../ports/bus.js';
import type { ExecutedTrade, OracleVerdict } from '../simulator/oracle.js';
import type { SimulatedExchanges } from '../simulator/server.js';

/** More executed arbitrages than the oracle remembers plants are of no use to it. */
const MAX_EXECUTED = 20_000;

/** What the node executed against what the simulated world had planted. */
export class OracleReport {
  private readonly world: SimulatedExchanges;
  private readonly executed: ExecutedTrade[] = [];
  private readonly subscription: Subscription;
  /** Plants that began before the node ran are nobody's fault. */
  private readonly fromMs: number;

  constructor(world: SimulatedExchanges, bus: Bus) {
    this.world = world;
    this.fromMs = world.world.nowMs;
    this.subscription = bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => {
      if (!/[1-9]/.test(message.boughtQuantity) && !/[1-9]/.test(message.soldQuantity)) return;
      const { pair, buyExchange, sellExchange, openedAtMs } = message;
      this.executed.push({ pair, buyExchange, sellExchange, atMs: openedAtMs });
      if (this.executed.length > MAX_EXECUTED) this.executed.shift();
    });
  }

  judge(): OracleVerdict {
    return this.world.oracle.judge(this.executed, { fromMs: this.fromMs });
  }

  close(): void {
    this.subscription.unsubscribe();
  }
}
