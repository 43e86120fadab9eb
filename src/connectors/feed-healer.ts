import { ArbotError } from '../messages/errors.js';
import type { Connector } from './base.js';
import type { SyncResult } from './book-sync.js';
import type { DepthRequests } from './depth-requests.js';
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
  /** A depth channel that is silent for so long is compared with REST, then again and again up to the longer one. */
  readonly checkMinMs: number;
  readonly checkMaxMs: number;
  /** A book that differs from REST is given up unless a frame explains the difference within this. */
  readonly confirmMs: number;
}

export const DEFAULT_HEAL: HealPolicy = {
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  healedMs: 1000,
  maxFaults: 20,
  firstDiffMs: 2000,
  checkMinMs: 10_000,
  checkMaxMs: 25_000,
  confirmMs: 1000,
};

/** Longer than most books take from frame to frame. */
const DOUBTED_MS = 500;

/** Where a request replaces the list, one heals every book of the connection: no more than one in this time. */
const REPLACE_EVERY_MS = 1000;

export interface HealerOptions {
  readonly connector: Connector;
  readonly effects: FeedEffects;
  readonly requests: DepthRequests;
  readonly random: () => number;
  readonly policy: HealPolicy;
}

/** Plans and carries out resynchronisations of the books of one connection. */
export class FeedHealer {
  private readonly connector: Connector;
  private readonly effects: FeedEffects;
  private readonly requests: DepthRequests;
  private readonly random: () => number;
  private readonly policy: HealPolicy;
  private readonly symbols: readonly SymbolFeed[];
  /** Subscribe requests of this connection. */
  private budget: RateLimiter;
  private open = false;
  private lastMessageId = 0;
  private replacedMs = -Infinity;
  /** Wall time minus monotonic time, when the connection was opened. */
  private wallAheadMs = 0;

  constructor(options: HealerOptions, symbols: readonly SymbolFeed[]) {
    this.connector = options.connector;
    this.effects = options.effects;
    this.requests = options.requests;
    this.random = options.random;
    this.policy = options.policy;
    this.symbols = symbols;
    this.budget = this.newBudget();
  }

  get isOpen(): boolean {
    return this.open;
  }

  opened(wallMs: number, nowMs: number): void {
    this.open = true;
    this.wallAheadMs = wallMs - nowMs;
    this.budget = this.newBudget();
    this.lastMessageId = 0;
    this.replacedMs = nowMs;
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
    const names = this.symbols.map((symbol) => symbol.symbol);
    const frames = this.connector.subscribe(names, 'all', this.lastMessageId + 1, nowMs + this.wallAheadMs);
    this.lastMessageId += frames.length;
    this.spend(frames.length, nowMs);
    return frames;
  }

  /** The book is in order as of the symbol's newest frame. */
  healthy(symbol: SymbolFeed): void {
    const nowMs = symbol.lastFrameMs;
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

  /** A frame of this book may be lost: its next frame heals it or shows the gap, and where none comes it is asked for anew. */
  doubted(symbol: SymbolFeed, nowMs: number): void {
    if (this.open && symbol.depth.needsSnapshot) symbol.dueMs = Math.min(symbol.dueMs, nowMs + DOUBTED_MS);
  }

  snapshotArrived(symbol: SymbolFeed): void {
    symbol.requestId = 0;
    symbol.dueMs = Infinity;
  }

  snapshotFailed(symbol: SymbolFeed, reason: string, nowMs: number): void {
    symbol.dueMs = nowMs + this.backoffMs(symbol);
    if (symbol.epoch !== null)
      this.effects.status(symbol.id, 'syncing', `snapshot failed: ${reason}`.slice(0, 300));
  }

  /** Carries out what is due. */
  tick(nowMs: number): void {
    for (const symbol of this.symbols) {
      const isDue = !symbol.refused && symbol.depth.needsSnapshot && symbol.dueMs <= nowMs;
      if (isDue) this.heal(symbol, nowMs);
      if (!this.open) return;
    }
  }

  /** Asks the exchange to send this symbol's books again; where a request replaces the list, all of the connection's. */
  resubscribe(symbol: SymbolFeed, nowMs: number): void {
    const { watchdogs, subscriptionMode } = this.connector.capabilities;
    const isReplaced = subscriptionMode === 'replace';
    const waitMs = isReplaced ? this.replacedMs + REPLACE_EVERY_MS - nowMs : 0;
    if (waitMs > 0) {
      symbol.dueMs = nowMs + waitMs;
      return;
    }
    symbol.attempts++;
    symbol.resyncs++;
    symbol.dueMs = nowMs + Math.max(watchdogs.noSnapshotMs, this.backoffMs(symbol));
    const frames = isReplaced ? this.wholeList(nowMs) : this.once(symbol, nowMs);
    if (this.spend(frames.length, nowMs) > 0) {
      this.effects.reconnect('the budget of subscriptions on this connection is spent');
      return;
    }
    for (const frame of frames) this.effects.send(frame);
    if (this.usesRest) symbol.dueMs = nowMs + this.policy.firstDiffMs;
  }

  private once(symbol: SymbolFeed, nowMs: number): readonly string[] {
    const names = [symbol.symbol];
    const leave = this.connector.unsubscribe(
      names,
      'depth',
      this.lastMessageId + 1,
      nowMs + this.wallAheadMs,
    );
    this.lastMessageId += leave.length;
    const join = this.connector.subscribe(names, 'depth', this.lastMessageId + 1, nowMs + this.wallAheadMs);
    this.lastMessageId += join.length;
    return [...leave, ...join];
  }

  /** Every symbol that is served; one request brings all of their books back. */
  private wholeList(nowMs: number): readonly string[] {
    this.replacedMs = nowMs;
    const { noSnapshotMs } = this.connector.capabilities.watchdogs;
    const followed = this.symbols.filter(({ refused }) => !refused);
    for (const other of followed)
      if (other.dueMs !== Infinity) other.dueMs = Math.max(other.dueMs, nowMs + noSnapshotMs);
    const names = followed.map(({ symbol }) => symbol);
    const frames = this.connector.subscribe(names, 'all', this.lastMessageId + 1, nowMs + this.wallAheadMs);
    this.lastMessageId += frames.length;
    return frames;
  }

  private heal(symbol: SymbolFeed, nowMs: number): void {
    if (this.usesRest) this.requestSnapshot(symbol, nowMs);
    else this.resubscribe(symbol, nowMs);
  }

  private requestSnapshot(symbol: SymbolFeed, nowMs: number): void {
    this.requests.forget(symbol.requestId);
    symbol.requestId = 0;
    const asked = this.requests.ask(symbol, 'snapshot', 'normal', nowMs);
    if (typeof asked === 'number') {
      symbol.dueMs = nowMs + asked;
      return;
    }
    symbol.attempts++;
    symbol.resyncs++;
    symbol.requestId = asked.id;
    // Should the answer never be reported, try again.
    symbol.dueMs = asked.untilMs;
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

  /** 0, or the ms until the budget of subscribe requests allows so many. */
  private spend(requests: number, nowMs: number): number {
    const { subscriptions } = this.connector.capabilities.limits;
    return subscriptions === null
      ? 0
      : this.budget.tryAcquire({ [subscriptions.name]: requests }, nowMs, 'urgent');
  }

  private newBudget(): RateLimiter {
    const { subscriptions } = this.connector.capabilities.limits;
    return new RateLimiter(subscriptions === null ? [] : [subscriptions]);
  }
}
