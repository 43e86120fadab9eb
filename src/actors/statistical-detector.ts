import type { Traded } from '../detectors/statistical/pair-answers.js';
import type { StatisticalEffect } from '../detectors/statistical/pair-effects.js';
import type { PairTestResult } from '../detectors/statistical/pair-test.js';
import { StatisticalDetector } from '../detectors/statistical/statistical.js';
import type { StatisticalParameters } from '../detectors/statistical/statistical-parameters.js';
import { bestLives } from '../detectors/opportunity-life.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { InstrumentStateChanged } from '../messages/feed.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { PairPosition } from '../messages/pair-positions.js';
import type { Verdict } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { Compute } from '../ports/compute.js';
import type { Stores } from '../ports/stores.js';
import type { TickStore } from '../ports/tick-store.js';
import { arbitrageIdOf } from '../risk/approval.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { backoffMs, type RetryBackoff } from './backoff.js';
import { DetectorNews, refusalOf } from './detector-news.js';
import { pairEnd, type PairEnd } from './pair-ends.js';
import { learnHistory } from './pair-history.js';
import { PairJournal } from './pair-journal.js';
import { PairTests } from './pair-tests.js';

/**
 * The statistical detector as an actor. It looks several times a second and decides once per bar; tests of pairs are computed elsewhere. Positions are
 * written down before the signal that changes them leaves, and what became of a signal is read from the stores.
 */
export interface StatisticalActorOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  /** As they are known now. */
  readonly instruments: readonly Instrument[];
  readonly parameters: StatisticalParameters;
  readonly stores: Pick<Stores, 'settings' | 'trades' | 'signals' | 'ledger'>;
  /** Where mids were recorded; null = nowhere. */
  readonly ticks: Pick<TickStore, 'mids'> | null;
  readonly compute: Compute;
  readonly retry: RetryBackoff;
}

export type StatisticalMessage =
  | { readonly kind: 'sweep' }
  | { readonly kind: 'learned'; readonly bars: number }
  | { readonly kind: 'tested'; readonly result: PairTestResult }
  | { readonly kind: 'notTested'; readonly quote: string; readonly error: string | null }
  | { readonly kind: 'instruments'; readonly instruments: readonly Instrument[] }
  | { readonly kind: 'instrumentState'; readonly changed: InstrumentStateChanged }
  | { readonly kind: 'balances'; readonly changed: BalancesChanged }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'closed'; readonly closed: ArbitrageClosed }
  | { readonly kind: 'ended'; readonly signalId: string; readonly end: PairEnd }
  | { readonly kind: 'kept' }
  | { readonly kind: 'notKept'; readonly error: unknown }
  | { readonly kind: 'keep' };

const MAILBOX = 4_096;
/** How many of the best lives are shown. */
const SHOWN_LIVES = 20;
const SWEEP_MS = 250;
const HANDLER_TIMEOUT_MS = 2_000;
/** A signal whose end was not told is asked for after so long, and again. */
const ASK_END_MS = 5_000;
/** What waits for the journal at most; the oldest events are dropped. */
const MOST_WAITING = 1_000;

type Told = Exclude<StatisticalEffect, { kind: 'test' }>;

export function statisticalActor(options: StatisticalActorOptions): ActorDefinition<StatisticalMessage> {
  return {
    kind: 'statistical-detector',
    mailbox: {
      capacity: MAILBOX,
      policyOf: ({ kind }) =>
        kind === 'sweep' || kind === 'balances' ? { kind: 'conflate', key: kind } : { kind: 'dropOldest' },
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: async (context) => {
      const { stores } = options;
      const { journal, positions } = await PairJournal.open(stores.settings, context.ids.next('own'));
      const holdings = await stores.ledger.holdings();
      context.assertCurrent();
      const actor = new StatisticalActor(options, context, { journal, positions });
      actor.begin(holdings);
      return actor;
    },
  };
}

class StatisticalActor implements ActorBehaviour<StatisticalMessage> {
  private readonly options: StatisticalActorOptions;
  private readonly context: ActorContext<StatisticalMessage>;
  private readonly journal: PairJournal;
  private readonly detector: StatisticalDetector;
  private readonly tests: PairTests;
  private readonly news: DetectorNews;
  /** Effects in order; those behind positions leave when these are written. */
  private readonly waiting: Told[] = [];
  private isWriting = false;
  private writeTries = 0;
  private isLearning = true;
  private learnedBars = 0;
  private dropped = 0;
  /** Signal → its arbitrage, of verdicts that were heard. */
  private readonly arbitrages = new Map<string, string>();
  /** Signal → when its end was asked for. */
  private readonly askedAtMs = new Map<string, number>();
  private unresolved = '';

  constructor(
    options: StatisticalActorOptions,
    context: ActorContext<StatisticalMessage>,
    { journal, positions }: { readonly journal: PairJournal; readonly positions: readonly PairPosition[] },
  ) {
    const { board, instruments, parameters, compute, bus } = options;
    this.options = options;
    this.context = context;
    this.journal = journal;
    this.news = new DetectorNews(bus);
    const nextId = (prefix: string) => context.ids.next(prefix);
    const nowMs = context.clock.nowMs();
    this.detector = new StatisticalDetector({ instruments, board, parameters, nextId, positions, nowMs });
    const { self } = context;
    this.tests = new PairTests({
      compute,
      tested: context.guard((result: PairTestResult) => void self.tell({ kind: 'tested', result })),
      notTested: context.guard(
        (quote: string, error: string | null) => void self.tell({ kind: 'notTested', quote, error }),
      ),
    });
  }

  begin(holdings: BalancesChanged['holdings']): void {
    const { context, options, detector } = this;
    detector.balances(holdings);
    this.subscribe();
    const { ticks, parameters } = options;
    const parts = { ticks, clock: context.clock, log: context.log, barMs: parameters.barMs };
    const learned = (bars: number) => ({ kind: 'learned', bars }) as const;
    context.pipe(learnHistory(detector, parts), learned, () => learned(0));
    context.every('sweep', SWEEP_MS, { kind: 'sweep' });
  }

  private subscribe(): void {
    const { self } = this.context;
    const { bus } = this.options;
    const subscriptions = [
      bus.subscribe('risk.verdict.*', 'verdict', ({ message }) => {
        self.tell({ kind: 'verdict', verdict: message });
      }),
      bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => {
        self.tell({ kind: 'closed', closed: message });
      }),
      bus.subscribe('feed.instrument.*', 'instrumentStateChanged', ({ message }) => {
        self.tell({ kind: 'instrumentState', changed: message });
      }),
      bus.subscribe('ledger.balances', 'balancesChanged', ({ message }) => {
        self.tell({ kind: 'balances', changed: message });
      }),
    ];
    for (const subscription of subscriptions) this.context.onEnd(() => subscription.unsubscribe());
  }

  handle(message: StatisticalMessage): void {
    const nowMs = this.context.clock.nowMs();
    switch (message.kind) {
      case 'sweep':
        return this.sweep(nowMs);
      case 'learned':
        return this.learned(message.bars);
      case 'tested':
        return this.detector.tested(message.result);
      case 'notTested':
        return this.notTested(message.quote, message.error);
      case 'instruments':
        return this.carryOut(this.detector.replaceInstruments(message.instruments, nowMs));
      case 'instrumentState':
        return this.instrumentChanged(message.changed, nowMs);
      case 'balances':
        return this.detector.balances(message.changed.holdings);
      case 'verdict':
        return this.answered(message.verdict, nowMs);
      case 'closed':
        return this.closed(message.closed, nowMs);
      case 'ended':
        return this.ended(message.signalId, message.end, nowMs);
      case 'kept':
        return this.kept();
      case 'notKept':
        return this.notKept(message.error);
      case 'keep':
        this.isWriting = false;
        return this.keep();
    }
  }

  /** Nothing is decided before history is there, or is known to be missing. */
  private sweep(nowMs: number): void {
    if (this.isLearning) return;
    this.carryOut(this.detector.sweep(nowMs, this.context.clock.monotonicMs()));
    for (const position of this.detector.positions) this.askEnd(position, nowMs);
  }

  private learned(bars: number): void {
    this.isLearning = false;
    this.learnedBars = bars;
    this.detector.historyLoaded();
    this.context.log.info({ bars }, 'recorded mids were read for statistical pairs');
  }

  private notTested(quote: string, error: string | null): void {
    this.detector.notTested(quote);
    if (error !== null) this.context.log.warn({ quote, error }, 'pairs were not tested');
  }

  /** The rules are where all instruments are kept; the message says the state, also where that is another node's. */
  private instrumentChanged({ instrument: id, state }: InstrumentStateChanged, nowMs: number): void {
    const found = this.options.instruments.find((one) => one.id === id);
    if (found !== undefined) this.carryOut(this.detector.instrumentChanged({ ...found, state }, nowMs));
  }

  private answered(verdict: Verdict, nowMs: number): void {
    if (this.pending(verdict.signalId) === null) return;
    if (verdict.decision === 'approved') {
      this.arbitrages.set(verdict.signalId, arbitrageIdOf(verdict.verdictId));
      return;
    }
    const { reason, detail } = refusalOf(verdict);
    this.forget(verdict.signalId);
    this.carryOut(this.detector.markRefused(verdict.opportunityId, reason, detail, nowMs));
  }

  private closed({ signalId }: ArbitrageClosed, nowMs: number): void {
    const position = this.pending(signalId);
    if (position === null) return;
    this.askedAtMs.set(signalId, -Infinity);
    this.askEnd(position, nowMs);
  }

  private pending(signalId: string): PairPosition | null {
    return this.detector.positions.find(({ pending }) => pending?.signalId === signalId) ?? null;
  }

  /** What is waited for is asked of the stores when it was told, and every few seconds when it was not. */
  private askEnd(position: PairPosition, nowMs: number): void {
    const { pending } = position;
    if (pending === null) return;
    const { signalId, sentAtMs } = pending;
    if (nowMs - (this.askedAtMs.get(signalId) ?? sentAtMs) < ASK_END_MS) return;
    this.askedAtMs.set(signalId, nowMs);
    const instruments = new Map(this.options.instruments.map((one) => [one.id, one]));
    const arbitrageId = this.arbitrages.get(signalId) ?? null;
    this.context.pipe(
      pairEnd(this.options.stores, { position, arbitrageId, nowMs, instruments }),
      (end) => ({ kind: 'ended', signalId, end }),
      (error) => ({ kind: 'ended', signalId, end: { kind: 'unknown', why: errorText(error) } }),
    );
  }

  private ended(signalId: string, end: PairEnd, nowMs: number): void {
    if (end.kind === 'unknown') {
      this.unresolved = `${signalId}: ${end.why}`;
      return;
    }
    this.unresolved = '';
    this.forget(signalId);
    const traded: Traded | null = end.kind === 'traded' ? end.traded : null;
    this.carryOut(this.detector.settled(signalId, traded, nowMs));
  }

  private forget(signalId: string): void {
    this.arbitrages.delete(signalId);
    this.askedAtMs.delete(signalId);
  }

  private carryOut(effects: readonly StatisticalEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'test') this.tests.ask(effect.test);
      else this.waiting.push(effect);
    }
    this.keep();
  }

  /** Lets out what stands before the next change of positions, and writes that one. */
  private keep(): void {
    while (!this.isWriting && this.waiting.length > 0) {
      const effect = this.waiting[0]!;
      if (effect.kind === 'positions') return this.write(effect.positions);
      this.waiting.shift();
      this.leaves(effect);
    }
    for (let at = 0; this.waiting.length > MOST_WAITING && at < this.waiting.length;)
      if (this.waiting[at]!.kind === 'opportunity') {
        this.waiting.splice(at, 1);
        this.dropped++;
      } else at++;
  }

  private leaves(effect: Exclude<Told, { kind: 'positions' }>): void {
    const nowMs = this.context.clock.nowMs();
    if (effect.kind === 'opportunity' || effect.signal.expiresAtMs > nowMs) return this.news.send(effect);
    // It waited for the journal too long and was never sent: as refused.
    const { opportunityId } = effect.signal;
    const why = 'the positions could not be written in time';
    this.carryOut(this.detector.markRefused(opportunityId, 'JOURNAL', why, nowMs));
  }

  private write(positions: readonly PairPosition[]): void {
    this.isWriting = true;
    this.context.pipe(
      this.journal.write(positions),
      () => ({ kind: 'kept' }),
      (error) => ({ kind: 'notKept', error }),
    );
  }

  private kept(): void {
    this.waiting.shift();
    this.isWriting = false;
    this.writeTries = 0;
    this.keep();
  }

  private notKept(error: unknown): void {
    // What another detector has taken over is not this one's any more; a new incarnation begins with what is written.
    if (error instanceof ArbotError && error.code === 'ARB_STORE_CONFLICT') throw error;
    const { context, options } = this;
    context.log.error({ error: errorText(error) }, 'positions of pairs were not written; trying again');
    context.timer('keep', backoffMs(options.retry, this.writeTries++), { kind: 'keep' });
  }

  summary() {
    const { state, ...figures } = this.detector.summary();
    return {
      strategy: 'statistical',
      state: this.isLearning ? 'loading history' : state,
      ...figures,
      learnedBars: this.learnedBars,
      unresolved: this.unresolved,
      queue: {
        waits: this.tests.depth,
        done: this.tests.done,
        dropped: this.tests.dropped,
        failed: this.tests.failed,
      },
      droppedEvents: this.dropped,
      ...this.news.figures(),
      // What `arbot scan` shows.
      best: bestLives(this.detector.current(), SHOWN_LIVES, this.context.clock.nowMs()),
    };
  }
}
