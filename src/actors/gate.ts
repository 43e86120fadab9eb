import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { decodeLimits, LIMITS_KEY } from '../messages/limit-journal.js';
import type { SubmitLeg } from '../messages/order.js';
import type { ControlRisk, LimitsChanged } from '../messages/risk-control.js';
import type { RiskHold } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import { hasFilled } from '../risk/closed-event.js';
import { startGate, stepGate, type GateEffect, type GateEvent, type GateState } from '../risk/gate.js';
import { decodeKillSwitch, encodeKillSwitch, KILL_SWITCH_KEY, type KillSwitch } from '../risk/kill-switch.js';
import { MONITORS_KEY } from '../risk/monitor-record.js';
import { riskViewOf } from '../risk/readings.js';
import { verdictText } from '../risk/verdict-text.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, Reply } from '../runtime/actor.js';
import { backoffMs } from './backoff.js';
import { bookConditionOf, marksOf } from './board-reading.js';
import { BreakerNews } from './breaker-news.js';
import { MonitorKeeping } from './gate-keeping.js';
import { LOOK_MS, MarketLook } from './gate-market.js';
import type { GateActorOptions, GateMessage } from './gate-messages.js';
import { refusedOpportunity } from './gate-events.js';
import { RecoveryPermits } from './gate-recovery.js';
import { subscribeGate } from './gate-subscriptions.js';

const MAILBOX = 8_192;
/** Every so many looks at the markets the rest is looked at: reservations, losses, breakers. */
const LOOKS_PER_TICK = 2;
/** Older ends belong to lives that are over. */
const REMEMBERED_ARBITRAGES = 2_000;
const HANDLER_TIMEOUT_MS = 5_000;

/**
 * The risk gate as an actor: signals in, verdicts out. All it decides is in `stepGate`; this shell reads the board, draws
 * the nonce, speaks to the bus and persists the kill switch.
 */
export function gateActor(options: GateActorOptions): ActorDefinition<GateMessage> {
  return {
    kind: 'gate',
    mailbox: {
      capacity: MAILBOX,
      // A signal is worth nothing later; facts about money are never dropped.
      policyOf: (message) => (message.kind === 'signal' ? { kind: 'dropOldest' } : { kind: 'reject' }),
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => createGate(options, context),
  };
}

async function createGate(
  options: GateActorOptions,
  context: ActorContext<GateMessage>,
): Promise<ActorBehaviour<GateMessage>> {
  // Before anything is read: what is told meanwhile waits in the mailbox, and nothing falls in between.
  subscribeGate(options, context, (id) => options.instruments.find((one) => one.id === id));
  const written = decodeKillSwitch(await options.settings.get(KILL_SWITCH_KEY));
  const legs = await options.trades.openLegs();
  const ended = await options.trades.arbitragesOf([...new Set(legs.map((leg) => leg.arbitrageId))]);
  const traded = await tradedBefore(options, legs);
  const holdings = await options.ledger.holdings();
  const monitors = await options.settings.get(MONITORS_KEY);
  const kept = decodeLimits(await options.settings.get(LIMITS_KEY));
  context.assertCurrent();
  const { instruments } = options;
  const limits = kept.version === 0 ? options.limits : options.limitsWith(kept.overrides);
  const nowMs = context.clock.nowMs();
  const killSwitch = options.halts.over(written);
  const state = startGate({ limits, instruments, killSwitch, nowMs });
  const gate = new GateActor(options, context, state, kept.version);
  if (monitors !== null) gate.step({ kind: 'restored', monitors });
  // Version 0: whatever the ledger actor tells is newer.
  gate.step({ kind: 'balances', changed: { version: 0, holdings: [...holdings] } });
  const { strategies } = traded;
  gate.step({ kind: 'recovered', legs, strategies, ended: ended.map((closed) => closed.arbitrageId) });
  gate.step({ kind: 'traded', opportunityIds: traded.opportunityIds, startedAtMs: traded.startedAtMs });
  if (context.incarnation > 1) gate.step({ kind: 'hold', hold: unheard('ledger', nowMs) });
  for (const source of options.heldUntilHeard ?? [])
    gate.step({ kind: 'hold', hold: unheard(source, nowMs) });
  context.every('look', LOOK_MS, { kind: 'look' });
  if (killSwitch.atMs !== written.atMs) gate.persist(0);
  return gate;
}

/**
 * The ledger goes on holding while the gate starts anew, and its next word lifts this: it repeats what it asks for. Everything
 * else that holds starts anew with the gate, or has the fence beside it.
 */
const unheard = (source: string, atMs: number): RiskHold => ({
  source,
  held: true,
  reason: `the gate started anew and has not heard the ${source}`,
  atMs,
});

/** One fill per life (TRADING §6): what filled before this start, and what may be filling now. */
async function tradedBefore({ trades, signals }: GateActorOptions, legs: readonly SubmitLeg[]) {
  const ended = await trades.recentArbitrages(REMEMBERED_ARBITRAGES);
  const open = await signals.signalsOf([...new Set(legs.map((leg) => leg.verdictId))]);
  const started = new Map([
    ...legs.map((leg) => [leg.arbitrageId, leg.submittedAtMs] as const),
    ...ended.map((closed) => [closed.arbitrageId, closed.openedAtMs] as const),
  ]);
  return {
    startedAtMs: [...started.values()],
    opportunityIds: [
      ...ended.filter(hasFilled).map((closed) => closed.opportunityId),
      ...open.map(({ signal }) => signal.opportunityId),
    ],
    /** Whose the open legs are, by verdict. */
    strategies: Object.fromEntries(open.map(({ verdict, signal }) => [verdict.verdictId, signal.strategy])),
  };
}

class GateActor implements ActorBehaviour<GateMessage> {
  private readonly options: GateActorOptions;
  private readonly context: ActorContext<GateMessage>;
  private readonly state: GateState;
  private readonly refusedBy = new Map<string, number>();
  private approved = 0;
  private refused = 0;
  private lapsed = 0;
  private persistedSwitch: KillSwitch;
  private readonly markets: MarketLook;
  private readonly keeping: MonitorKeeping;
  private readonly breakerNews = new BreakerNews();
  private readonly permits: RecoveryPermits;
  private limitsVersion: number;
  private looks = 0;

  constructor(
    options: GateActorOptions,
    context: ActorContext<GateMessage>,
    state: GateState,
    limitsVersion: number,
  ) {
    this.options = options;
    this.context = context;
    this.state = state;
    this.persistedSwitch = state.killSwitch;
    this.limitsVersion = limitsVersion;
    this.markets = new MarketLook(options, context.clock, state.limits.flash);
    this.permits = new RecoveryPermits(options, context);
    const { settings, retry } = options;
    this.keeping = new MonitorKeeping({ context, settings, retry, record: () => state.monitors.record });
  }

  handle(message: GateMessage): void {
    switch (message.kind) {
      case 'signal':
        return this.judge(message.signal, message.traceId);
      case 'fact':
        return this.step(message.event);
      case 'look':
        return this.look();
      case 'limits':
        return this.changeLimits(message.changed);
      case 'control':
        return this.control(message.command, message.answer);
      case 'view':
        return message.reply.resolve(riskViewOf(this.state, this.context.clock.nowMs()));
      case 'recovery':
        return this.permits.ask(message.leg, message.answer);
      case 'recoveryFacts':
        return this.permits.judge(message, this.state.killSwitch);
      case 'keep':
        return this.keeping.write(message.tries);
      case 'kept':
        return this.keeping.written(message.record);
      case 'notKept':
        return this.keeping.failed(message.tries, message.error);
      case 'journal':
        return this.compare(message.legs, message.asked);
      case 'journalAway':
        // Kept until the journal says what left.
        return this.context.log.warn({ error: message.error }, 'reservations could not be compared');
      case 'persist':
        return this.persist(message.tries);
      case 'persisted':
        this.persistedSwitch = message.killSwitch;
        if (this.state.killSwitch !== message.killSwitch) this.persist(0);
        return;
      case 'persistFailed': {
        this.context.log.error(
          { error: message.error },
          'the kill switch could not be persisted; trying again',
        );
        const delayMs = backoffMs(this.options.retry, message.tries);
        this.context.timer('persist', delayMs, { kind: 'persist', tries: message.tries + 1 });
      }
    }
  }

  /** A name that stands before no order would be answered as if it had stopped something. */
  private control(command: ControlRisk, answer: Reply<ControlRisk>): void {
    const { exchange } = command;
    const isKnown =
      exchange === undefined ||
      this.options.instruments.some((instrument) => instrument.exchange === exchange) ||
      this.state.monitors.breakers.views().some(({ subject }) => subject === exchange);
    if (!isKnown)
      return answer.reject(
        new ArbotError('ARB_CONFIG_INVALID', `exchange: nothing is traded on '${exchange}' here`),
      );
    this.step({ kind: 'control', command });
    this.context.log.warn({ ...command }, 'the risk gate was told what to do');
    answer.resolve(command);
  }

  private judge(signal: Signal, traceId: string): void {
    const { board, instruments, limits, clockOffsetMs, clockSkewMs } = this.options;
    const monotonicMs = this.context.clock.monotonicMs();
    const books = signal.legs.map((leg) =>
      bookConditionOf(board, leg.instrument, monotonicMs, clockOffsetMs?.(leg.exchange) ?? 0),
    );
    const clocks = signal.legs.map(({ exchange }) => ({ exchange, skewMs: clockSkewMs?.(exchange) ?? null }));
    const marks = marksOf(board, instruments, limits.reportingCurrency);
    const others = this.markets.others(signal);
    const verdictId = this.context.ids.next('v');
    const nonce = Buffer.from(this.context.random.bytes(16)).toString('hex');
    this.step({ kind: 'signal', signal, books, clocks, marks, others, verdictId, nonce }, traceId);
  }

  private look(): void {
    const alarms = this.markets.changedAlarms();
    // Told when an alarm begins and when it ends, not with each look.
    if (alarms !== null) {
      if (alarms.length > 0) this.context.log.info({ alarms }, 'markets are too wild to trade in');
      this.step({ kind: 'alarms', alarms });
    }
    this.looks = (this.looks + 1) % LOOKS_PER_TICK;
    if (this.looks !== 0) return;
    this.step({ kind: 'watch', ...this.markets.facts() });
    this.keeping.ifOld();
    this.tellBreakers();
    this.tick();
  }

  /** Looked at with the rest, not with each order: a breaker that opens has stopped it by then. */
  private tellBreakers(): void {
    const { breakers } = this.state.monitors;
    for (const change of this.breakerNews.look(breakers.records, this.context.clock.nowMs()))
      this.options.bus.publish(subjectOf('breakerChanged'), 'breakerChanged', change, { traceId: 'breaker' });
  }

  private changeLimits(changed: LimitsChanged): void {
    if (changed.version <= this.limitsVersion) return;
    const limits = this.options.limitsWith(changed.overrides);
    this.limitsVersion = changed.version;
    this.markets.setLimits(limits.flash);
    this.step({ kind: 'limits', limits });
    const { version, changes, by, reason } = changed;
    this.context.log.warn({ version, changes, by, reason }, 'limits of the risk gate changed');
  }

  /**
   * An approval that nothing was heard of may lapse, unless the journal knows its orders: silence is no evidence, and an
   * unknown order counts in full (R2). So the journal is asked first, and asked again about what was handed to a person.
   */
  private tick(): void {
    const { exposure, unsettled } = this.state;
    if (exposure.lapsedAt(this.context.clock.nowMs()).length === 0 && unsettled.size === 0) return;
    // Asked before the answer, so that an arbitrage that closes meanwhile is not judged by an older journal.
    const asked = [...unsettled];
    this.context.pipe(
      this.options.trades.openLegs(),
      (legs) => ({ kind: 'journal', legs, asked }),
      (error) => ({ kind: 'journalAway', error: errorText(error) }),
    );
  }

  private compare(legs: readonly SubmitLeg[], asked: readonly string[]): void {
    const journalled = new Set(legs.map((leg) => leg.arbitrageId));
    for (const arbitrageId of this.state.exposure.unclaimed())
      if (journalled.has(arbitrageId)) this.step({ kind: 'claimed', arbitrageId });
    if (asked.length > 0) {
      const openLegs = legs.filter((leg) => asked.includes(leg.arbitrageId));
      this.step({ kind: 'journal', arbitrageIds: asked, openLegs });
    }
    this.step({ kind: 'tick' });
  }

  step(event: GateEvent, traceId = 'gate'): void {
    const nowMs = this.context.clock.nowMs();
    this.options.record?.({ stage: 'gate', key: '', event, nowMs });
    for (const effect of stepGate(this.state, event, nowMs)) this.carryOut(effect, traceId, nowMs);
  }

  private carryOut(effect: GateEffect, traceId: string, nowMs: number): void {
    const { bus, seal } = this.options;
    switch (effect.kind) {
      case 'approved': {
        this.approved++;
        // Sealed here, so that the decision itself stays a function of its inputs.
        const verdict = { ...effect.verdict, seal: seal.sign(verdictText(effect.verdict)) };
        bus.publish(subjectOf('verdict', 'approved'), 'verdict', verdict, { traceId });
        return;
      }
      case 'refused': {
        this.refused++;
        const { signal, refusals } = effect;
        for (const { rule } of refusals) this.refusedBy.set(rule, (this.refusedBy.get(rule) ?? 0) + 1);
        bus.publish(subjectOf('verdict', 'refused'), 'verdict', effect.verdict, { traceId });
        if (!this.options.announceOpportunities) return;
        const event = refusedOpportunity(signal, refusals, nowMs);
        bus.publish(subjectOf('opportunityEvent', signal.strategy), 'opportunityEvent', event, { traceId });
        return;
      }
      case 'persistMonitors':
        return this.keeping.soon();
      case 'persistHalt':
        this.context.log.warn({ ...effect.killSwitch }, 'kill switch changed');
        return this.persist(0);
      case 'lapsed':
        this.lapsed++;
        this.context.log.warn({ arbitrageId: effect.arbitrageId }, 'an approval was never used');
        return;
      case 'released':
      case 'releaseIgnored':
        return;
    }
  }

  persist(tries: number): void {
    const { killSwitch } = this.state;
    this.context.pipe(
      this.options.settings.set(KILL_SWITCH_KEY, encodeKillSwitch(killSwitch)),
      () => ({ kind: 'persisted', killSwitch }),
      (error) => ({ kind: 'persistFailed', tries, error: errorText(error) }),
    );
  }

  summary() {
    return {
      killSwitch: this.state.killSwitch.engaged ? 'engaged' : 'cleared',
      killSwitchPersisted: this.persistedSwitch === this.state.killSwitch,
      holds: [...new Set(this.state.holds.all().map(({ source }) => source))],
      alarms: this.state.monitors.alarms.length,
      breakers: this.state.monitors.breakers.views().filter(({ state }) => state !== 'CLOSED').length,
      limitsVersion: this.limitsVersion,
      approved: this.approved,
      refused: this.refused,
      refusedBy: Object.fromEntries(this.refusedBy),
      inFlight: this.state.exposure.reservationCount,
      unsettled: this.state.unsettled.size,
      lapsed: this.lapsed,
      recoveryPermits: this.permits.summary(),
    };
  }
}
