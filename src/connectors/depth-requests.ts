import type { Connector } from './base.js';
import type { FeedEffects } from './feed-effects.js';
import type { SymbolFeed } from './feed-symbol.js';
import type { CallPriority, Permit, RateLimiter } from './rate-limiter.js';

/** Why a REST book was asked for: to load it, or to compare it with the one that is kept. */
export type DepthPurpose = 'snapshot' | 'check';

export interface DepthRequest {
  readonly symbol: SymbolFeed;
  readonly purpose: DepthPurpose;
  readonly sentMs: number;
  readonly permit: Permit;
}

/** After this longer than the request may take, an answer that is not reported is no longer waited for. */
const REPORT_MS = 5000;

/** The REST books of one connection that are on their way, within the exchange's budget. */
export class DepthRequests {
  private readonly connector: Connector;
  private readonly effects: FeedEffects;
  private readonly limiter: RateLimiter;
  private readonly open = new Map<number, DepthRequest>();
  private lastId = 0;

  constructor(connector: Connector, effects: FeedEffects, limiter: RateLimiter) {
    this.connector = connector;
    this.effects = effects;
    this.limiter = limiter;
  }

  /** Asks for a book: its id and until when an answer may come, or the ms to wait. */
  ask(
    symbol: SymbolFeed,
    purpose: DepthPurpose,
    priority: CallPriority,
    nowMs: number,
  ): { readonly id: number; readonly untilMs: number } | number {
    const request = this.connector.rest.depth(symbol.symbol);
    const forMs = request.timeoutMs + REPORT_MS;
    const permit = this.limiter.tryHold(request.costs, nowMs, forMs, priority);
    if (typeof permit === 'number') return permit;
    const id = ++this.lastId;
    this.open.set(id, { symbol, purpose, sentMs: nowMs, permit });
    this.effects.request({ id, symbol: symbol.symbol, request });
    return { id, untilMs: nowMs + forMs };
  }

  /** The request that is answered, once; undefined for those of a former connection. */
  answered(id: number, nowMs: number): DepthRequest | undefined {
    const found = this.open.get(id);
    if (found === undefined) return undefined;
    this.open.delete(id);
    this.limiter.settle(found.permit, nowMs);
    return found;
  }

  /** Nobody waits for this one any more; its cost is counted when its time is over. */
  forget(id: number): void {
    this.open.delete(id);
  }

  forgetAll(): void {
    this.open.clear();
  }
}
