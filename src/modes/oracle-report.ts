import type { FeedStatus } from '../messages/feed.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { ExchangeId, PairId, Strategy } from '../messages/primitives.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { EnteredPair, ExecutedTrade, OracleVerdict, PairVerdicts } from '../simulator/oracle.js';
import type { SimulatedExchanges } from '../simulator/server.js';

/** More executed arbitrages than the oracle remembers plants are of no use to it. */
const MAX_EXECUTED = 20_000;

const pairOf = (instrument: string): PairId => instrument.slice(instrument.indexOf(':') + 1);

const MAX_OFFERS = 2_000;

/**
 * What a signal trades, as the oracle names it: of one that leads through a rate the coin in the signal's quote, where it is bought and where
 * it is sold.
 */
export function tradeOfSignal({ pair, quote, legs }: Signal): Omit<ExecutedTrade, 'atMs'> {
  const baseOf = ({ instrument }: PlannedLeg) => instrument.slice(instrument.indexOf(':') + 1).split('-')[0]!;
  const coins = legs.filter((leg) => baseOf(leg) !== quote);
  const [buy, sell] = ['buy', 'sell'].map((side) => coins.find((leg) => leg.side === side));
  const isCoin =
    coins.length === 2 && buy !== undefined && sell !== undefined && baseOf(buy) === baseOf(sell);
  return {
    pair: isCoin ? `${baseOf(buy)}-${quote}` : pair,
    buyExchange: (buy ?? legs[0]!).exchange,
    sellExchange: (sell ?? legs[1]!).exchange,
  };
}

/** What the node executed against what the simulated world had planted. */
export class OracleReport {
  private readonly world: SimulatedExchanges;
  private readonly pairs: readonly PairId[];
  private readonly strategies: readonly Strategy[];
  private readonly executed: ExecutedTrade[] = [];
  /** Signals of statistical pairs, which no plant is about; entries with what the oracle needs, exits null. */
  private readonly ofPairs = new Map<string, EnteredPair | null>();
  private readonly entered: EnteredPair[] = [];
  private readonly subscriptions: readonly Subscription[];
  /** Plants that began before every feed was live for the first time are nobody's fault. */
  private fromMs: number;
  private readonly awaited: Set<ExchangeId>;
  /** What was offered lately, by opportunity: an arbitrage over several pairs does not name its coin. */
  private readonly offers = new Map<string, Omit<ExecutedTrade, 'atMs'>>();

  /** `pairs` and `strategies` are those that may trade; plants of the others are only looked at. */
  constructor(
    world: SimulatedExchanges,
    bus: Bus,
    pairs: readonly PairId[],
    strategies: readonly Strategy[] = ['spatial', 'triangular'],
  ) {
    this.world = world;
    this.pairs = pairs;
    this.strategies = strategies;
    this.fromMs = world.world.nowMs;
    this.awaited = new Set(world.world.exchanges);
    this.subscriptions = [
      bus.subscribe('feed.status.*', 'feedStatus', ({ message }) => this.feed(message)),
      bus.subscribe('signal.statistical', 'signal', ({ message }) => this.pairSignal(message)),
      bus.subscribe('signal.spatial', 'signal', ({ message }) => this.offered(message)),
      bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => this.closed(message)),
    ];
  }

  private feed({ exchange, instrument, state }: FeedStatus): void {
    if (instrument !== undefined || state !== 'live' || !this.awaited.delete(exchange)) return;
    if (this.awaited.size === 0) this.fromMs = this.world.world.nowMs;
  }

  private offered(signal: Signal): void {
    const { opportunityId } = signal;
    this.offers.delete(opportunityId);
    this.offers.set(opportunityId, tradeOfSignal(signal));
    const oldest = this.offers.keys().next();
    if (this.offers.size > MAX_OFFERS && !oldest.done) this.offers.delete(oldest.value);
  }

  private closed(message: ArbitrageClosed): void {
    if (!/[1-9]/.test(message.boughtQuantity) && !/[1-9]/.test(message.soldQuantity)) return;
    const { opportunityId, pair, buyExchange, sellExchange, openedAtMs, signalId } = message;
    const entry = this.ofPairs.get(signalId);
    if (entry !== undefined) return this.paired(signalId, entry);
    // The oracle knows trades between two books, over a rate, and around a cycle on one exchange.
    const offer = this.offers.get(opportunityId);
    const isAround = message.shape === 'cycle' && buyExchange === sellExchange;
    if (message.shape !== undefined && !isAround && offer === undefined) return;
    this.executed.push({ ...(offer ?? { pair, buyExchange, sellExchange }), atMs: openedAtMs });
    if (this.executed.length > MAX_EXECUTED) this.executed.shift();
  }

  private pairSignal({ signalId, position }: Signal): void {
    if (position === undefined) return;
    const [first = '', second = ''] = position.positionId.split('~').map(pairOf);
    const { world } = this.world;
    const spreadBps = world.spreadBps(first) ?? world.spreadBps(second);
    const entry = { first, second, direction: position.direction, spreadBps };
    this.ofPairs.set(signalId, position.action === 'enter' ? entry : null);
    const [oldest] = this.ofPairs.keys();
    if (this.ofPairs.size > MAX_EXECUTED && oldest !== undefined) this.ofPairs.delete(oldest);
  }

  private paired(signalId: string, entry: EnteredPair | null): void {
    this.ofPairs.delete(signalId);
    if (entry !== null) this.entered.push(entry);
    if (this.entered.length > MAX_EXECUTED) this.entered.shift();
  }

  /** Positions of statistical pairs against what is tied. */
  judgePairs(): PairVerdicts {
    return this.world.oracle.judgePairs(this.entered);
  }

  judge(): OracleVerdict {
    return this.world.oracle.judge(this.executed, {
      fromMs: this.fromMs,
      pairs: this.pairs,
      strategies: this.strategies,
    });
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }
}
