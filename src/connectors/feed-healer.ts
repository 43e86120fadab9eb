import type { QuoteBoard } from '../market/quote-board.js';
import { ArbotError } from '../messages/errors.js';
import type { Connector } from './base.js';
import type { SyncResult } from './book-sync.js';
import type { SymbolFeed } from './feed-symbol.js';
import type { FeedEffects } from './feed-effects.js';
import { RateLimiter } from './rate-limiter.js';

/** How a feed brings untrusted and silent books back. */
export interface HealPolicy {
  /** First and longest wait between two attempts at one book; each waits twice as long, with jitter. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A book that held this long begins anew with the shortest wait. */
  readonly stableMs: number;
  /** A book that held this long has healed from its faults. */
  readonly healedMs: number;
  /** Faults (gap, checksum, crossed) of one book without healing between that crash the feed. */
  readonly maxFaults: number;
  /** With a REST snapshot: how long to wait for a first diff to bridge it to. */
  readonly firstDiffMs: number;
}

export const DEFAULT_HEAL: HealPolicy = {
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  healedMs: 1000,
  maxFaults: 20,
  firstDiffMs: 2000,
};

const LONGEST_SILENCE_MS = 600_000;

export interface HealerOptions {
  readonly connector: Connector;
  readonly effects: FeedEffects;
  readonly limiter: RateLimiter;
  readonly random: () => number;
  readonly heal?: Partial<HealPolicy>;
  readonly board: QuoteBoard;
  /** Of the feed that owns the books. */
  readonly epoch: number;
}

/** Plans and carries out resynchronisations of the books of one connection, and watches for silence. */
export class FeedHealer {
  private readonly connector: Connector;
  private readonly effects: FeedEffects;
  private readonly limiter: RateLimiter;
  private readonly random: () => number;
  private readonly policy: HealPolicy;
  private readonly board: QuoteBoard;
  private readonly epoch: number;
  private readonly symbols: readonly SymbolFeed[];
  /** Subscribe requests of this connection. */
  private budget: RateLimiter;
  private open = false;
  private lastRequestId = 0;
  private lastMessageId = 0;
  private lastDataMs = 0;
  private silences = 0;

  constructor(options: HealerOptions, symbols: readonly SymbolFeed[]) {
    this.connector = options.connector;
    this.effects = options.effects;
    this.limiter = options.limiter;
    this.random = options.random;
    this.policy = { ...DEFAULT_HEAL, ...options.heal };
    this.board = options.board;
    this.epoch = options.epoch;
    this.symbols = symbols;
    this.budget = this.newBudget();
  }

  opened(nowMs: number): void {
    this.open = true;
    this.budget = this.newBudget();
    this.lastMessageId = 0;
    this.lastDataMs = nowMs;
    const wait = this.usesRest ? this.policy.firstDiffMs : this.connector.capabilities.watchdogs.noSnapshotMs;
    for (const symbol of this.symbols) {
      symbol.reset(nowMs);
      symbol.dueMs = nowMs + wait;
    }
  }

  closed(): void {
    this.open = false;
  }

  /** The frames that subscribe everything. */
  subscribeAll(nowMs: number): readonly string[] {
    const frames = this.connector.subscribe(
      this.symbols.map((symbol) => symbol.symbol),
      'all',
      this.lastMessageId + 1,
    );
    this.lastMessageId += frames.length;
    this.budget.tryAcquire({ subscriptions: frames.length }, nowMs, 'urgent');
    return frames;
  }

  marketData(nowMs: number): void {
    this.lastDataMs = nowMs;
    this.silences = 0;
  }

  /** The book is in order. */
  healthy(symbol: SymbolFeed, nowMs: number): void {
    symbol.dueMs = Infinity;
    const heldMs = nowMs - symbol.liveSinceMs;
    if (heldMs >= this.policy.healedMs) symbol.faults = 0;
    if (heldMs >= this.policy.stableMs) symbol.attempts = 0;
    // The answer to a new subscription does not prove that the symbol has stopped being quiet.
    if (nowMs - symbol.silentAtMs >= this.policy.stableMs) symbol.silences = 0;
  }

  /** The book is not usable, for this reason. Plans one attempt, at once when it is the first. */
  untrusted(symbol: SymbolFeed, result: SyncResult, nowMs: number): void {
    const isFault = result === 'gap' || result === 'checksum' || result === 'crossed';
    if (isFault) this.countFault(symbol, result);
    if (!this.open || !symbol.depth.needsSnapshot || symbol.requestId !== 0) return;
    if (this.usesRest) {
      // Diffs have begun to arrive: a snapshot taken from now on can be bridged to them.
      if (isFault || result === 'old-snapshot' || (result === 'waiting' && symbol.attempts === 0)) {
        symbol.dueMs = Math.min(symbol.dueMs, nowMs + this.backoffMs(symbol));
      }
    } else if (isFault) {
      symbol.dueMs = nowMs + this.backoffMs(symbol);
    }
    if (symbol.dueMs <= nowMs) this.heal(symbol, nowMs);
  }

  /** Which symbol a request was for; undefined for answers of a former connection. */
  answered(id: number): SymbolFeed | undefined {
    const symbol = this.symbols.find((candidate) => candidate.requestId === id && id !== 0);
    if (symbol !== undefined) {
      symbol.requestId = 0;
      symbol.dueMs = Infinity;
    }
    return symbol;
  }

  snapshotFailed(symbol: SymbolFeed, reason: string, nowMs: number): void {
    symbol.dueMs = nowMs + this.backoffMs(symbol);
    this.effects.status(symbol.id, 'syncing', `snapshot failed: ${reason}`.slice(0, 300));
  }

  tick(nowMs: number): void {
    const { silentSymbolMs, silentConnectionMs } = this.connector.capabilities.watchdogs;
    if (nowMs - this.lastDataMs > doubled(silentConnectionMs, this.silences)) {
      this.silences++;
      this.lastDataMs = nowMs;
      this.effects.reconnect('connected, but no market data');
      return;
    }
    for (const symbol of this.symbols) {
      if (symbol.refused) continue;
      if (nowMs - symbol.lastFrameMs > doubled(silentSymbolMs, symbol.silences)) this.silent(symbol, nowMs);
      else if (symbol.depth.needsSnapshot && symbol.dueMs <= nowMs) this.heal(symbol, nowMs);
      if (!this.open) return;
    }
  }

  /** Nothing of this symbol for too long: subscribe it again, and do not trust what was known meanwhile. */
  private silent(symbol: SymbolFeed, nowMs: number): void {
    symbol.silences++;
    symbol.silentAtMs = nowMs;
    symbol.lastFrameMs = nowMs;
    symbol.depth.reject();
    this.board.distrust(symbol.slot, this.epoch);
    this.effects.status(symbol.id, 'stale', 'nothing received: subscribed again');
    symbol.state = 'stale';
    this.resubscribe(symbol, nowMs);
  }

  private heal(symbol: SymbolFeed, nowMs: number): void {
    if (this.usesRest) this.requestSnapshot(symbol, nowMs);
    else this.resubscribe(symbol, nowMs);
  }

  private requestSnapshot(symbol: SymbolFeed, nowMs: number): void {
    const request = this.connector.rest.depth(symbol.symbol);
    const wait = this.limiter.tryAcquire(request.costs, nowMs);
    if (wait > 0) {
      symbol.dueMs = nowMs + wait;
      return;
    }
    symbol.attempts++;
    symbol.resyncs++;
    symbol.requestId = ++this.lastRequestId;
    // Should the answer never be reported, try again.
    symbol.dueMs = nowMs + request.timeoutMs + 5000;
    this.effects.request({ id: symbol.requestId, symbol: symbol.symbol, request });
  }

  private resubscribe(symbol: SymbolFeed, nowMs: number): void {
    symbol.attempts++;
    symbol.resyncs++;
    symbol.dueMs =
      nowMs + Math.max(this.connector.capabilities.watchdogs.noSnapshotMs, this.backoffMs(symbol));
    if (this.budget.tryAcquire({ subscriptions: 2 }, nowMs, 'urgent') > 0) {
      this.effects.reconnect('the budget of subscriptions on this connection is spent');
      return;
    }
    const names = [symbol.symbol];
    for (const frame of this.connector.unsubscribe(names, 'depth', ++this.lastMessageId))
      this.effects.send(frame);
    for (const frame of this.connector.subscribe(names, 'depth', ++this.lastMessageId))
      this.effects.send(frame);
    if (this.usesRest) symbol.dueMs = nowMs + this.policy.firstDiffMs;
  }

  private countFault(symbol: SymbolFeed, result: SyncResult): void {
    symbol.faults++;
    if (symbol.faults < this.policy.maxFaults) return;
    const text = `the book of ${symbol.id} does not heal: ${symbol.faults} faults in a row, last ${result}`;
    this.effects.fail(new ArbotError(result === 'checksum' ? 'ARB_CHECKSUM' : 'ARB_FRAME_INVALID', text));
  }

  /** 0 for the first attempt, then doubling, with up to half of it left to chance. */
  private backoffMs(symbol: SymbolFeed): number {
    if (symbol.attempts === 0) return 0;
    const full = Math.min(this.policy.backoffMaxMs, this.policy.backoffMinMs * 2 ** (symbol.attempts - 1));
    return full * (0.5 + this.random() / 2);
  }

  private get usesRest(): boolean {
    return this.connector.capabilities.snapshotSource === 'rest';
  }

  private newBudget(): RateLimiter {
    const { subscriptions } = this.connector.capabilities.limits;
    return new RateLimiter(subscriptions === null ? [] : [subscriptions]);
  }
}

function doubled(baseMs: number, times: number): number {
  return Math.min(baseMs * 2 ** times, LONGEST_SILENCE_MS);
}
