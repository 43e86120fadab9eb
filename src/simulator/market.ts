import type { Side } from '../messages/primitives.js';
import { append, type Ladder, type LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import { MatchingEngine, type EngineTrade } from './matching-engine.js';

/** A level that is published although nobody can trade on it: how a broken (crossed) book is sent. */
export interface PhantomLevel {
  readonly side: Side;
  readonly priceTicks: number;
  readonly lots: number;
}

/** Since the world began; shown in tickers. */
export interface TradeStatistics {
  openTicks: number;
  highTicks: number;
  lowTicks: number;
  lastTicks: number;
  lastLots: number;
  /** Sum of lots. */
  volumeLots: number;
  /** Sum of ticks × lots, float64: a display figure. */
  turnover: number;
}

/** Trades are kept for one step only; a burst beyond this many drops the oldest from the public tape. */
const TAPE_LIMIT = 10_000;

/** One market: the engine, what is published of it, and the tape of the current step. */
export class SimulatedMarket {
  readonly listing: Listing;
  readonly engine: MatchingEngine;
  readonly statistics: TradeStatistics;
  private phantom: PhantomLevel | null = null;
  /** Phantom changes count as level changes, so that update ids stay without a hole. */
  private phantomChanges = 0;
  private tape: EngineTrade[] = [];
  private cached: Ladder | null = null;
  private phantomAtMs = 0;
  private readonly tradeListeners: ((trade: EngineTrade) => void)[] = [];

  constructor(listing: Listing, openTicks: number) {
    this.listing = listing;
    this.engine = new MatchingEngine({ onTrade: (trade) => this.record(trade) });
    this.statistics = {
      openTicks,
      highTicks: openTicks,
      lowTicks: openTicks,
      lastTicks: openTicks,
      lastLots: 0,
      volumeLots: 0,
      turnover: 0,
    };
  }

  /** Told of every trade at once, in the middle of the matching: a listener must not place or cancel. */
  onTrade(listener: (trade: EngineTrade) => void): void {
    this.tradeListeners.push(listener);
  }

  get updateId(): number {
    return this.engine.updateId + this.phantomChanges;
  }

  /** The published book now. The same object until something changes. */
  ladder(): Ladder {
    if (this.cached?.updateId !== this.updateId) this.cached = this.build();
    return this.cached;
  }

  /** Publishes a level that the engine does not hold; null takes it away again. */
  setPhantom(phantom: PhantomLevel | null, nowMs: number): void {
    if (phantom === null && this.phantom === null) return;
    this.phantom = phantom;
    this.phantomChanges++;
    this.phantomAtMs = nowMs;
  }

  /** The trades since the last call, oldest first. */
  takeTape(): readonly EngineTrade[] {
    if (this.tape.length === 0) return this.tape;
    const tape = this.tape;
    this.tape = [];
    return tape;
  }

  private record(trade: EngineTrade): void {
    if (this.tape.length === TAPE_LIMIT) this.tape.shift();
    this.tape.push({ ...trade, updateId: trade.updateId + this.phantomChanges });
    const stats = this.statistics;
    stats.lastTicks = trade.priceTicks;
    stats.lastLots = trade.lots;
    stats.highTicks = Math.max(stats.highTicks, trade.priceTicks);
    stats.lowTicks = Math.min(stats.lowTicks, trade.priceTicks);
    stats.volumeLots += trade.lots;
    stats.turnover += trade.lots * this.listing.lot.value * trade.priceTicks * this.listing.tick.value;
    for (const listener of this.tradeListeners) listener(trade);
  }

  private build(): Ladder {
    return {
      bids: this.sideOf('buy'),
      asks: this.sideOf('sell'),
      updateId: this.updateId,
      changedAtMs: Math.max(this.engine.changedAtMs, this.phantomAtMs),
    };
  }

  private sideOf(side: Side): LadderSide {
    const out = { prices: [] as number[], lots: [] as number[], orders: [] as number[] };
    const phantom = this.phantom?.side === side ? this.phantom : null;
    let placed = phantom === null;
    for (let i = 0, count = this.engine.levelCount(side); i < count; i++) {
      const level = this.engine.level(side, i)!;
      if (!placed && phantom !== null && isBetterOrEqual(side, phantom.priceTicks, level.priceTicks)) {
        append(out, phantom.priceTicks, phantom.lots, 1);
        placed = true;
        if (phantom.priceTicks === level.priceTicks) continue;
      }
      append(out, level.priceTicks, level.lots, level.orders.size);
    }
    if (!placed && phantom !== null) append(out, phantom.priceTicks, phantom.lots, 1);
    return out;
  }
}

function isBetterOrEqual(side: Side, price: number, than: number): boolean {
  return side === 'buy' ? price >= than : price <= than;
}
