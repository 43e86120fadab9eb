import { PairPositions } from '../execution/pair-positions.js';
import type { StartFacts } from '../execution/pre-check.js';
import { startSaga, type SagaSetting } from '../execution/saga-start.js';
import type { SagaEffect, SagaEvent, SagaState, SagaStep } from '../execution/saga-state.js';
import { stepSaga } from '../execution/saga.js';
import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ArbitrageClosed, LegResult } from '../messages/order.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { ApprovedVerdict, Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import type { Subscription } from '../ports/bus.js';
import { admitVerdict, arbitrageIdOf } from '../risk/approval.js';
import { RecentIds } from '../risk/recent-ids.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { deepQuoteOf } from './board-reading.js';
import { executedOpportunity } from './saga-events.js';
import { resultMessage, type CloseEffect, type SagaActorOptions, type SagaMessage } from './saga-messages.js';
import { closeInStores, isPassing, migrateEmergency, StoreHold } from './saga-stores.js';
import { FlattenWatch } from './saga-flatten.js';
import { SagaJournal } from './saga-journal.js';
import { SagaOutbox } from './saga-outbox.js';
import { StrayFills } from './saga-strays.js';
import { findForgotten, findUnfinished } from './saga-unfinished.js';
import { heldAssets, UnknownHolds } from './saga-unknowns.js';

/**
 * The arbitrage sagas as an actor: every decision is `stepSaga`; this shell journals, sends, asks, publishes and keeps
 * time. After a restart it takes up every arbitrage whose legs have no result and sends nothing again.
 */
interface Running {
  state: SagaState;
  /** Null after a restart that did not find it. */
  readonly signal: Signal | null;
  readonly traceId: string;
  /** The end is in the stores. */
  stored: boolean;
}

const MAILBOX = 8_192;
const MAX_RUNNING = 256;
/** Ended sagas kept for fills that come late. */
const MAX_ENDED = 512;
const TICK_MS = 1_000;
const REMEMBERED = 16_384;
const HANDLER_TIMEOUT_MS = 5_000;

export function sagaActor(options: SagaActorOptions): ActorDefinition<SagaMessage> {
  return {
    kind: 'saga',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: async (context) => {
      // What cannot go into the store yet is found beside it, and goes there later.
      await migrateEmergency(options).catch((error: unknown) =>
        context.log.warn({ error: errorText(error) }, 'the emergency journal waits for the trade store'),
      );
      const positions = new PairPositions();
      if (options.carriesPositions === true)
        // Newest first.
        for (const closed of [...(await options.stores.trades.openPositions())].reverse())
          positions.onClosed(closed);
      const unfinished = await findUnfinished(options, positions, context.clock.nowMs());
      context.assertCurrent();
      const actor = new SagaActor(options, context, positions);
      actor.subscribe();
      for (const { step, signal } of unfinished.resumed) actor.begin(step, signal, 'resumed');
      for (const effect of unfinished.toClose) actor.store(effect, 0);
      for (const arbitrageId of unfinished.orphans)
        context.log.error(
          { arbitrageId },
          'an unfinished arbitrage trades a market that is not configured; it needs a person',
        );
      actor.ready();
      context.every('tick', TICK_MS, { kind: 'tick' });
      return actor;
    },
  };
}

const hasGivenUp = (state: SagaState): boolean =>
  [...state.inquiries.values()].some((inquiry) => inquiry.givenUp);

class SagaActor implements ActorBehaviour<SagaMessage> {
  private readonly options: SagaActorOptions;
  private readonly context: ActorContext<SagaMessage>;
  private readonly sagas = new Map<string, Running>();
  private readonly taken = new RecentIds(REMEMBERED);
  private readonly hold: StoreHold;
  private readonly unknowns: UnknownHolds;
  private readonly strays = new StrayFills();
  private readonly journal: SagaJournal;
  private readonly outbox: SagaOutbox;
  private readonly flatten: FlattenWatch;
  private readonly positions: PairPositions;
  private holdings: BalancesChanged['holdings'] | null = null;
  private readonly outcomes: Record<string, number> = {};
  private readonly refused = { expired: 0, busy: 0, repeated: 0, unleased: 0 };
  private lastAlert: string | null = null;
  private alerts = 0;

  constructor(options: SagaActorOptions, context: ActorContext<SagaMessage>, positions: PairPositions) {
    this.options = options;
    this.context = context;
    this.positions = positions;
    this.hold = new StoreHold(options, context);
    this.unknowns = new UnknownHolds(options.bus, context.clock);
    this.journal = new SagaJournal(options, context);
    this.flatten = new FlattenWatch(context.log);
    this.outbox = new SagaOutbox(options, context, (arbitrageId) => this.traceOf(arbitrageId));
  }

  /** Everything of the life before is taken up. */
  ready(): void {
    this.unknowns.begin(heldAssets(this.options.instruments));
  }

  subscribe(): void {
    const { bus } = this.options;
    const on = (subscription: Subscription) => this.context.onEnd(() => subscription.unsubscribe());
    on(
      bus.subscribe('risk.verdict.approved', 'verdict', ({ message, traceId }) =>
        this.keep({ kind: 'verdict', verdict: message, traceId }),
      ),
    );
    on(bus.subscribe('order.result.*', 'legResult', (d) => this.keep(resultMessage(d.message, 'nothing'))));
    on(
      bus.subscribe('ledger.entry', 'ledgerEntry', ({ message: { entryId, arbitrageId } }) => {
        if (arbitrageId === null) return;
        this.keep({ kind: 'saga', arbitrageId, event: { kind: 'booked', entryId } });
      }),
    );
    on(bus.subscribe('risk.halt', 'haltChanged', (d) => this.keep({ kind: 'halt', halt: d.message })));
    on(
      // Only the newest counts, and the next one comes soon: a full mailbox loses nothing.
      bus.subscribe(
        'ledger.balances',
        'balancesChanged',
        ({ message: { holdings } }) => void this.context.self.tell({ kind: 'holdings', holdings }),
      ),
    );
  }

  /** What is told here is about money: rather start again from the stores than lose it. */
  private keep(message: SagaMessage): void {
    const told = this.context.self.tell(message);
    if (told === 'full')
      this.context.crash(new ArbotError('ARB_MAILBOX_FULL', `the saga lost a ${message.kind}`));
  }

  handle(message: SagaMessage): void {
    switch (message.kind) {
      case 'verdict':
        return this.start(message.verdict, message.traceId);
      case 'saga':
        return this.step(message.arbitrageId, message.event);
      case 'journalFailed': {
        // A stale fence is the lease's trouble, and its keeper has told the gate already.
        if (!message.isFenced) this.hold.journalFailed(message.error);
        const { clientOrderIds, error } = message;
        return this.step(message.arbitrageId, { kind: 'journalRefused', clientOrderIds, reason: error });
      }
      case 'journalSlow':
        return this.journal.beside(message.arbitrageId, message.legs);
      case 'quote':
        return this.quote(message.arbitrageId, message.instruments);
      case 'holdings':
        this.holdings = message.holdings;
        return;
      case 'halt': {
        const states = [...this.sagas.values()].map(({ state }) => state);
        return this.flatten.halt(message.halt, states, this.context.clock.nowMs());
      }
      case 'saveResult':
        return this.journal.saveResult(message.result, message.tries);
      case 'resultFailed':
        return this.journal.resultFailed(message);
      case 'remembered':
        return this.remembered(message);
      case 'done':
        return;
      case 'ask':
        return this.outbox.send('query', message.query);
      case 'store':
        return this.store(message.effect, message.tries);
      case 'stored':
        return this.ended(message.closed);
      case 'storeFailed':
        // Nothing of it is in flight any more: its reservation is not kept for a row that will never be stored.
        if (!this.hold.closeFailed(message)) this.ended(message.effect.closed);
        return;
      case 'probe':
        return this.hold.probe(message.tries);
      case 'probed':
        return this.hold.probed(message.tries, message.error);
      case 'tick':
        return this.tick();
    }
  }

  private tick(): void {
    this.hold.announce();
    this.unknowns.announce();
    this.journal.migrate();
    for (const [id, { state }] of this.sagas)
      if (state.unbooked.size > 0 || hasGivenUp(state)) this.step(id, { kind: 'tick' });
    for (const fill of this.strays.list())
      this.outbox.publish(fill.arbitrageId, subjectOf('fill', fill.exchange), 'fill', fill);
  }

  private start(verdict: Verdict, traceId: string): void {
    const nowMs = this.context.clock.nowMs();
    const admitted = admitVerdict(verdict, nowMs);
    if (admitted === null) {
      this.refused.expired++;
      return;
    }
    if (!this.taken.add(verdict.verdictId) || this.sagas.has(arbitrageIdOf(verdict.verdictId))) {
      this.refused.repeated++;
      return;
    }
    if (this.options.fence.current() === null) {
      this.refused.unleased++;
      return;
    }
    if (this.running() >= MAX_RUNNING) {
      this.refused.busy++;
      return;
    }
    const facts = this.startFacts(admitted);
    this.options.record?.({
      stage: 'saga',
      key: arbitrageIdOf(verdict.verdictId),
      event: { kind: 'start', verdict, facts },
      nowMs,
    });
    this.saveSignal(admitted);
    this.begin(startSaga(admitted, this.setting(), nowMs, facts), admitted.signal, traceId);
  }

  private setting(): SagaSetting {
    const { policy, instruments, feeMarks, legPolicies, exchanges } = this.options;
    return {
      policy,
      instruments,
      feeMarks: feeMarks?.() ?? [],
      ...(legPolicies !== undefined && { legPolicies }),
      ...(exchanges !== undefined && { exchanges }),
    };
  }

  private startFacts({ signal }: ApprovedVerdict): StartFacts {
    const { orderRoom } = this.options;
    const exchanges = [...new Set(signal.legs.map((leg) => leg.exchange))];
    const room = exchanges.flatMap((exchange) => {
      const orders = orderRoom?.(exchange) ?? null;
      return orders === null ? [] : [{ exchange, orders }];
    });
    const involved = this.holdings?.filter((held) => exchanges.includes(held.exchange));
    const carried = this.positions.of(signal.position?.positionId);
    return {
      ...(involved !== undefined && { holdings: involved }),
      ...(room.length > 0 && { orderRoom: room }),
      ...(carried !== undefined && { carried }),
    };
  }

  /** Only for whoever explains the arbitrage later: it is not waited for, and its failure stops nothing. */
  private saveSignal(verdict: ApprovedVerdict): void {
    const saved = this.options.stores.signals.saveSignal(verdict.signal, verdict);
    saved.catch((error: unknown) =>
      this.context.log.warn({ verdictId: verdict.verdictId, error: errorText(error) }, 'signal not saved'),
    );
  }

  begin(step: SagaStep, signal: Signal | null, traceId: string): void {
    const { arbitrageId } = step.state.terms;
    const stored = step.state.phase === 'closed' && step.effects.every(({ kind }) => kind !== 'close');
    this.sagas.set(arbitrageId, { state: step.state, signal, traceId, stored });
    this.unknowns.see(step.state);
    this.forgetEnded();
    for (const effect of step.effects) this.carryOut(arbitrageId, effect);
  }

  private step(arbitrageId: string, event: SagaEvent): void {
    const running = this.sagas.get(arbitrageId);
    if (running === undefined) return this.stray(event);
    const nowMs = this.context.clock.nowMs();
    this.options.record?.({ stage: 'saga', key: arbitrageId, event, nowMs });
    const { state, effects } = stepSaga(running.state, event, nowMs);
    running.state = state;
    this.unknowns.see(state);
    for (const effect of effects) this.carryOut(arbitrageId, effect);
  }

  /** Of an arbitrage that is forgotten: it is taken from the stores again, so that what comes late is its own. */
  private stray(event: SagaEvent): void {
    if (event.kind === 'booked') return this.strays.booked(event.entryId);
    if (event.kind !== 'result' || event.result.fills.length === 0) return;
    const { result } = event;
    if (!this.strays.await(result)) return;
    const { arbitrageId } = result;
    this.context.pipe(
      findForgotten(this.options, arbitrageId, this.context.clock.nowMs()),
      (found) => ({ kind: 'remembered', arbitrageId, found }),
      (error) => {
        this.context.log.warn({ arbitrageId, error: errorText(error) }, 'a forgotten arbitrage is not read');
        return { kind: 'remembered', arbitrageId, found: null };
      },
    );
  }

  private remembered({ arbitrageId, found }: Extract<SagaMessage, { kind: 'remembered' }>): void {
    const results = this.strays.release(arbitrageId);
    if (found !== null && !this.sagas.has(arbitrageId)) this.begin(found.step, found.signal, arbitrageId);
    for (const result of results)
      if (this.sagas.has(arbitrageId)) this.step(arbitrageId, { kind: 'result', result, to: 'nothing' });
      else this.bookStray(result);
  }

  /** No store knows its arbitrage, or none answers: its fills are booked all the same, its end kept, and a person is told. */
  private bookStray(result: LegResult): void {
    const fresh = this.strays.take(result);
    if (fresh.length === 0) return;
    const { arbitrageId, clientOrderId } = result;
    for (const fill of fresh)
      this.outbox.publish(arbitrageId, subjectOf('fill', fill.exchange), 'fill', fill);
    this.journal.saveResult(result, 0);
    this.alert(
      arbitrageId,
      'FORGOTTEN_FILL',
      `${clientOrderId} told ${fresh.length} fills of an arbitrage that is over`,
    );
  }

  private alert(arbitrageId: string, code: string, detail: string): void {
    this.alerts++;
    this.lastAlert = `${code} ${arbitrageId}: ${detail}`.slice(0, 300);
    this.context.log.warn({ arbitrageId, code, detail }, 'arbitrage alert');
  }

  private carryOut(arbitrageId: string, effect: SagaEffect): void {
    switch (effect.kind) {
      case 'journal':
        return this.journal.write(arbitrageId, effect, this.hold.held);
      case 'askPermit':
        return this.outbox.askPermit(effect.leg);
      case 'submit':
        return this.outbox.send('submit', effect.leg);
      case 'query':
        return this.context.timer(`query ${effect.query.clientOrderId}`, effect.delayMs, {
          kind: 'ask',
          query: effect.query,
        });
      case 'readQuotes':
        if (effect.delayMs === 0) return this.quote(arbitrageId, effect.instruments);
        return this.context.timer(`quotes ${arbitrageId}`, effect.delayMs, {
          kind: 'quote',
          arbitrageId,
          instruments: effect.instruments,
        });
      case 'bookFill':
        return this.outbox.publish(arbitrageId, subjectOf('fill', effect.fill.exchange), 'fill', effect.fill);
      case 'close':
        return this.store(effect, 0);
      case 'saveResult':
        return this.journal.saveResult(effect.result, 0);
      case 'alert':
        return this.alert(arbitrageId, effect.code, effect.detail);
    }
  }

  private quote(arbitrageId: string, instruments: readonly InstrumentId[]): void {
    const quotes = instruments.map((id) => deepQuoteOf(this.options.board, id));
    this.keep({ kind: 'saga', arbitrageId, event: { kind: 'quotes', quotes } });
  }

  store(effect: CloseEffect, tries: number): void {
    this.context.pipe(
      closeInStores(this.options, effect),
      (closed) => ({ kind: 'stored', closed }),
      (error) => ({
        kind: 'storeFailed',
        effect,
        tries,
        retryable: isPassing(error),
        error: errorText(error),
      }),
    );
  }

  private ended(closed: ArbitrageClosed): void {
    const running = this.sagas.get(closed.arbitrageId);
    if (running !== undefined) running.stored = true;
    this.hold.lift();
    this.positions.onClosed(closed);
    this.flatten.closed(closed);
    this.outcomes[closed.outcome] = (this.outcomes[closed.outcome] ?? 0) + 1;
    const id = closed.arbitrageId;
    this.outbox.publish(id, subjectOf('arbitrageClosed', closed.pair), 'arbitrageClosed', closed);
    if (!this.options.announceOpportunities) return;
    const event = executedOpportunity(closed, running?.signal ?? null);
    this.outbox.publish(id, subjectOf('opportunityEvent', event.strategy), 'opportunityEvent', event);
  }

  private traceOf(arbitrageId: string): string {
    return this.sagas.get(arbitrageId)?.traceId ?? arbitrageId;
  }

  private running(): number {
    let count = 0;
    for (const saga of this.sagas.values()) if (!saga.stored) count++;
    return count;
  }

  private forgetEnded(): void {
    if (this.sagas.size <= MAX_RUNNING + MAX_ENDED) return;
    for (const [id, saga] of this.sagas) {
      if (!saga.stored || saga.state.unbooked.size > 0) continue;
      this.sagas.delete(id);
      this.unknowns.forget(id);
      return;
    }
  }

  summary() {
    const flagged = [...this.sagas.values()].filter((s) => s.state.closed?.outcome === 'flagged').length;
    return {
      running: this.running(),
      outcomes: { ...this.outcomes },
      flagged,
      refused: { ...this.refused },
      storeAway: this.hold.held,
      unknownAssets: this.unknowns.assets(),
      positions: this.positions.count,
      strayFills: this.strays.counts,
      emergency: this.options.emergency?.status() ?? null,
      flatten: this.flatten.report(),
      alerts: this.alerts,
      lastAlert: this.lastAlert,
    };
  }
}
