import { PairPositions } from '../execution/pair-positions.js';
import type { SagaSetting } from '../execution/saga-start.js';
import type { OpeningBalance } from '../execution/ledger.js';
import type { LegQuote } from '../execution/recovery.js';
import type { LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { ApprovedVerdict } from '../messages/risk.js';
import type { Approved } from '../risk/approval.js';
import { closedEvent } from '../risk/closed-event.js';
import type { GateEvent, GateStart } from '../risk/gate.js';
import { gateStage } from './gate-stage.js';
import { ledgerStage, type LedgerEvent } from './ledger-stage.js';
import { sagaStage, type SagaStageEffect, type SagaStageEvent } from './saga-stage.js';
import { StageRun } from './stage.js';

/** The market side of the kernel: what paper and backtest put behind the gateways. */
export interface KernelExchange {
  onVerdict(verdict: Approved<ApprovedVerdict>): void;
  /** The answer and the time it takes; `null` result = silence. */
  submit(leg: SubmitLeg, nowMs: number): { readonly result: LegResult | null; readonly latencyMs: number };
  query(query: QueryOrder, nowMs: number): { readonly result: LegResult | null; readonly latencyMs: number };
  quotes(instruments: readonly InstrumentId[]): readonly LegQuote[];
}

export interface KernelOptions {
  readonly gate: GateStart;
  readonly saga: SagaSetting;
  readonly openings: readonly OpeningBalance[];
  readonly exchange: KernelExchange;
  /** Inputs kept per stage; a longer run throws. */
  readonly recordCapacity: number;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: (nowMs: number) => void;
}

/**
 * Gate, sagas and ledger in one loop on a virtual clock: the same steps that the actors run, without a hop per message.
 * Equal inputs give equal effects; every stage's inputs are recorded and can be replayed alone.
 */
export class TradingKernel {
  readonly gate;
  readonly sagas;
  readonly ledger;
  private readonly options: KernelOptions;
  private readonly due: Due[] = [];
  private issued = 0;
  private readonly positions = new PairPositions();
  /** What the journal would hold of arbitrages under way. */
  private readonly submitted = new Map<string, SubmitLeg>();

  constructor(options: KernelOptions) {
    this.options = options;
    this.gate = new StageRun(gateStage(options.gate), options.recordCapacity);
    this.sagas = new StageRun(sagaStage(options.saga), options.recordCapacity);
    this.ledger = new StageRun(ledgerStage, options.recordCapacity);
    this.stepLedger({ kind: 'open', balances: options.openings }, options.gate.nowMs);
  }

  /** A signal with what the gate has to know at that moment. */
  onSignal(event: Extract<GateEvent, { kind: 'signal' }>, nowMs: number): void {
    this.advance(nowMs);
    this.stepGate(event, nowMs);
  }

  /** Lets the virtual clock run to `nowMs`, in order of time. */
  advance(nowMs: number): void {
    for (let next = this.due[0]; next !== undefined && next.atMs <= nowMs; next = this.due[0]) {
      this.due.shift();
      next.run(next.atMs);
    }
  }

  /** Time of the next thing that happens by itself; null when all is quiet. */
  get nextDueMs(): number | null {
    return this.due[0]?.atMs ?? null;
  }

  stepGate(event: GateEvent, nowMs: number): void {
    for (const effect of this.gate.step(event, nowMs)) {
      if (effect.kind !== 'approved') continue;
      this.options.exchange.onVerdict(effect.verdict);
      const carried = this.positions.of(effect.verdict.signal.position?.positionId);
      const facts = carried === undefined ? {} : { facts: { carried } };
      this.stepSagas({ kind: 'start', verdict: effect.verdict, ...facts }, nowMs);
    }
  }

  private stepSagas(event: SagaStageEvent, nowMs: number): void {
    for (const effect of this.sagas.step(event, nowMs)) this.carryOut(effect, nowMs);
  }

  private carryOut({ arbitrageId, effect }: SagaStageEffect, nowMs: number): void {
    const tell = (event: Extract<SagaStageEvent, { kind: 'saga' }>['event'], delayMs: number) =>
      this.at(nowMs + delayMs, (at) => this.stepSagas({ kind: 'saga', arbitrageId, event }, at));
    const { exchange } = this.options;
    switch (effect.kind) {
      case 'journal': {
        const clientOrderIds = effect.legs.map((leg) => leg.clientOrderId);
        const quotes = exchange.quotes(effect.legs.map((leg) => leg.instrument));
        return tell({ kind: 'journalled', clientOrderIds, quotes }, 0);
      }
      case 'askPermit':
        // Nothing in here outlives its gate.
        return tell(
          {
            kind: 'permitted',
            clientOrderId: effect.leg.clientOrderId,
            permit: null,
            reason: 'ARBITRAGE_UNKNOWN',
          },
          0,
        );
      case 'submit':
        this.submitted.set(effect.leg.clientOrderId, effect.leg);
        return this.answer(
          arbitrageId,
          effect.leg.clientOrderId,
          'submit',
          exchange.submit(effect.leg, nowMs),
          nowMs,
        );
      case 'query':
        return this.at(nowMs + effect.delayMs, (at) =>
          this.answer(arbitrageId, effect.query.clientOrderId, 'query', exchange.query(effect.query, at), at),
        );
      case 'readQuotes':
        return this.at(nowMs + effect.delayMs, (at) => {
          const event = { kind: 'quotes', quotes: exchange.quotes(effect.instruments) } as const;
          this.stepSagas({ kind: 'saga', arbitrageId, event }, at);
        });
      case 'bookFill':
        return this.stepLedger({ kind: 'fill', fill: effect.fill }, nowMs);
      case 'close': {
        this.positions.onClosed(effect.closed);
        this.stepGate(closedEvent(effect.closed), nowMs);
        return this.settleJournal(arbitrageId, effect.results, nowMs);
      }
      case 'saveResult':
        return this.settleJournal(arbitrageId, [effect.result], nowMs);
      case 'alert':
        return;
    }
  }

  /** What a journal would say once the results of an arbitrage are in it. */
  private settleJournal(arbitrageId: string, results: readonly LegResult[], nowMs: number): void {
    for (const { clientOrderId, status } of results)
      if (status !== 'unknown') this.submitted.delete(clientOrderId);
    const openLegs = [...this.submitted.values()].filter((leg) => leg.arbitrageId === arbitrageId);
    this.stepGate({ kind: 'journal', arbitrageIds: [arbitrageId], openLegs }, nowMs);
  }

  private answer(
    arbitrageId: string,
    clientOrderId: string,
    to: 'submit' | 'query',
    { result, latencyMs }: { readonly result: LegResult | null; readonly latencyMs: number },
    nowMs: number,
  ): void {
    this.at(nowMs + latencyMs, (at) => {
      if (result !== null) this.stepGate({ kind: 'claimed', arbitrageId }, at);
      const event =
        result === null
          ? ({ kind: 'unanswered', clientOrderId, to, reason: 'SILENCE' } as const)
          : ({ kind: 'result', result, to } as const);
      this.stepSagas({ kind: 'saga', arbitrageId, event }, at);
    });
  }

  private stepLedger(event: LedgerEvent, nowMs: number): void {
    for (const effect of this.ledger.step(event, nowMs)) {
      const { entry } = effect;
      if (effect.kind === 'booked')
        this.stepGate(
          { kind: 'balances', changed: { version: effect.version, holdings: effect.holdings } },
          nowMs,
        );
      const { arbitrageId, entryId } = entry;
      if (arbitrageId === null) continue;
      this.at(nowMs, (at) =>
        this.stepSagas({ kind: 'saga', arbitrageId, event: { kind: 'booked', entryId } }, at),
      );
    }
  }

  /** Queued by time, and in order of asking at the same time. */
  private at(atMs: number, run: (nowMs: number) => void): void {
    const due = { atMs, order: ++this.issued, run };
    let position = this.due.length;
    while (position > 0 && this.due[position - 1]!.atMs > atMs) position--;
    this.due.splice(position, 0, due);
  }
}
