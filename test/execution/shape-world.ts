import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import { fillEntryId } from '../../src/execution/ledger.js';
import { OrderAdmission } from '../../src/execution/order-admission.js';
import type { LegQuote } from '../../src/execution/recovery.js';
import { resumeSaga, startSaga, type SagaSetting } from '../../src/execution/saga-start.js';
import type { SagaEffect, SagaEvent, SagaState } from '../../src/execution/saga-state.js';
import type { StartFacts } from '../../src/execution/pre-check.js';
import { stepSaga } from '../../src/execution/saga.js';
import { changesOf } from '../../src/execution/shapes/asset-changes.js';
import { ADMISSION, SAGA_POLICY } from '../../src/modes/parameters.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { ApprovedVerdict } from '../../src/messages/risk.js';
import { admitVerdict, type Approved } from '../../src/risk/approval.js';
import { clearedSwitch } from '../../src/risk/kill-switch.js';
import { permitText, recoveryRefusal } from '../../src/risk/recovery-permit.js';
import { NOW, SEAL } from '../risk/fixtures.js';

/**
 * One arbitrage against exchanges that fill, refuse, cut, lose and forget, on a virtual clock; the process may die between any two
 * effects and is taken up again by the journal and the ledger alone.
 */

export interface WorldFaults {
  /** Of planned orders: nothing fills, or only a part. */
  readonly short: number;
  /** The answer is lost; of these half never arrived. */
  readonly lost: number;
  /** How far prices may move in a step of 50 ms, as a share. */
  readonly drift: number;
  /** Effects after which the process dies, once; null = it lives. */
  readonly dieAfter: number | null;
  /** The signal is not found after a restart. */
  readonly forgets: boolean;
}

export const drawsOf = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761 + 1) % 2_147_483_647;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
};

interface Due {
  readonly atMs: number;
  readonly event: SagaEvent;
  readonly life: number;
}

const MOST_EVENTS = 5_000;

export class ShapeWorld {
  state: SagaState;
  nowMs = NOW;
  /** What the exchanges have: every order that arrived, once. */
  readonly placed = new Map<string, readonly Fill[]>();
  readonly ledger = new Map<string, Fill>();
  readonly journal = new Map<string, { leg: SubmitLeg; result: LegResult | null }>();
  readonly alerts: string[] = [];
  readonly refusedByGate: string[] = [];
  stored: ArbitrageClosed | null = null;
  lives = 1;
  permits = 0;
  private effects = 0;
  private due: Due[] = [];
  private admission: OrderAdmission;
  private readonly draw: () => number;
  private readonly mids: Map<string, number>;
  private walkedAtMs = NOW;
  private readonly setting: SagaSetting;
  private readonly facts: StartFacts;
  private readonly verdict: Approved<ApprovedVerdict>;
  private readonly faults: WorldFaults;
  private trades = 0;

  constructor(
    seed: number,
    verdict: Approved<ApprovedVerdict>,
    world: {
      readonly instruments: readonly Instrument[];
      readonly faults: WorldFaults;
      readonly facts?: StartFacts;
    },
  ) {
    this.draw = drawsOf(seed);
    this.verdict = verdict;
    this.faults = world.faults;
    this.facts = world.facts ?? {};
    this.setting = { instruments: world.instruments, feeMarks: [], policy: SAGA_POLICY };
    this.mids = new Map(verdict.signal.legs.map((leg) => [leg.instrument, Number(leg.expectedVwap)]));
    this.admission = new OrderAdmission(ADMISSION, SEAL);
    this.admission.onVerdict(verdict);
    const step = startSaga(admitVerdict(verdict, NOW)!, this.setting, NOW, this.facts);
    this.state = step.state;
    this.run(step.effects);
  }

  play(): this {
    for (let events = 0; this.due.length > 0; events++) {
      if (events > MOST_EVENTS) throw new Error('there is no end to it');
      this.due.sort((a, b) => a.atMs - b.atMs);
      const { atMs, event, life } = this.due.shift()!;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (life !== this.lives) continue;
      const { state, effects } = stepSaga(this.state, event, this.nowMs);
      this.state = state;
      this.run(effects);
    }
    return this;
  }

  /** What all that the exchanges have done changed of each asset. */
  get truth(): ReadonlyMap<string, Decimal> {
    return changesOf([...this.placed.values()].flat());
  }

  private run(effects: readonly SagaEffect[]): void {
    for (const effect of effects) {
      if (this.faults.dieAfter !== null && this.lives === 1 && this.effects >= this.faults.dieAfter)
        return this.restart();
      this.effects++;
      this.carryOut(effect);
    }
  }

  /** Answers on their way are lost, and so is everything that was only remembered. */
  private restart(): void {
    this.lives++;
    this.due = [];
    this.admission = new OrderAdmission(ADMISSION, SEAL);
    if (this.stored !== null && this.stored.outcome !== 'flagged') return;
    const legs = [...this.journal.values()].map(({ leg }) => leg);
    if (legs.length === 0) return;
    this.nowMs += 3_000;
    const { signal, hedges } = this.verdict;
    const { carried } = this.facts;
    const step = resumeSaga(
      {
        legs,
        results: [...this.journal.values()].flatMap(({ result }) => result ?? []),
        fills: [...this.ledger.values()],
        signal: this.faults.forgets ? null : signal,
        ...(hedges !== undefined && { hedges }),
        ...(carried !== undefined && { carried }),
        ...(this.stored !== null && { closed: this.stored }),
      },
      this.setting,
      this.nowMs,
    );
    this.state = step.state;
    this.run(step.effects);
  }

  private tell(delayMs: number, event: SagaEvent): void {
    this.due.push({ atMs: this.nowMs + delayMs, event, life: this.lives });
  }

  private carryOut(effect: SagaEffect): void {
    switch (effect.kind) {
      case 'journal': {
        for (const leg of effect.legs) {
          if (this.journal.has(leg.clientOrderId))
            throw new Error(`${leg.clientOrderId} is journalled twice`);
          this.journal.set(leg.clientOrderId, { leg, result: null });
        }
        const clientOrderIds = effect.legs.map((leg) => leg.clientOrderId);
        return this.tell(2, { kind: 'journalled', clientOrderIds, quotes: this.quotes() });
      }
      case 'askPermit':
        return this.permit(effect.leg);
      case 'submit':
        return this.submit(effect.leg);
      case 'query':
        return this.query(effect.query.clientOrderId, effect.delayMs);
      case 'readQuotes':
        return this.tell(effect.delayMs, { kind: 'quotes', quotes: this.quotes() });
      case 'bookFill':
        this.ledger.set(fillEntryId(effect.fill), effect.fill);
        return this.tell(1, { kind: 'booked', entryId: fillEntryId(effect.fill) });
      case 'close':
        if (this.stored !== null && this.stored.outcome !== 'flagged') throw new Error('it ended twice');
        this.stored ??= effect.closed;
        for (const result of effect.results) this.settle(result);
        return;
      case 'saveResult':
        return this.settle(effect.result);
      case 'alert':
        this.alerts.push(`${effect.code} ${effect.detail}`);
    }
  }

  private settle(result: LegResult): void {
    const row = this.journal.get(result.clientOrderId);
    if (row === undefined) throw new Error(`${result.clientOrderId} has an end and no journal row`);
    row.result = result;
  }

  private permit(leg: SubmitLeg): void {
    const orders = [...this.journal.values()];
    const facts = { orders, fills: [...this.ledger.values()], hedges: [], closed: this.stored };
    const reason = recoveryRefusal(leg, facts, clearedSwitch(0));
    if (reason !== null) this.refusedByGate.push(`permit ${reason}`);
    else this.permits++;
    const permit = { permitId: `permit-${this.permits}-${this.lives}`, expiresAtMs: this.nowMs + 2_000 };
    const sealed = reason === null ? { ...permit, seal: SEAL.sign(permitText(leg, permit)) } : null;
    this.tell(1, {
      kind: 'permitted',
      clientOrderId: leg.clientOrderId,
      permit: sealed,
      reason: reason ?? '',
    });
  }

  private submit(leg: SubmitLeg): void {
    const id = leg.clientOrderId;
    if (this.journal.get(id) === undefined) throw new Error(`${id} left before its journal row`);
    if (this.placed.has(id)) throw new Error(`${id} was sent twice`);
    const refusal = this.admission.admit(leg, this.nowMs);
    if (refusal !== null) {
      this.refusedByGate.push(`${leg.legIndex}.${leg.attempt} ${refusal}`);
      return this.tell(1, {
        kind: 'result',
        to: 'submit',
        result: this.resultOf(leg, [], 'rejected', refusal),
      });
    }
    const isLost = this.draw() < this.faults.lost;
    const arrives = !isLost || this.draw() < 0.5;
    const delay = 5 + this.draw() * 60;
    if (arrives) this.placed.set(id, this.match(leg));
    if (isLost)
      return this.tell(2_000, { kind: 'unanswered', clientOrderId: id, to: 'submit', reason: 'timeout' });
    this.answer(leg, 'submit', delay);
  }

  private answer(leg: SubmitLeg, to: 'submit' | 'query', delayMs: number): void {
    const fills = this.placed.get(leg.clientOrderId) ?? [];
    const result = this.resultOf(leg, fills, 'expired', '');
    this.admission.onResult(result);
    this.tell(delayMs, { kind: 'result', to, result });
  }

  private query(clientOrderId: string, delayMs: number): void {
    const { leg } = this.journal.get(clientOrderId)!;
    if (this.draw() < this.faults.lost / 2)
      return this.tell(delayMs + 2_000, {
        kind: 'unanswered',
        clientOrderId,
        to: 'query',
        reason: 'timeout',
      });
    if (this.placed.has(clientOrderId)) return this.answer(leg, 'query', delayMs + 20);
    this.tell(delayMs + 20, {
      kind: 'result',
      to: 'query',
      result: this.resultOf(leg, [], 'unknown', ORDER_NOT_FOUND),
    });
  }

  /** An order is met at the best price of its arrival, in one or two trades. */
  private match(leg: SubmitLeg): Fill[] {
    const { bid, ask } = this.quotes().find(({ instrument }) => instrument === leg.instrument)!;
    const price = leg.side === 'buy' ? ask : bid;
    const isMet = leg.side === 'buy' ? price <= Number(leg.limitPrice) : price >= Number(leg.limitPrice);
    const isShort = this.draw() < (leg.attempt === 0 ? this.faults.short : this.faults.short / 3);
    const share = isShort ? (this.draw() < 0.5 ? 0 : this.draw()) : 1;
    const { lotSize, tickSize } = this.instrumentOf(leg);
    const lots = new Decimal(leg.quantity).times(share).div(lotSize).floor();
    if (!isMet || lots.isZero()) return [];
    const first = this.draw() < 0.3 ? lots.div(2).floor() : lots;
    const text = new Decimal(price).toDecimalPlaces(new Decimal(tickSize).decimalPlaces()).toFixed();
    return [first, lots.minus(first)]
      .filter((part) => part.gt(0))
      .map((part) => this.fillOf(leg, part.times(lotSize), text));
  }

  private instrumentOf = (leg: SubmitLeg): Instrument =>
    this.setting.instruments.find(({ id }) => id === leg.instrument)!;

  private fillOf(leg: SubmitLeg, quantity: Decimal, price: string): Fill {
    const { base, quote, feeMode, takerFeeRate } = this.instrumentOf(leg);
    const isBase = feeMode === 'received' && leg.side === 'buy';
    const amount = isBase ? quantity : quantity.times(price);
    return {
      ...{
        exchange: leg.exchange,
        instrument: leg.instrument,
        side: leg.side,
        price,
        quantity: quantity.toFixed(),
      },
      ...{ tradeId: `t${++this.trades}`, clientOrderId: leg.clientOrderId, arbitrageId: leg.arbitrageId },
      ...{ fee: amount.times(takerFeeRate).toFixed(), feeAsset: isBase ? base : quote },
      ...{ liquidity: 'taker', exchangeTimeMs: this.nowMs },
    };
  }

  private resultOf(
    leg: SubmitLeg,
    fills: readonly Fill[],
    none: LegResult['status'],
    reason: string,
  ): LegResult {
    const filled = fills.reduce((sum, { quantity }) => sum.plus(quantity), new Decimal(0));
    const status = filled.isZero() ? none : filled.eq(leg.quantity) ? 'filled' : 'partially_filled';
    return {
      ...{ clientOrderId: leg.clientOrderId, arbitrageId: leg.arbitrageId, legIndex: leg.legIndex, status },
      filledQuantity: filled.toFixed(),
      averagePrice: filled.isZero() ? null : leg.limitPrice,
      ...{ fills: [...fills], reason, acknowledgedAtMs: this.nowMs },
    };
  }

  /** Every market walks by itself; nothing between bid and ask but a tick or a basis point. */
  private quotes(): LegQuote[] {
    for (; this.walkedAtMs + 50 <= this.nowMs; this.walkedAtMs += 50) {
      if (this.nowMs - this.walkedAtMs > 60_000) this.walkedAtMs = this.nowMs - 1_000;
      for (const [id, mid] of this.mids)
        this.mids.set(id, mid * (1 + (this.draw() - 0.5) * 2 * this.faults.drift));
    }
    return [...this.mids].map(([id, mid]) => {
      const tick = Number(this.setting.instruments.find((one) => one.id === id)!.tickSize);
      const price = Math.round(mid / tick) * tick;
      const clean = (value: number): number => Number(value.toPrecision(12));
      const planned = this.verdict.signal.legs.find((leg) => leg.instrument === id)!;
      const [bid, ask] = planned.side === 'buy' ? [price - tick, price] : [price, price + tick];
      return { instrument: id, trusted: true, bid: clean(bid), ask: clean(ask) };
    });
  }
}
