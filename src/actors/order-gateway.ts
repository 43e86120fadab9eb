import { phaseOf, statusOf } from '../execution/gateway/gateway-phase.js';
import type { GatewayEffect, GatewayEvent } from '../execution/gateway/gateway-state.js';
import { dueMs, stepGateway } from '../execution/gateway/gateway.js';
import { errorText } from '../messages/errors.js';
import type { LegResult, QueryOrder } from '../messages/order.js';
import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { HaltChanged, Verdict } from '../messages/risk.js';
import { admitVerdict } from '../risk/approval.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, StopReason } from '../runtime/actor.js';
import { backoffMs } from './backoff.js';
import { askFor, type QuestionEffect } from './gateway-questions.js';
import { readSeeds } from './gateway-seeds.js';
import type {
  AdoptAnswer,
  Answer,
  OrderGatewayMessage,
  OrderGatewayOptions,
  Seeds,
} from './order-gateway-messages.js';
import { gatewayPartsOf, type GatewayParts } from './order-gateway-parts.js';

/**
 * The order gateway of one exchange account. Every decision is `stepGateway`; this shell writes (`OrderWriter`), asks
 * (`AccountQuestions`), listens (`PrivateLine`, `OrderGatewayBus`) and keeps time.
 */
const MAILBOX = 8_192;
const HANDLER_TIMEOUT_MS = 5_000;
const TICK_MS = 250;
const ANNOUNCE_MS = 5_000;

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

class OrderGateway implements ActorBehaviour<OrderGatewayMessage> {
  private readonly options: OrderGatewayOptions;
  private readonly context: ActorContext<OrderGatewayMessage>;
  private readonly exchange: ExchangeId;
  private readonly parts: GatewayParts;
  /** Wall minus monotonic time when this incarnation began: what is measured here does not jump with the wall clock. */
  private readonly wallAheadMs: number;
  /** Who asked and has no answer yet, by client order id. */
  private readonly queries = new Map<string, Answer[]>();
  private dueAtMs: number | null = null;
  private unsealed = 0;
  private lastAlert: string | null = null;
  private lastRefusal: string | null = null;

  constructor(options: OrderGatewayOptions, context: ActorContext<OrderGatewayMessage>) {
    this.options = options;
    this.context = context;
    this.exchange = options.connector.exchange;
    this.wallAheadMs = context.clock.nowMs() - context.clock.monotonicMs();
    this.parts = gatewayPartsOf(options, context, {
      nowMs: () => this.nowMs(),
      step: (event) => this.step(event),
      limited: (pauseMs) => this.limited(pauseMs),
      refused: (reason) => this.refused(reason),
    });
  }

  private nowMs(): number {
    return this.wallAheadMs + this.context.clock.monotonicMs();
  }

  begin(): void {
    const { context } = this;
    // What was told between the reading above and this line has no gap to fall into: it is the same turn.
    context.onEnd(this.options.halts.onChange((halt) => this.halt(halt)));
    context.onEnd(() => this.parts.line.stop());
    this.parts.bus.listen();
    context.every('tick', TICK_MS, { kind: 'tick' });
    context.every('announce', ANNOUNCE_MS, { kind: 'announce' });
    this.parts.deadMan?.begin();
    this.waitForFormer();
    context.self.tell({ kind: 'seed', tries: 0 });
    context.self.tell({ kind: 'announce' });
    this.parts.line.start();
  }

  /** Where requests do not expire, what the former holder of the lease sent may come late (ACTORS §7.5): then it is compared. */
  private waitForFormer(): void {
    const { fence, policy, connector } = this.options;
    if (connector.capabilities.orders.requestExpiry.kind !== 'none') return;
    const waitMs = fence.formerMayActMs(policy.unfencedLifeMs);
    const reason = 'requests of the former holder of the lease may still arrive';
    if (waitMs > 0) this.step({ kind: 'pause', untilMs: this.nowMs() + waitMs, reason });
  }

  handle(message: OrderGatewayMessage): void {
    switch (message.kind) {
      case 'verdict':
        return this.verdict(message.verdict);
      case 'halt':
        return this.halt(message.halt);
      case 'submit':
        return this.parts.writer.submit(message.leg, message.traceId, message.answer);
      case 'write':
        return this.parts.writer.writeWaiting(message.clientOrderId);
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
      case 'ticket':
        return this.parts.line.ticket(message.attempt, message.answer);
      case 'due':
        this.dueAtMs = null;
        return this.step({ kind: 'due' });
      case 'tick':
        return this.tick();
      case 'announce':
        return this.parts.bus.announce(this.parts.state, this.nowMs());
      case 'deadMan':
        return this.armDeadMan();
    }
  }

  private tick(): void {
    this.parts.line.tick();
    // Whoever was told so, market data or a question: nothing leaves until then, and new risk is better refused than kept waiting.
    this.limited(this.parts.rest.blockedForMs());
  }

  private verdict(verdict: Verdict): void {
    const admitted = admitVerdict(verdict, this.context.clock.nowMs());
    if (admitted === null || this.parts.admission.onVerdict(admitted)) return;
    this.unsealed++;
    const { verdictId } = admitted;
    this.context.log.error({ verdictId }, 'an approval without the seal of the gate was ignored');
  }

  /** Obeyed at once, ahead of every order that waits in the mailbox; what may still fill is cancelled in the same turn. */
  halt(halt: HaltChanged): void {
    if (!this.context.isCurrent()) return;
    this.parts.admission.onHalt(halt);
    this.step({ kind: 'halt', halt });
  }

  private query(query: QueryOrder, answer: Answer): void {
    const { clientOrderId } = query;
    const asking = this.queries.get(clientOrderId) ?? [];
    this.queries.set(clientOrderId, [...asking, answer]);
    this.step({ kind: 'query', query });
  }

  private seed(tries: number): void {
    this.context.pipe(
      readSeeds(this.options, this.exchange),
      (seeds) => ({ kind: 'seeded', seeds }),
      (error) => ({ kind: 'seedFailed', tries, error: errorText(error) }),
    );
  }

  private seeded({ openLegs, bookedTrades, holdings, halt }: Seeds): void {
    this.parts.admission.onHalt(halt);
    // The ledger tells its balances again and again; what it has told meanwhile is newer.
    if (this.parts.state.ledger === null) this.step({ kind: 'ledger', holdings });
    this.step({ kind: 'seeded', openLegs, bookedTrades, halt });
  }

  private adopt(asset: AssetId, by: string, reply: AdoptAnswer): void {
    const isThere = this.parts.state.unexplained.has(asset);
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
    for (const effect of stepGateway(this.parts.state, event, nowMs)) this.carryOut(effect);
    const due = dueMs(this.parts.state, nowMs);
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
      case 'lookUp':
      case 'cancel':
      case 'readFills':
      case 'readOpenOrders':
      case 'readBalances':
      case 'readTransfers':
        return this.question(effect);
      case 'hold':
        return this.parts.bus.hold(effect.asset, effect.held, effect.reason);
      case 'externalFlow':
        return this.parts.bus.publish('externalFlow', effect.flow, [], this.exchange);
      case 'alert':
        this.lastAlert = `${effect.code} ${effect.detail}`.slice(0, 300);
        return this.context.log.error({ exchange: this.exchange, ...effect }, 'account alert');
      case 'status':
        return this.parts.bus.status(this.parts.state, this.nowMs());
    }
  }

  private question(effect: QuestionEffect): void {
    this.context.pipe(
      askFor(this.parts.questions, effect, this.nowMs()),
      (event) => ({ kind: 'event', event }),
      // Questions never reject: no answer is an answer.
      (error) => {
        throw error;
      },
    );
  }

  private answer({ to, clientOrderId, result }: Extract<GatewayEffect, { kind: 'answer' }>): void {
    this.parts.admission.onResult(result);
    if (to === 'submit') return this.parts.writer.answer(clientOrderId, result);
    for (const answer of this.queries.get(clientOrderId) ?? []) answer.resolve(result);
    this.queries.delete(clientOrderId);
  }

  private tell(result: LegResult): void {
    this.parts.admission.onResult(result);
    const traceId = this.parts.writer.traceOf(result.clientOrderId) ?? result.arbitrageId;
    this.parts.bus.publish('legResult', result, [this.exchange], traceId);
  }

  /** Only while all is well: an account that is not ready is better cancelled. */
  private armDeadMan(): void {
    if (phaseOf(this.parts.state, this.nowMs()) === 'ready') this.parts.deadMan?.arm();
  }

  async stopping(reason: StopReason): Promise<void> {
    await this.parts.deadMan?.stop(reason);
  }

  summary() {
    const { phase, reasons, unexplained, counts, cleanAtMs, emptyAtMs, equalAtMs } = statusOf(
      this.parts.state,
      this.nowMs(),
    );
    return {
      exchange: this.exchange,
      mode: 'signed',
      phase,
      reasons,
      killSwitch: this.parts.admission.halted ? 'engaged' : 'cleared',
      unexplained,
      ...counts,
      unsealed: this.unsealed,
      cleanAtMs,
      emptyAtMs,
      equalAtMs,
      line: this.parts.line.summary(),
      deadMan: this.parts.deadMan?.summary() ?? null,
      lastAlert: this.lastAlert,
      lastRefusal: this.lastRefusal,
    };
  }
}
