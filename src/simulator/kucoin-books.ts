import * as frames from './kucoin-frames.js';
import { wholeDepth, type KucoinChannel } from './kucoin-topics.js';
import { isEmptyDelta, ladderDelta, topOf, type Ladder } from './ladder.js';
import type { SimulatedMarket } from './market.js';

const OBU_LEVELS = 500;

export interface ChannelState {
  readonly channel: KucoinChannel;
  /** What the last frame showed. */
  last: Ladder;
  sentAtMs: number;
  /** `level2` only: looked at in every step, so that each change has its true number. */
  seen: Ladder;
  changes: frames.LevelChange[];
}

export interface KucoinBooksOptions {
  readonly sequence: (market: SimulatedMarket, updateId: number) => number;
  readonly stamp: (ms: number) => number;
  /** Whole numbers below the bound. */
  readonly random: (bound: number) => number;
  readonly isTrading: (symbol: string) => boolean;
}

/** The frames of KuCoin's channels from a market and what a channel told last. */
export class KucoinBooks {
  private readonly options: KucoinBooksOptions;

  constructor(options: KucoinBooksOptions) {
    this.options = options;
  }

  /** `obu` `increment@10ms`; null when nothing of the window changed. */
  increment(market: SimulatedMarket, state: ChannelState, nowMs: number): string | null {
    const ladder = market.ladder();
    const delta = ladderDelta(state.last, ladder, OBU_LEVELS);
    // Changes outside of the window are not sent; the next delta covers their numbers.
    if (isEmptyDelta(delta)) return null;
    const first = state.last.updateId + 1;
    state.last = ladder;
    return this.obu(market, state, 'delta', delta, first, nowMs);
  }

  /** The book that the next delta builds on. */
  snapshot(market: SimulatedMarket, state: ChannelState, nowMs: number): string {
    return this.obu(market, state, 'snapshot', state.last, state.last.updateId, nowMs);
  }

  /** `level2`: what changed since the last frame; null until the period is over. */
  changes(market: SimulatedMarket, state: ChannelState, periodMs: number, nowMs: number): string | null {
    this.collectChanges(market, state);
    if (state.changes.length === 0 || nowMs - state.sentAtMs < periodMs) return null;
    const { sequence, stamp } = this.options;
    const start = sequence(market, state.last.updateId + 1);
    const end = sequence(market, state.seen.updateId);
    const text = frames.kucoinChanges(market.listing, state.changes, start, end, stamp(nowMs));
    state.last = state.seen;
    state.sentAtMs = nowMs;
    state.changes = [];
    return text;
  }

  /** Whole books, best quotes, tickers and states as they are now; null for a ticker of a one-sided book. */
  whole(market: SimulatedMarket, state: ChannelState, nowMs: number): string | null {
    const { channel } = state;
    const { listing } = market;
    const ladder = market.ladder();
    state.last = ladder;
    state.sentAtMs = nowMs;
    const stampMs = this.options.stamp(nowMs);
    const sequence = this.options.sequence(market, ladder.updateId);
    if (channel.startsWith('obu/')) return this.snapshot(market, state, nowMs);
    if (channel === '/spotMarket/level1') return frames.kucoinLevelOne(listing, ladder, stampMs);
    if (channel === '/market/snapshot') {
      return frames.kucoinState(market, sequence, stampMs, this.options.isTrading(listing.symbol));
    }
    if (channel === '/market/ticker') {
      const oneSided = ladder.bids.prices.length === 0 || ladder.asks.prices.length === 0;
      return oneSided ? null : frames.kucoinTicker(market, sequence, stampMs);
    }
    const depth = wholeDepth(channel) ?? 0;
    const sides = { bids: topOf(ladder.bids, depth), asks: topOf(ladder.asks, depth) };
    return frames.kucoinDepth(listing, channel, sides, stampMs);
  }

  proStamp(nowMs: number, engineMs: number): frames.ProStamp {
    const { stamp, random } = this.options;
    const fraction = String(random(1_000_000)).padStart(6, '0');
    return { pushNs: `${stamp(nowMs)}${fraction}`, engineMs: stamp(engineMs) };
  }

  private obu(
    market: SimulatedMarket,
    state: ChannelState,
    kind: 'snapshot' | 'delta',
    sides: Pick<Ladder, 'bids' | 'asks'>,
    firstId: number,
    nowMs: number,
  ): string {
    const { sequence } = this.options;
    const range = { first: sequence(market, firstId), last: sequence(market, state.last.updateId) };
    const levels = wholeDepth(state.channel) ?? OBU_LEVELS;
    const shown =
      kind === 'delta' ? sides : { bids: topOf(sides.bids, levels), asks: topOf(sides.asks, levels) };
    const stamp = this.proStamp(nowMs, state.last.changedAtMs);
    return frames.kucoinObu(market.listing, state.channel.slice('obu/'.length), kind, shown, range, stamp);
  }

  /** What this step changed, with numbers of this step. */
  private collectChanges(market: SimulatedMarket, state: ChannelState): void {
    const { sequence } = this.options;
    const ladder = market.ladder();
    if (ladder.updateId === state.seen.updateId) return;
    const delta = ladderDelta(state.seen, ladder, Number.POSITIVE_INFINITY);
    const count = delta.bids.prices.length + delta.asks.prices.length;
    let id = Math.max(state.seen.updateId, ladder.updateId - count);
    state.seen = ladder;
    for (const side of ['bids', 'asks'] as const) {
      for (const [at, priceTicks] of delta[side].prices.entries()) {
        id = Math.min(ladder.updateId, id + 1);
        state.changes.push({
          side,
          priceTicks,
          lots: delta[side].lots[at]!,
          sequence: sequence(market, id),
        });
      }
    }
    // It changed and changed back: only the number moves on.
    if (count > 0) return;
    state.changes.push({ side: 'asks', priceTicks: 0, lots: 0, sequence: sequence(market, ladder.updateId) });
  }
}
