import { budgetOf, type Budget, type LimitScheme } from './limit-budgets.js';

export type { LimitScheme } from './limit-budgets.js';

/**
 * Call budgets of an exchange, pure over the caller's monotonic time. Each exchange's budgets are data; one limiter holds
 * all budgets that a call draws on, and is shared by market data and orders, so that a share stays for cancels and hedges.
 *
 * A call whose answer is awaited *holds* its cost until the answer is here and is counted from then on. However long the
 * way there took, the exchange has then counted it earlier, so that its window never sees more than its capacity.
 */

/** Cost by scheme name. */
export type Costs = Readonly<Record<string, number>>;

/**
 * `urgent` may spend the reserve: cancels and hedges. `question` leaves a part of what is left alone: however many orders are
 * asked about, comparisons and new orders, which are `normal`, have budget. `background` leaves half of it.
 */
export type CallPriority = 'background' | 'question' | 'normal' | 'urgent';

/** Of what `normal` calls may spend. */
const SHARES: Readonly<Record<Exclude<CallPriority, 'urgent'>, number>> = {
  background: 0.5,
  question: 0.8,
  normal: 1,
};

/** How an exchange says "too fast" and how much of a budget is spent (PROTOCOLS §12 trap 15), as data. */
export interface LimitAnswers {
  /** Statuses that stop every call, and for how long where the exchange does not say it. */
  readonly stops: readonly { readonly status: number; readonly pauseMs: number }[];
  /** Headers of such an answer that say for how long; the first that is there counts. */
  readonly until: readonly UntilHeader[];
  /** Headers of every answer that tell the exchange's own count. */
  readonly usage: readonly UsageHeader[];
}

export interface UntilHeader {
  readonly header: string;
  /** A duration, or a moment by the exchange's own clock, which its `date` header tells. */
  readonly unit: 'seconds' | 'ms' | 'unix-seconds' | 'unix-ms';
}

export interface UsageHeader {
  readonly header: string;
  readonly tells: 'used' | 'remaining';
  /** What is remaining is of this; absent = of the budget's own capacity. */
  readonly limitHeader?: string;
  /** Where the number stands in the header; absent = it is all of it. */
  readonly pattern?: RegExp;
  /** Budget it speaks of; null = those that the call was charged to. */
  readonly scheme: string | null;
}

export interface RateLimiterOptions {
  /** 0..1: share of every budget that `normal` calls leave alone. */
  readonly reserve: number;
  /** How long to stop when the exchange says "too fast" without saying for how long. */
  readonly defaultPauseMs: number;
  readonly answers?: LimitAnswers;
}

export const DEFAULT_LIMITER: RateLimiterOptions = { reserve: 0.2, defaultPauseMs: 60_000 };

/** Held for a call on its way. */
export interface Permit {
  readonly costs: Costs;
  /** When it counts as answered, monotonic ms: an answer that is never reported blocks nothing for ever. */
  readonly endsMs: number;
}

const MAX_PAUSE_MS = 3 * 86_400_000;
const MAX_DOUBLINGS = 8;

export class RateLimiter {
  private readonly budgets = new Map<string, Budget>();
  private readonly options: RateLimiterOptions;
  private readonly answers: LimitAnswers;
  private readonly onTheWay = new Set<Permit>();
  private blockedUntil = -Infinity;
  private blocks = 0;
  /** Pauses since the last accepted call; each that the exchange does not measure itself is twice as long. */
  private strikes = 0;

  constructor(schemes: readonly LimitScheme[], options: RateLimiterOptions = DEFAULT_LIMITER) {
    this.options = options;
    this.answers = options.answers ?? anyExchange(options.defaultPauseMs);
    for (const scheme of schemes) this.budgets.set(scheme.name, budgetOf(scheme));
  }

  /**
   * Spends `costs` when all of them fit, and answers 0; else spends nothing and answers the ms to wait. Costs of unknown
   * schemes are free. `Infinity`: it can never fit. For what has no answer, such as messages on a socket.
   */
  tryAcquire(costs: Costs, nowMs: number, priority: CallPriority = 'normal'): number {
    const wait = this.waitMs(costs, nowMs, priority);
    if (wait === 0)
      for (const [name, cost] of Object.entries(costs)) this.budgets.get(name)?.spend(cost, nowMs);
    return wait;
  }

  /**
   * As `tryAcquire` for a call with an answer: a permit, to be given back to `settle`, or the ms to wait. `forMs`: after
   * that time the call counts as answered anyway.
   */
  tryHold(costs: Costs, nowMs: number, forMs: number, priority: CallPriority = 'normal'): Permit | number {
    const wait = this.waitMs(costs, nowMs, priority);
    if (wait > 0) return wait;
    const permit = { costs, endsMs: nowMs + forMs };
    this.onTheWay.add(permit);
    for (const [name, cost] of Object.entries(costs)) this.budgets.get(name)?.hold(cost);
    return permit;
  }

  /** The call was answered, or will not be. Told twice, the second is ignored. */
  settle(permit: Permit, nowMs: number): void {
    if (!this.onTheWay.delete(permit)) return;
    for (const [name, cost] of Object.entries(permit.costs)) this.budgets.get(name)?.settle(cost, nowMs);
  }

  /**
   * Learns from an HTTP answer: the statuses that mean "too fast" stop every call until the time the exchange names.
   * `headers` have lower-case names. Returns the ms of the pause, 0 = none.
   */
  observe(
    status: number,
    headers: Readonly<Record<string, string>>,
    nowMs: number,
    costs: Costs = {},
  ): number {
    for (const usage of this.answers.usage) this.learn(usage, headers, nowMs, costs);
    const stop = this.answers.stops.find((one) => one.status === status);
    if (stop === undefined) {
      if (status < 400) this.strikes = 0;
      return 0;
    }
    const told = pauseToldMs(this.answers.until, headers);
    if (told !== null) return this.pause(told, nowMs);
    // Calls that were on their way when the first was refused are refused with it: one refusal, not so many in a row.
    const strikes = this.isBlocked(nowMs) ? Math.max(0, this.strikes - 1) : this.strikes++;
    return this.pause(Math.min(stop.pauseMs * 2 ** Math.min(strikes, MAX_DOUBLINGS), MAX_PAUSE_MS), nowMs);
  }

  /** Stops every call for so long, e.g. after a "too fast" inside an ordinary answer. Returns for how long none leaves now. */
  pause(durationMs: number, nowMs: number): number {
    this.blockedUntil = Math.max(this.blockedUntil, nowMs + durationMs);
    this.blocks++;
    return this.blockedForMs(nowMs);
  }

  /** True while the exchange wants silence. */
  isBlocked(nowMs: number): boolean {
    return nowMs < this.blockedUntil;
  }

  /** How much longer the exchange wants silence, ms; 0 = it does not. */
  blockedForMs(nowMs: number): number {
    return Math.max(0, this.blockedUntil - nowMs);
  }

  /** How many calls of these costs could leave now, one after the other; at most `most`. */
  roomFor(costs: Costs, most: number, nowMs: number, priority: CallPriority = 'normal'): number {
    let room = 0;
    while (room < most && this.waitMs(times(costs, room + 1), nowMs, priority) === 0) room++;
    return room;
  }

  /** How often the exchange asked for silence. */
  get timesBlocked(): number {
    return this.blocks;
  }

  /** Calls whose answer is awaited. */
  get inFlight(): number {
    return this.onTheWay.size;
  }

  private waitMs(costs: Costs, nowMs: number, priority: CallPriority): number {
    for (const permit of this.onTheWay) if (permit.endsMs <= nowMs) this.settle(permit, nowMs);
    if (nowMs < this.blockedUntil) return this.blockedUntil - nowMs;
    const share = this.shareOf(priority);
    let wait = 0;
    for (const [name, cost] of Object.entries(costs))
      wait = Math.max(wait, this.budgets.get(name)?.waitMs(cost, share, nowMs) ?? 0);
    return wait;
  }

  private shareOf(priority: CallPriority): number {
    return priority === 'urgent' ? 1 : (1 - this.options.reserve) * SHARES[priority];
  }

  private learn(usage: UsageHeader, headers: Readonly<Record<string, string>>, nowMs: number, costs: Costs) {
    const told = numberIn(headers[usage.header], usage.pattern);
    if (told === null) return;
    const limit = usage.limitHeader === undefined ? null : numberIn(headers[usage.limitHeader]);
    for (const name of usage.scheme === null ? Object.keys(costs) : [usage.scheme]) {
      const budget = this.budgets.get(name);
      if (budget === undefined) continue;
      budget.raiseTo(usage.tells === 'used' ? told : (limit ?? budget.capacity) - told, nowMs);
    }
  }
}

const times = (costs: Costs, count: number): Costs =>
  Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, cost * count]));

/** Where nothing is known of an exchange: the usual statuses, and `Retry-After`. */
function anyExchange(pauseMs: number): LimitAnswers {
  return {
    stops: [
      { status: 429, pauseMs },
      { status: 418, pauseMs: pauseMs * 10 },
      { status: 403, pauseMs: pauseMs * 10 },
    ],
    until: [{ header: 'retry-after', unit: 'seconds' }],
    usage: [{ header: 'x-mbx-used-weight-1m', tells: 'used', scheme: 'weight' }],
  };
}

/** Between one second and three days, Binance's longest ban; rubbish is not trusted. */
function pauseToldMs(
  until: readonly UntilHeader[],
  headers: Readonly<Record<string, string>>,
): number | null {
  for (const { header, unit } of until) {
    const told = numberIn(headers[header]);
    if (told === null) continue;
    const ms = durationMs(told, unit, Date.parse(headers['date'] ?? ''));
    if (!Number.isNaN(ms)) return Math.min(Math.max(ms, 1000), MAX_PAUSE_MS);
  }
  return null;
}

/** NaN where a moment is told and the exchange's own time is not; its clock is cut to seconds there. */
function durationMs(told: number, unit: UntilHeader['unit'], exchangeMs: number): number {
  if (unit === 'seconds') return told * 1000;
  if (unit === 'ms') return told;
  return (unit === 'unix-seconds' ? told * 1000 : told) - exchangeMs;
}

/** A plain number of at most 15 digits; null for everything else. */
function numberIn(text: string | undefined, pattern?: RegExp): number | null {
  if (text === undefined) return null;
  const found = pattern === undefined ? text.trim() : pattern.exec(text)?.[1];
  return found !== undefined && /^\d{1,15}(?:\.\d{1,6})?$/.test(found) ? Number(found) : null;
}
