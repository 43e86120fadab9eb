import { Decimal } from '../market/decimal.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { BreakerEvent } from './breaker.js';
import { ALL, Breakers } from './breakers.js';
import { ExchangeHealth } from './exchange-health.js';
import { wildPairs, type MarketAlarm } from './flash/watch.js';
import { InFlight } from './in-flight.js';
import type { RiskLimits } from './limits.js';
import { LossBook } from './loss-book.js';
import { decodeMonitors, encodeMonitors, fingerprint } from './monitor-record.js';
import { OrderRate } from './order-rate.js';

/** What became of one order, as the gate needs it. */
export interface OrderOutcome {
  readonly exchange: ExchangeId;
  readonly arbitrageId: string;
  readonly legIndex: number;
  readonly status: 'filled' | 'partially_filled' | 'expired' | 'rejected' | 'unknown';
  readonly acknowledgedAtMs: number;
}

/** Pairs that must be wild at once for the whole market to be. */
const WILD_PAIRS = 3;
const FLASH_CRASH = 'flash_crash';

/** What the gate watches beside exposure: losses, breakers, the health of exchanges, the rate of orders, wild markets. */
export class Monitors {
  readonly losses: LossBook;
  readonly breakers: Breakers;
  readonly health: ExchangeHealth;
  readonly rate = new OrderRate();
  private readonly inFlight = new InFlight();
  private limits: RiskLimits;
  private standing: readonly MarketAlarm[] = [];
  /** Tells one baseline from another. */
  private readonly baseline: string;

  constructor(limits: RiskLimits) {
    this.limits = limits;
    this.baseline = fingerprint(limits.baseline.map(({ asset, amount }) => `${asset} ${amount}`).sort());
    this.losses = new LossBook(limits);
    this.breakers = new Breakers(limits.breaker);
    this.health = new ExchangeHealth(limits.health);
  }

  setLimits(limits: RiskLimits): void {
    this.limits = limits;
    this.losses.setLimits(limits);
    this.breakers.setLimits(limits.breaker);
    this.health.setLimits(limits.health);
  }

  get alarms(): readonly MarketAlarm[] {
    return this.standing;
  }

  /** What has to outlive a restart, as one text. */
  get record(): string {
    const { baseline } = this;
    return encodeMonitors({ baseline, losses: this.losses.record, breakers: this.breakers.records });
  }

  /** The part of it that must not be lost; value and peak move with every price and may be a little old. */
  get essence(): string {
    const { day, dayStart, streak, stoppedDay, isDrawnDown } = this.losses.record;
    return JSON.stringify([day, dayStart, streak, stoppedDay, isDrawnDown, this.breakers.records]);
  }

  /** @throws ArbotError ARB_CONFIG_INVALID when it cannot be read. */
  restore(record: string): void {
    const { baseline, losses, breakers } = decodeMonitors(record);
    this.losses.restore(losses, baseline === this.baseline);
    this.breakers.restore(breakers);
  }

  approved(arbitrageId: string, exchanges: readonly ExchangeId[], nowMs: number): void {
    this.rate.approved(exchanges.length, nowMs);
    this.inFlight.approved(arbitrageId, exchanges, nowMs);
  }

  ended(arbitrageId: string): void {
    this.inFlight.forget(arbitrageId);
  }

  /** An order that was rejected, is unknown or took too long speaks against its exchange; one that found nothing does not. */
  ordered({ exchange, arbitrageId, legIndex, status, acknowledgedAtMs }: OrderOutcome, nowMs: number): void {
    const latencyMs = this.inFlight.answered(arbitrageId, legIndex, acknowledgedAtMs);
    const isLate = latencyMs !== null && latencyMs > this.limits.slowOrderMs;
    const isOk = status !== 'rejected' && status !== 'unknown';
    this.breakers.order(exchange, isOk && !isLate, nowMs);
    this.health.ordered(exchange, isOk, latencyMs, nowMs);
  }

  /** An arbitrage of which something was filled came to its end. */
  closed(realisedNet: Decimal, nowMs: number): void {
    this.losses.closed(realisedNet);
    this.breakers.result(realisedNet, nowMs);
  }

  /** What has been approved before that breaker and may tell it something yet: `ALL` hears of ends, an exchange of orders. */
  awaitedBy(subject: string): number {
    return subject === ALL ? this.inFlight.arbitrages : this.inFlight.unanswered(subject);
  }

  command(subject: string, event: BreakerEvent, nowMs: number): void {
    this.breakers.step(subject, event, nowMs);
  }

  alarmed(alarms: readonly MarketAlarm[], nowMs: number): void {
    this.standing = alarms;
    this.signalFlashCrash(nowMs);
  }

  /** `isSent` = orders of that arbitrage have left, as far as anybody knows. */
  tick(isSent: (arbitrageId: string) => boolean, nowMs: number): void {
    for (const exchange of this.inFlight.silent(isSent, nowMs - this.limits.silentOrderMs)) {
      this.breakers.order(exchange, false, nowMs);
      this.health.ordered(exchange, false, null, nowMs);
    }
    this.breakers.tick(nowMs);
    this.signalFlashCrash(nowMs);
  }

  /** Told again and again while it lasts, so that the cool-down begins with its end. */
  private signalFlashCrash(nowMs: number): void {
    if (wildPairs(this.standing).length >= WILD_PAIRS)
      this.breakers.step(ALL, { kind: 'signal', reason: FLASH_CRASH }, nowMs);
  }
}
