import type { ExchangeId } from '../messages/primitives.js';

/** How far an exchange can be relied on, 0…1, and what that means for the size of an order there. */
export interface HealthLimits {
  /** An answer within this is as good as any … */
  readonly goodLatencyMs: number;
  /** … and one after this as bad as none. */
  readonly badLatencyMs: number;
  /** From this score on orders have their full size … */
  readonly full: number;
  /** … and at or below this one none goes; between, the size shrinks in proportion. */
  readonly cutOff: number;
  /** Half of what is held against an exchange is forgotten in this time, ms. */
  readonly halfLifeMs: number;
}

export interface HealthView {
  readonly exchange: ExchangeId;
  /** The worst of the three. */
  readonly score: number;
  readonly orders: number;
  readonly latency: number;
  readonly books: number;
  readonly sizeFactor: number;
}

/** Weight of one order's outcome, of its latency, and of what the books show. */
const ORDER_WEIGHT = 0.25;
const BOOKS_HALF_LIFE_MS = 10_000;

/** What is held against one exchange: 0 = nothing, 1 = everything. */
interface Deficits {
  orders: number;
  latency: number;
  books: number;
  atMs: number;
}

/**
 * Three things are held against an exchange: orders that fail, answers that come late, books that are not trusted. Time
 * forgives, so that an exchange that was cut off is tried again.
 */
export class ExchangeHealth {
  private limits: HealthLimits;
  private readonly deficits = new Map<ExchangeId, Deficits>();
  private readonly booksToldAtMs = new Map<ExchangeId, number>();

  constructor(limits: HealthLimits) {
    this.limits = limits;
  }

  setLimits(limits: HealthLimits): void {
    this.limits = limits;
  }

  /** An order came to an end; `latencyMs` null = unknown, and then only the outcome counts. */
  ordered(exchange: ExchangeId, isOk: boolean, latencyMs: number | null, nowMs: number): void {
    const held = this.at(exchange, nowMs);
    held.orders += ORDER_WEIGHT * ((isOk ? 0 : 1) - held.orders);
    if (latencyMs === null) return;
    const { goodLatencyMs, badLatencyMs } = this.limits;
    const late = Math.min(1, Math.max(0, (latencyMs - goodLatencyMs) / (badLatencyMs - goodLatencyMs)));
    held.latency += ORDER_WEIGHT * (late - held.latency);
  }

  /** The share of the exchange's books that is trusted, 0…1; told again and again. */
  booksTrusted(exchange: ExchangeId, share: number, nowMs: number): void {
    const held = this.at(exchange, nowMs);
    const untrusted = 1 - share;
    const known = this.booksToldAtMs.get(exchange) ?? nowMs;
    this.booksToldAtMs.set(exchange, nowMs);
    const weight = 1 - 0.5 ** (Math.max(0, nowMs - known) / BOOKS_HALF_LIFE_MS);
    held.books += weight * (untrusted - held.books);
  }

  /** 1 for an exchange of which nothing is known. */
  viewOf(exchange: ExchangeId, nowMs: number): HealthView {
    const { orders, latency, books } = this.forgiven(exchange, nowMs);
    const score = 1 - Math.max(orders, latency, books);
    const sizeFactor = this.sizeFactor(score);
    return { exchange, score, orders: 1 - orders, latency: 1 - latency, books: 1 - books, sizeFactor };
  }

  /** The share of the ordinary size that an order there may have. */
  sizeFactorOf(exchange: ExchangeId, nowMs: number): number {
    return this.deficits.has(exchange) ? this.viewOf(exchange, nowMs).sizeFactor : this.sizeFactor(1);
  }

  private sizeFactor(score: number): number {
    const { full, cutOff } = this.limits;
    return Math.min(1, Math.max(0, (score - cutOff) / (full - cutOff)));
  }

  views(nowMs: number): HealthView[] {
    return [...this.deficits.keys()].map((exchange) => this.viewOf(exchange, nowMs));
  }

  private at(exchange: ExchangeId, nowMs: number): Deficits {
    const held = { ...this.forgiven(exchange, nowMs), atMs: nowMs };
    this.deficits.set(exchange, held);
    return held;
  }

  private forgiven(exchange: ExchangeId, nowMs: number): Deficits {
    const held = this.deficits.get(exchange);
    if (held === undefined) return { orders: 0, latency: 0, books: 0, atMs: nowMs };
    const kept = 0.5 ** (Math.max(0, nowMs - held.atMs) / this.limits.halfLifeMs);
    // Books have a memory of their own: what they show is told many times a minute.
    return { ...held, orders: held.orders * kept, latency: held.latency * kept };
  }
}
