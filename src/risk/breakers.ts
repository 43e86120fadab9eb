import type { Decimal } from '../market/decimal.js';
import type { ExchangeId } from '../messages/primitives.js';
import { Breaker, type BreakerEvent, type BreakerLimits, type BreakerRecord } from './breaker.js';

/** Name of the breaker that stands before everything; exchanges are in lower case. */
export const ALL = 'ALL';

export interface BreakerView extends BreakerRecord {
  /** `ALL` or an exchange. */
  readonly subject: string;
  readonly losses: number;
  readonly calls: number;
  readonly failed: number;
  readonly sizeFactor: string;
}

/**
 * One breaker for everything, fed with results in money and with market-wide alarms, and one for each exchange, fed with
 * what became of its orders.
 */
export class Breakers {
  private limits: BreakerLimits;
  private readonly all: Breaker;
  private readonly byExchange = new Map<ExchangeId, Breaker>();

  constructor(limits: BreakerLimits) {
    this.limits = limits;
    this.all = new Breaker(limits);
  }

  setLimits(limits: BreakerLimits): void {
    this.limits = limits;
    this.all.setLimits(limits);
    for (const breaker of this.byExchange.values()) breaker.setLimits(perExchange(limits));
  }

  result(realisedNet: Decimal, nowMs: number): void {
    this.all.step({ kind: 'pnl', value: realisedNet }, nowMs);
  }

  order(exchange: ExchangeId, ok: boolean, nowMs: number): void {
    this.of(exchange).step({ kind: 'call', ok }, nowMs);
  }

  /** To one subject: `ALL` or an exchange. */
  step(subject: string, event: BreakerEvent, nowMs: number): void {
    (subject === ALL ? this.all : this.of(subject)).step(event, nowMs);
  }

  tick(nowMs: number): void {
    for (const [, breaker] of this.entries()) breaker.step({ kind: 'tick' }, nowMs);
  }

  /** Those that stand in the way of an order on these exchanges, the one for everything first. */
  before(exchanges: readonly ExchangeId[]): { readonly subject: string; readonly breaker: Breaker }[] {
    const own = exchanges.flatMap((exchange) => {
      const breaker = this.byExchange.get(exchange);
      return breaker === undefined ? [] : [{ subject: exchange, breaker }];
    });
    return [{ subject: ALL, breaker: this.all }, ...own];
  }

  /** Nothing stands in the way of an order on these exchanges, and it may have its whole size. */
  areClosed(exchanges: readonly ExchangeId[]): boolean {
    if (!this.all.isClosed) return false;
    for (const exchange of exchanges) if (this.byExchange.get(exchange)?.isClosed === false) return false;
    return true;
  }

  views(): BreakerView[] {
    return this.entries().map(([subject, breaker]) => ({
      subject,
      ...breaker.record,
      ...breaker.counts,
      sizeFactor: breaker.sizeFactor.toFixed(),
    }));
  }

  /** What has to outlive a restart: those that are not closed. */
  get records(): Record<string, BreakerRecord> {
    const open = this.entries().filter(([, { record }]) => record.state !== 'CLOSED');
    return Object.fromEntries(open.map(([subject, { record }]) => [subject, record]));
  }

  restore(records: Readonly<Record<string, BreakerRecord>>): void {
    for (const [subject, record] of Object.entries(records))
      (subject === ALL ? this.all : this.of(subject)).restore(record);
  }

  private entries(): [string, Breaker][] {
    return [[ALL, this.all], ...this.byExchange];
  }

  private of(exchange: ExchangeId): Breaker {
    const known = this.byExchange.get(exchange);
    if (known !== undefined) return known;
    const breaker = new Breaker(perExchange(this.limits));
    this.byExchange.set(exchange, breaker);
    return breaker;
  }
}

/** Money is counted once, by the breaker for everything. */
const perExchange = (limits: BreakerLimits): BreakerLimits => ({
  ...limits,
  maxConsecutiveLosses: null,
  maxDrawdown: null,
});
