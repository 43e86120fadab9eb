import type { QuoteBoard } from '../market/quote-board.js';
import type { BookEvent, Connector } from './base.js';
import { differs } from './book-comparison.js';
import type { DepthRequest, DepthRequests } from './depth-requests.js';
import type { FeedEffects } from './feed-effects.js';
import type { FeedHealer, HealPolicy } from './feed-healer.js';
import type { SymbolFeed } from './feed-symbol.js';

const LONGEST_SILENCE_MS = 600_000;
/** How long to wait after a comparison that failed. */
const FAILED_MS = 5000;
const GROWTH = 1.5;

export interface SilenceWatchOptions {
  readonly connector: Connector;
  readonly effects: FeedEffects;
  readonly board: QuoteBoard;
  readonly requests: DepthRequests;
  readonly healer: FeedHealer;
  readonly policy: HealPolicy;
}

/**
 * A line that answers pings and brings nothing is no proof of a book (RELIABILITY F3). Three watches, each waiting longer
 * every time it finds nothing: a connection without any data is opened anew; a depth channel without a frame is compared with
 * the exchange's REST book and given up when that differs; a symbol without any frame is subscribed again, unless REST has
 * just shown its book to be right.
 */
export class SilenceWatch {
  private readonly options: SilenceWatchOptions;
  private readonly symbols: readonly SymbolFeed[];
  private lastDataMs = 0;
  private silences = 0;
  /** Id of the comparison on its way, 0 = none: one at a time, so that it never crowds out what heals. */
  private checkId = 0;
  private checkUntilMs = 0;
  private next = 0;

  constructor(options: SilenceWatchOptions, symbols: readonly SymbolFeed[]) {
    this.options = options;
    this.symbols = symbols;
  }

  opened(nowMs: number): void {
    this.lastDataMs = nowMs;
    this.checkId = 0;
  }

  marketData(nowMs: number): void {
    this.lastDataMs = nowMs;
    this.silences = 0;
  }

  tick(nowMs: number): void {
    const { connector, effects, healer, policy } = this.options;
    const { silentSymbolMs, silentConnectionMs } = connector.capabilities.watchdogs;
    if (nowMs - this.lastDataMs > doubled(silentConnectionMs, this.silences)) {
      this.silences++;
      this.lastDataMs = nowMs;
      effects.reconnect('connected, but no market data');
      return;
    }
    for (const symbol of this.symbols) {
      if (symbol.refused) continue;
      if (nowMs - symbol.differedMs > policy.confirmMs && symbol.differedMs > -Infinity)
        this.giveUp(symbol, 'the REST book differs', nowMs);
      else if (nowMs - symbol.lastFrameMs > doubled(silentSymbolMs, symbol.silences))
        this.silent(symbol, nowMs);
      if (!healer.isOpen) return;
    }
    this.compareNext(nowMs);
  }

  /** The REST book of a symbol that was silent when it was asked for. */
  compared({ symbol, sentMs }: DepthRequest, rest: BookEvent | null, nowMs: number): void {
    this.checkId = 0;
    const { policy } = this.options;
    if (rest === null) {
      symbol.checkAfterMs = nowMs + FAILED_MS;
      return;
    }
    // A frame came meanwhile: which of the two books is newer nobody knows.
    if (symbol.lastDepthMs > sentMs || !symbol.depth.trusted) return;
    symbol.checks++;
    if (differs(symbol.depth.book, rest)) {
      symbol.differences++;
      symbol.differedMs = nowMs;
      return;
    }
    symbol.agreements++;
    symbol.agreedMs = nowMs;
    const wait = Math.min(policy.checkMinMs * GROWTH ** symbol.agreements, policy.checkMaxMs);
    symbol.checkAfterMs = nowMs + wait;
  }

  /** One silent depth channel, each in its turn. */
  private compareNext(nowMs: number): void {
    const { policy, requests } = this.options;
    if (this.checkId !== 0 && nowMs < this.checkUntilMs) return;
    for (let i = 0; i < this.symbols.length; i++) {
      const at = (this.next + i) % this.symbols.length;
      const symbol = this.symbols[at]!;
      const isQuiet = nowMs - symbol.lastDepthMs >= policy.checkMinMs && nowMs >= symbol.checkAfterMs;
      if (!isQuiet || symbol.refused || !symbol.depth.trusted || symbol.differedMs > -Infinity) continue;
      const asked = requests.ask(symbol, 'check', 'background', nowMs);
      if (typeof asked === 'number') return;
      this.checkId = asked.id;
      this.checkUntilMs = asked.untilMs;
      this.next = at + 1;
      return;
    }
  }

  private silent(symbol: SymbolFeed, nowMs: number): void {
    const isProven = symbol.depth.trusted && nowMs - symbol.agreedMs <= 2 * this.options.policy.checkMaxMs;
    if (!isProven) this.giveUp(symbol, 'nothing received', nowMs);
  }

  /** Subscribes it again, and does not trust what was known meanwhile. */
  private giveUp(symbol: SymbolFeed, why: string, nowMs: number): void {
    const { board, effects, healer } = this.options;
    symbol.silences++;
    symbol.silentAtMs = nowMs;
    symbol.lastFrameMs = nowMs;
    symbol.lastDepthMs = nowMs;
    symbol.differedMs = -Infinity;
    symbol.depth.reject();
    symbol.distrust(board);
    if (symbol.epoch !== null) effects.status(symbol.id, 'stale', `${why}: subscribed again`);
    symbol.state = 'stale';
    healer.resubscribe(symbol, nowMs);
  }
}

function doubled(baseMs: number, times: number): number {
  return Math.min(baseMs * 2 ** times, LONGEST_SILENCE_MS);
}
