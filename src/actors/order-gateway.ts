import type { ExchangeAnswer } from '../connectors/order-entry.js';
import { accountRefusal, holdsNow, phaseOf, statusOf } from '../execution/gateway/gateway-phase.js';
import {
  startGateway,
  type GatewayEffect,
  type GatewayEvent,
  type GatewayState,
} from '../execution/gateway/gateway-state.js';
import { dueMs, stepGateway } from '../execution/gateway/gateway.js';
import { OrderAdmission } from '../execution/order-admission.js';
import { refusedResult } from '../execution/paper-exchange.js';
import { subjectOf, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import type { HaltChanged, Verdict } from '../messages/risk.js';
import type { Subscription } from '../ports/bus.js';
import { admitVerdict } from '../risk/approval.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, StopReason } from '../runtime/actor.js';
import { AccountQuestions } from './account-questions.js';
import { AccountWords } from './account-words.js';
import { backoffMs } from './backoff.js';
import type {
  AdoptAnswer,
  Answer,
  OrderGatewayMessage,
  OrderGatewayOptions,
  Seeds,
} from './order-gateway-messages.js';
import { PrivateLine } from './private-line.js';
import { PrivateRest, uuidOf } from './private-rest.js';

/**
 * The order gateway of one exchange account. Every decision is `stepGateway`; this shell signs and writes, asks, listens and
 * keeps time. An order leaves when verdict, kill switch, account and lease allow it in the turn in which it is written.
 */
const MAILBOX = 8_192;
const HANDLER_TIMEOUT_MS = 5_000;
const TICK_MS = 250;
const ANNOUNCE_MS = 5_000;
/** The dead-man switch is armed anew three times before it would fire. */
const DEAD_MAN_SHARE = 3;
const STOPPING_MS = 1_000;
const MAX_TRACES = 4_096;
/** That a store answers for at once. */
const MAX_ARBITRAGES = 10_000;

export function orderGatewayActor(options: OrderGatewayOptions): ActorDefinition<OrderGatewayMessage> {
  return {
    kind: 'gateway',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => {
      const gateway = new OrderGateway(options, context);
      gateway.begin();
      return gateway;
    },
  };
}

interface Waiting {
  readonly leg: SubmitLeg;
  readonly answer: Answer;
  /** Of orders that wait for budget. */
  readonly untilMs: number;
}

class OrderGateway implements ActorBehaviour<OrderGatewayMessage> {
  private readonly options: OrderGatewayOptions;
  private readonly context: ActorContext<OrderGatewayMessage>;
  private readonly exchange: string;
  private readonly state: GatewayState;
  private readonly admission: OrderAdmission;
  private readonly words: AccountWords;
  private readonly rest: PrivateRest;
  private readonly questions: AccountQuestions;
  private readonly line: PrivateLine;
  /** Wall minus monotonic time when this incarnation began: what is measured here does not jump with the wall clock. */
  private readonly wallAheadMs: number;
  /** Who submitted and has no answer yet. */
  private readonly submits = new Map<string, Answer>();
  /** By client order id, newest last. */
  private readonly traces = new Map<string, string>();
  private readonly queries = new Map<string, Answer[]>();
  private readonly waiting = new Map<string, Waiting>();
  private dueAtMs: number | null = null;
  private unsealed = 0;
  private deadMan: { readonly outcome: string; readonly atMs: number } | null = null;
  private lastAlert: string | null = null;
  private lastRefusal: string | null = null;

  constructor(options: OrderGatewayOptions, context: ActorContext<OrderGatewayMessage>) {
    const { connector, policy, halts, instruments, timers } = options;
    this.options = options;
    this.context = context;
    this.exchange = connector.exchange;
    this.wallAheadMs = context.clock.nowMs() - context.clock.monotonicMs();
    const own = instruments.filter((one) => one.exchange === this.exchange);
    this.words = new AccountWords(own, options.assetOf);
    this.admission = new OrderAdmission(options.admission, options.seal, halts.current);
    this.state = startGateway({
      exchange: this.exchange,
      instruments: own.map(({ id }) => id),
      times: {
        reconcileEveryMs: policy.reconcileEveryMs,
        requestLifeMs: this.isFenced ? policy.requestExpiryMs + policy.skewMs : policy.unfencedLifeMs,
        pauseMs: policy.pauseMs,
      },
      killSwitch: halts.current,
      nowMs: this.nowMs(),
    });
    const { clock, random, signal } = context;
    const { credentials, endpoints, http, limiter, clockOffsetMs } = options;
    const entry = connector.orders;
    this.rest = new PrivateRest({
      exchange: this.exchange,
      restUrl: endpoints.restUrl,
      ...{ entry, credentials, http, limiter, clock, timers, random, clockOffsetMs, signal },
    });
    this.questions = new AccountQuestions({
      entry,
      rest: this.rest,
      words: this.words,
      onLimited: (pauseMs) => this.limited(pauseMs),
      onRefused: (what, reason) => this.refused(`${what}: ${reason}`),
    });
    this.line = this.openLine();
  }

  private get isFenced(): boolean {
    return this.options.connector.capabilities.orders.requestExpiry.kind !== 'none';
  }

  private nowMs(): number {
    return this.wallAheadMs + this.context.clock.monotonicMs();
  }

  private openLine(): PrivateLine {
    const { connector, endpoints, credentials, sockets, clockOffsetMs } = this.options;
    const { context, words } = this;
    const step = (event: GatewayEvent) => this.step(event);
    return new PrivateLine({
      stream: connector.orders.stream,
      limits: connector.capabilities.limits,
      connect: (url, options, handlers) => context.connect(sockets, url, options, handlers),
      random: () => context.random.next(),
      moment: () => ({
        timeMs: context.clock.nowMs() + clockOffsetMs(),
        validForMs: null,
        nonce: uuidOf(context.random),
      }),
      symbols: () => words.allSymbols(),
      events: {
        up: () => step({ kind: 'stream', isUp: true, reason: '' }),
        down: (reason) => step({ kind: 'stream', isUp: false, reason }),
        unreadable: (error) => {
          this.refused(`private stream: ${error.message}`);
          // As after a connection that was away: what it said has to be asked for.
          step({ kind: 'stream', isUp: true, reason: '' });
        },
        order: (report) => step({ kind: 'order', word: words.order(report) }),
        trade: (report) => step({ kind: 'trade', word: words.trade(report) }),
        // Read again as a whole where it matters: a single balance says nothing of the moment that the others are of.
        balance: () => undefined,
        transferred: () => step({ kind: 'moved' }),
      },
      ...{ endpoints, credentials, clock: context.clock },
    });
  }

  begin(): void {
    const { context } = this;
    // What was told between the reading above and this line has no gap to fall into: it is the same turn.
    context.onEnd(this.options.halts.onChange((halt) => this.halt(halt)));
    context.onEnd(() => this.line.stop());
    this.subscribe();
    context.every('tick', TICK_MS, { kind: 'tick' });
    context.every('announce', ANNOUNCE_MS, { kind: 'announce' });
    const { deadManMs } = this.options.policy;
    if (deadManMs !== null && this.options.connector.orders.deadMan !== null)
      context.every('dead-man', Math.floor(deadManMs / DEAD_MAN_SHARE), { kind: 'deadMan' });
    context.self.tell({ kind: 'seed', tries: 0 });
    context.self.tell({ kind: 'announce' });
    this.line.start();
  }

  private subscribe(): void {
    const { bus } = this.options;
    const { exchange } = this;
    const on = (subscription: Subscription) => this.context.onEnd(() => subscription.unsubscribe());
    on(
      bus.subscribe('risk.verdict.approved', 'verdict', (d) =>
        this.keep({ kind: 'verdict', verdict: d.message }),
      ),
    );
    on(
      bus.subscribe('ledger.balances', 'balancesChanged', ({ message }) => {
        const holdings = message.holdings.filter((one) => one.exchange === exchange);
        this.keep({ kind: 'event', event: { kind: 'ledger', holdings } });
      }),
    );
    const prefix = `fill:${exchange}:`;
    on(
      bus.subscribe('ledger.entry', 'ledgerEntry', ({ message: { entryId } }) => {
        if (!entryId.startsWith(prefix)) return;
        this.keep({ kind: 'event', event: { kind: 'booked', tradeId: entryId.slice(prefix.length) } });
      }),
    );
    on(
      bus.respond(subjectOf('submitLeg', exchange), 'submitLeg', 'legResult', ({ message, traceId }) =>
        this.ask((answer) => ({ kind: 'submit', leg: message, traceId, answer })),
      ),
    );
    on(
      bus.respond(subjectOf('queryOrder', exchange), 'queryOrder', 'legResult', ({ message }) =>
        this.ask((answer) => ({ kind: 'query', query: message, answer })),
      ),
    );
  }

  /** What is told here is about money: rather start again from stores and exchange than lose it. */
  private keep(message: OrderGatewayMessage): void {
    if (this.context.self.tell(message) === 'full')
      this.context.crash(
        new ArbotError('ARB_MAILBOX_FULL', `the ${this.exchange} gateway lost a ${message.kind}`),
      );
  }

  private ask(build: (answer: Answer) => OrderGatewayMessage): Promise<LegResult> {
    return new Promise((resolve, reject) => {
      const told = this.context.self.tell(build({ resolve, reject }));
      if (told === 'full' || told === 'dead')
        reject(new ArbotError('ARB_MAILBOX_FULL', `the ${this.exchange} gateway cannot take this`));
    });
  }

  handle(message: OrderGatewayMessage): void {
    switch (message.kind) {
      case 'verdict':
        return this.verdict(message.verdict);
      case 'halt':
        return this.halt(message.halt);
      case 'submit':
        return this.submit(message.leg, message.traceId, message.answer);
      case 'write':
        return this.writeWaiting(message.clientOrderId);
      case 'query':
        return this.query(message.query, message.answer);
      case 'event':
        return this.step(message.event);
      case 'told':
        if (message.pauseMs !== null) this.limited(message.pauseMs);
        return this.step(message.event);
      case 'seed':
        return this.seed(message.tries);
      case 'seedFailed':
        this.refused(`stores: ${message.error}`);
        return this.context.timer('seed', backoffMs(this.options.retry, message.tries), {
          kind: 'seed',
          tries: message.tries + 1,
        });
      case 'seeded':
        return this.seeded(message.seeds);
      case 'adopt':
        return this.adopt(message.asset, message.by, message.reply);
      case 'due':
        this.dueAtMs = null;
        return this.step({ kind: 'due' });
      case 'tick':
        return this.line.tick();
      case 'announce':
        return this.announce();
      case 'deadMan':
        return this.armDeadMan();
    }
  }

  private verdict(verdict: Verdict): void {
    const admitted = admitVerdict(verdict, this.context.clock.nowMs());
    if (admitted === null || this.admission.onVerdict(admitted)) return;
    this.unsealed++;
    const { verdictId } = admitted;
    this.context.log.error({ verdictId }, 'an approval without the seal of the gate was ignored');
  }

  /** Obeyed at once, ahead of every order that waits in the mailbox; what may still fill is cancelled in the same turn. */
  halt(halt: HaltChanged): void {
    if (!this.context.isCurrent()) return;
    this.admission.onHalt(halt);
    this.step({ kind: 'halt', halt });
  }

  private submit(leg: SubmitLeg, traceId: string, answer: Answer): void {
    const refusal =
      accountRefusal(this.state, leg, this.nowMs()) ??
      (this.waiting.has(leg.clientOrderId) ? 'ORDER_ID_USED' : null) ??
      (this.validForMs() === null ? 'LEASE_NOT_HELD' : null) ??
      this.admission.admit(leg, this.context.clock.nowMs());
    if (refusal !== null) return this.block(leg, answer, refusal);
    this.submits.set(leg.clientOrderId, answer);
    this.traces.set(leg.clientOrderId, traceId);
    if (this.traces.size > MAX_TRACES) this.traces.delete(this.traces.keys().next().value!);
    const waitMs = leg.attempt > 0 ? this.options.policy.recoveryWaitMs : 0;
    this.write({ leg, answer, untilMs: this.nowMs() + waitMs });
  }

  private block(leg: SubmitLeg, answer: Answer, refusal: string): void {
    this.context.log.warn({ clientOrderId: leg.clientOrderId, refusal }, 'order blocked at the last gate');
    this.submits.delete(leg.clientOrderId);
    answer.resolve(refusedResult(leg, refusal, this.context.clock.nowMs()));
    this.step({ kind: 'blocked', leg, reason: refusal });
  }

  /** Let pass by the last gate and never sent: another recovery order may have its size. */
  private unsent({ leg, answer }: Waiting, reason: string): void {
    this.admission.onResult(refusedResult(leg, reason, this.context.clock.nowMs()));
    this.block(leg, answer, reason);
  }

  /** Ms that an order signed now may live, by the lease and by policy; null = the lease allows none. */
  private validForMs(): number | null {
    const { fence, policy } = this.options;
    const leftMs = fence.leftMs();
    if (leftMs === null) return null;
    const validMs = Math.floor(Math.min(policy.requestExpiryMs, leftMs - policy.leaseMarginMs));
    return validMs < policy.leastExpiryMs ? null : validMs;
  }

  /** Lease asked, signed and written in this turn; the machine learns of it in the same. */
  private write(waiting: Waiting): void {
    const { leg, untilMs } = waiting;
    const entry = this.options.connector.orders;
    const symbol = this.words.symbolOf(leg.instrument);
    const validForMs = this.validForMs();
    if (validForMs === null) return this.unsent(waiting, 'LEASE_NOT_HELD');
    if (symbol === null) return this.unsent(waiting, 'EXCHANGE_WRONG');
    if (this.admission.halted && !(leg.attempt > 0 && this.admission.mayRecoverHalted))
      return this.unsent(waiting, 'KILL_SWITCH');
    const { clientOrderId, side, quantity, limitPrice } = leg;
    const ticket = { clientOrderId, symbol, side, quantity, limitPrice };
    const sent = this.rest.write(entry.place(ticket), leg.attempt > 0 ? 'urgent' : 'normal', validForMs);
    if (typeof sent === 'number') return this.wait(waiting, sent, untilMs);
    const { skewMs, unfencedLifeMs } = this.options.policy;
    const lifeMs = this.isFenced ? validForMs + skewMs : unfencedLifeMs;
    this.step({ kind: 'sent', leg, goneAtMs: this.nowMs() + lifeMs });
    this.context.pipe(
      sent,
      (got) => this.placed(clientOrderId, entry.parsePlace(got, ticket), got),
      // Whatever went wrong on the way, the request may have arrived (R2).
      (error) => ({
        kind: 'event',
        event: {
          kind: 'placed',
          clientOrderId,
          word: { kind: 'unknown', reason: errorText(error).slice(0, 150) },
        },
      }),
    );
  }

  private placed(
    clientOrderId: string,
    answer: ReturnType<OrderGatewayOptions['connector']['orders']['parsePlace']>,
    got: ExchangeAnswer,
  ): OrderGatewayMessage {
    const event: GatewayEvent = { kind: 'placed', clientOrderId, word: this.words.placed(answer) };
    if (answer.kind === 'limited') return { kind: 'told', event, pauseMs: this.rest.limited(answer.pauseMs) };
    if (answer.kind !== 'rejected') return { kind: 'event', event };
    this.refused(`order: ${got.status} ${answer.code} ${answer.reason}`);
    const isOurs = answer.fault === 'account';
    return { kind: 'told', event, pauseMs: isOurs ? this.options.policy.accountPauseMs : null };
  }

  private wait(waiting: Waiting, delayMs: number, untilMs: number): void {
    const { clientOrderId } = waiting.leg;
    if (this.nowMs() + delayMs > untilMs) return this.unsent(waiting, 'RATE_BUDGET');
    this.waiting.set(clientOrderId, waiting);
    this.context.timer(`write ${clientOrderId}`, Math.ceil(delayMs), { kind: 'write', clientOrderId });
  }

  private writeWaiting(clientOrderId: string): void {
    const waiting = this.waiting.get(clientOrderId);
    this.waiting.delete(clientOrderId);
    if (waiting !== undefined) this.write(waiting);
  }

  private query(query: QueryOrder, answer: Answer): void {
    const { clientOrderId } = query;
    const asking = this.queries.get(clientOrderId) ?? [];
    this.queries.set(clientOrderId, [...asking, answer]);
    this.step({ kind: 'query', query });
  }

  private seed(tries: number): void {
    const { stores, halts } = this.options;
    const read = async (): Promise<Seeds> => {
      const [written, legs, holdings] = await Promise.all([
        stores.settings.get(KILL_SWITCH_KEY),
        stores.trades.openLegs(),
        stores.ledger.holdings(),
      ]);
      const isHere = ({ exchange }: { readonly exchange: string }) => exchange === this.exchange;
      const openLegs = legs.filter(isHere);
      const ids = [...new Set(openLegs.map(({ arbitrageId }) => arbitrageId))];
      const fills = (await stores.ledger.fillsOf(ids.slice(0, MAX_ARBITRAGES))).filter(isHere);
      const halt = halts.over(decodeKillSwitch(written));
      const bookedTrades = fills.map(({ tradeId }) => tradeId);
      return { openLegs, bookedTrades, holdings: holdings.filter(isHere), halt };
    };
    this.context.pipe(
      read(),
      (seeds) => ({ kind: 'seeded', seeds }),
      (error) => ({ kind: 'seedFailed', tries, error: errorText(error) }),
    );
  }

  private seeded({ openLegs, bookedTrades, holdings, halt }: Seeds): void {
    this.admission.onHalt(halt);
    // The ledger tells its balances again and again; what it has told meanwhile is newer.
    if (this.state.ledger === null) this.step({ kind: 'ledger', holdings });
    this.step({ kind: 'seeded', openLegs, bookedTrades, halt });
  }

  private adopt(asset: AssetId, by: string, reply: AdoptAnswer): void {
    const isThere = this.state.unexplained.has(asset);
    this.step({ kind: 'adopt', asset, by, flowId: this.context.ids.next('adopted') });
    reply.resolve(isThere);
  }

  private limited(pauseMs: number): void {
    if (pauseMs <= 0) return;
    const untilMs = this.nowMs() + pauseMs;
    this.step({ kind: 'pause', untilMs, reason: this.lastRefusal ?? 'the exchange wants silence' });
  }

  /** What repeats itself is written to the log once. */
  private refused(reason: string): void {
    if (reason === this.lastRefusal) return;
    this.lastRefusal = reason.slice(0, 200);
    this.context.log.warn({ exchange: this.exchange, reason: this.lastRefusal }, 'not answered as asked');
  }

  private step(event: GatewayEvent): void {
    const nowMs = this.nowMs();
    for (const effect of stepGateway(this.state, event, nowMs)) this.carryOut(effect);
    const due = dueMs(this.state, nowMs);
    if (due === null || due === this.dueAtMs) return;
    this.dueAtMs = due;
    this.context.timer('due', Math.max(0, due - nowMs), { kind: 'due' });
  }

  private carryOut(effect: GatewayEffect): void {
    switch (effect.kind) {
      case 'answer':
        return this.answer(effect);
      case 'tell':
        return this.tell(effect.result);
      case 'lookUp': {
        const askedAtMs = this.nowMs();
        const { clientOrderId } = effect.order;
        return this.hear(this.questions.lookUp(effect.order), (word) => ({
          kind: 'looked',
          clientOrderId,
          word,
          askedAtMs,
        }));
      }
      case 'cancel': {
        const { clientOrderId } = effect.order;
        return this.hear(this.questions.cancel(effect.order), (word) => ({
          kind: 'cancelled',
          clientOrderId,
          word,
        }));
      }
      case 'readFills': {
        const { clientOrderId } = effect;
        return this.hear(this.questions.fills(effect), (trades) => ({
          kind: 'fills',
          clientOrderId,
          trades,
        }));
      }
      case 'readOpenOrders': {
        const askedAtMs = this.nowMs();
        return this.hear(this.questions.openOrders(), (orders) => ({
          kind: 'openOrders',
          orders,
          askedAtMs,
        }));
      }
      case 'readBalances': {
        const askedAtMs = this.nowMs();
        const { epoch } = effect;
        return this.hear(this.questions.balances(), (balances) => ({
          kind: 'balances',
          balances,
          askedAtMs,
          epoch,
        }));
      }
      case 'readTransfers':
        return this.hear(this.questions.transfers(effect.sinceMs), (transfers) => ({
          kind: 'transfers',
          transfers,
        }));
      case 'hold':
        return this.publishHold(effect.asset, effect.held, effect.reason);
      case 'externalFlow':
        return this.publish('externalFlow', effect.flow, [], this.exchange);
      case 'alert':
        this.lastAlert = `${effect.code} ${effect.detail}`.slice(0, 300);
        return this.context.log.error({ exchange: this.exchange, ...effect }, 'account alert');
      case 'status':
        return this.publishStatus();
    }
  }

  private answer({ to, clientOrderId, result }: Extract<GatewayEffect, { kind: 'answer' }>): void {
    this.admission.onResult(result);
    if (to === 'submit') {
      this.submits.get(clientOrderId)?.resolve(result);
      this.submits.delete(clientOrderId);
      return;
    }
    for (const answer of this.queries.get(clientOrderId) ?? []) answer.resolve(result);
    this.queries.delete(clientOrderId);
  }

  private tell(result: LegResult): void {
    this.admission.onResult(result);
    const traceId = this.traces.get(result.clientOrderId) ?? result.arbitrageId;
    this.publish('legResult', result, [this.exchange], traceId);
  }

  /** Questions never reject: no answer is an answer. */
  private hear<T>(question: Promise<T>, toEvent: (value: T) => GatewayEvent): void {
    this.context.pipe(
      question,
      (value) => ({ kind: 'event', event: toEvent(value) }),
      (error) => {
        throw error;
      },
    );
  }

  private publish<K extends MessageKind>(
    kind: K,
    body: MessageOf<K>,
    tokens: readonly string[],
    traceId: string,
  ): void {
    try {
      this.options.bus.publish(subjectOf(kind, ...tokens), kind, body, { traceId });
    } catch (error) {
      // Whoever missed it asks, or hears it again with the next announcement.
      this.context.log.warn({ kind, error: errorText(error) }, 'could not publish');
    }
  }

  private publishHold(asset: AssetId | null, held: boolean, reason: string): void {
    const { exchange } = this;
    const source = asset === null ? `gateway-${exchange}` : `gateway-${exchange}-${asset}`;
    const scope = asset === null ? { exchange } : { exchange, asset };
    const body = { source, held, ...scope, reason: reason.slice(0, 300), atMs: this.context.clock.nowMs() };
    this.publish('riskHold', body, [], source);
  }

  private publishStatus(): void {
    this.publish('gatewayStatus', statusOf(this.state, this.nowMs()), [this.exchange], this.exchange);
  }

  /** Again and again, for who started later; and so that no hold of an incarnation before outlives it. */
  private announce(): void {
    const holds = holdsNow(this.state, this.nowMs());
    if (!holds.has(null)) this.publishHold(null, false, '');
    for (const [asset, reason] of holds) this.publishHold(asset, true, reason);
    this.publishStatus();
  }

  private armDeadMan(): void {
    const { policy, connector } = this.options;
    const { deadMan } = connector.orders;
    if (deadMan === null || policy.deadManMs === null || phaseOf(this.state, this.nowMs()) !== 'ready')
      return;
    this.context.pipe(
      this.rest.ask(deadMan.call(policy.deadManMs), 'normal', STOPPING_MS),
      (got) => this.armed(deadMan.parse(got).kind),
      (error) => this.armed(errorText(error)),
    );
  }

  private armed(outcome: string): OrderGatewayMessage {
    this.deadMan = { outcome: outcome.slice(0, 100), atMs: this.nowMs() };
    if (outcome !== 'accepted') this.refused(`dead-man switch: ${outcome}`);
    return { kind: 'tick' };
  }

  /** Switched off in order: it would cancel what the next one sends. */
  async stopping(reason: StopReason): Promise<void> {
    const { policy, connector } = this.options;
    const call = policy.deadManMs === null ? undefined : connector.orders.deadMan?.call(0);
    if (call === undefined || reason !== 'shutdown') return;
    await this.rest.ask(call, 'urgent', STOPPING_MS).catch((error: unknown) => {
      this.context.log.warn({ error: errorText(error) }, 'the dead-man switch was not switched off');
    });
  }

  summary() {
    const { phase, reasons, unexplained, counts, cleanAtMs, emptyAtMs } = statusOf(this.state, this.nowMs());
    return {
      exchange: this.exchange,
      mode: 'signed',
      phase,
      reasons,
      killSwitch: this.admission.halted ? 'engaged' : 'cleared',
      unexplained,
      ...counts,
      unsealed: this.unsealed,
      cleanAtMs,
      emptyAtMs,
      line: this.line.summary(),
      deadMan: this.deadMan,
      lastAlert: this.lastAlert,
      lastRefusal: this.lastRefusal,
    };
  }
}
