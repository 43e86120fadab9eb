import { isFenced } from '../connectors/order-capabilities.js';
import type { ExchangeAnswer, OrderEntry, PlaceAnswer } from '../connectors/order-entry.js';
import { accountRefusal } from '../execution/gateway/gateway-phase.js';
import type { GatewayEvent, GatewayState } from '../execution/gateway/gateway-state.js';
import type { OrderAdmission } from '../execution/order-admission.js';
import { refusedResult } from '../execution/paper-exchange.js';
import { errorText } from '../messages/errors.js';
import type { LegResult, SubmitLeg } from '../messages/order.js';
import type { ActorContext } from '../runtime/actor.js';
import type { AccountWords } from './account-words.js';
import type { Answer, OrderGatewayMessage, OrderGatewayOptions } from './order-gateway-messages.js';
import type { PrivateRest } from './private-rest.js';

const MAX_TRACES = 4_096;

export interface OrderWriterOptions {
  readonly gateway: OrderGatewayOptions;
  readonly context: ActorContext<OrderGatewayMessage>;
  readonly state: GatewayState;
  readonly admission: OrderAdmission;
  readonly words: AccountWords;
  readonly rest: PrivateRest;
  readonly nowMs: () => number;
  /** Into the machine, in this turn. */
  readonly step: (event: GatewayEvent) => void;
  /** The exchange refused, in its own words: for people. */
  readonly refused: (reason: string) => void;
}

interface Waiting {
  readonly leg: SubmitLeg;
  readonly answer: Answer;
  /** Of orders that wait for budget. */
  readonly untilMs: number;
}

/**
 * The one place where an order is signed and written. It leaves when verdict, kill switch, account and lease allow it in that very
 * turn, and the machine learns of it in the same; an order that ends a risk may wait a little for budget.
 */
export class OrderWriter {
  private readonly options: OrderWriterOptions;
  private readonly entry: OrderEntry;
  private readonly waiting = new Map<string, Waiting>();
  /** Who submitted and has no answer yet. */
  private readonly submits = new Map<string, Answer>();
  /** By client order id, newest last. */
  private readonly traces = new Map<string, string>();

  constructor(options: OrderWriterOptions) {
    this.options = options;
    this.entry = options.gateway.connector.orders;
  }

  submit(leg: SubmitLeg, traceId: string, answer: Answer): void {
    const { state, admission, nowMs, context, gateway } = this.options;
    const refusal =
      accountRefusal(state, leg, nowMs()) ??
      (this.waiting.has(leg.clientOrderId) ? 'ORDER_ID_USED' : null) ??
      (this.validForMs() === null ? 'LEASE_NOT_HELD' : null) ??
      admission.admit(leg, context.clock.nowMs());
    if (refusal !== null) return this.block(leg, answer, refusal);
    this.submits.set(leg.clientOrderId, answer);
    this.traces.set(leg.clientOrderId, traceId);
    if (this.traces.size > MAX_TRACES) this.traces.delete(this.traces.keys().next().value!);
    const waitMs = leg.attempt > 0 ? gateway.policy.recoveryWaitMs : 0;
    this.write({ leg, answer, untilMs: nowMs() + waitMs });
  }

  /** Budget for an order that waited may be there. */
  writeWaiting(clientOrderId: string): void {
    const waiting = this.waiting.get(clientOrderId);
    this.waiting.delete(clientOrderId);
    if (waiting !== undefined) this.write(waiting);
  }

  /** What became of it, to who submitted it; once. */
  answer(clientOrderId: string, result: LegResult): void {
    this.submits.get(clientOrderId)?.resolve(result);
    this.submits.delete(clientOrderId);
  }

  /** Under which an order was submitted; undefined for one of an earlier life. */
  traceOf(clientOrderId: string): string | undefined {
    return this.traces.get(clientOrderId);
  }

  private block(leg: SubmitLeg, answer: Answer, refusal: string): void {
    const { context, step } = this.options;
    context.log.warn({ clientOrderId: leg.clientOrderId, refusal }, 'order blocked at the last gate');
    this.submits.delete(leg.clientOrderId);
    answer.resolve(refusedResult(leg, refusal, context.clock.nowMs()));
    step({ kind: 'blocked', leg, reason: refusal });
  }

  /** Let pass by the last gate and never sent: another recovery order may have its size. */
  private unsent({ leg, answer }: Waiting, reason: string): void {
    const { admission, context } = this.options;
    admission.onResult(refusedResult(leg, reason, context.clock.nowMs()));
    this.block(leg, answer, reason);
  }

  /** Ms that an order signed now may live, by the lease and by policy; null = the lease allows none. */
  private validForMs(): number | null {
    const { fence, policy } = this.options.gateway;
    const leftMs = fence.leftMs();
    if (leftMs === null) return null;
    const validMs = Math.floor(Math.min(policy.requestExpiryMs, leftMs - policy.leaseMarginMs));
    return validMs < policy.leastExpiryMs ? null : validMs;
  }

  /** Lease asked, signed and written in this turn; the machine learns of it in the same. */
  private write(waiting: Waiting): void {
    const { admission, words, rest, step, nowMs, gateway } = this.options;
    const { leg } = waiting;
    const symbol = words.symbolOf(leg.instrument);
    const validForMs = this.validForMs();
    if (validForMs === null) return this.unsent(waiting, 'LEASE_NOT_HELD');
    if (symbol === null) return this.unsent(waiting, 'EXCHANGE_WRONG');
    if (admission.halted && !(leg.attempt > 0 && admission.mayRecoverHalted))
      return this.unsent(waiting, 'KILL_SWITCH');
    const { clientOrderId, side, quantity, limitPrice } = leg;
    const ticket = { clientOrderId, symbol, side, quantity, limitPrice };
    const sent = rest.write(this.entry.place(ticket), leg.attempt > 0 ? 'urgent' : 'normal', validForMs);
    if (typeof sent === 'number') return this.wait(waiting, sent);
    const { skewMs, unfencedLifeMs } = gateway.policy;
    const lifeMs = isFenced(gateway.connector.capabilities.orders) ? validForMs + skewMs : unfencedLifeMs;
    step({ kind: 'sent', leg, goneAtMs: nowMs() + lifeMs });
    this.hear(sent, clientOrderId, (got) => this.entry.parsePlace(got, ticket));
  }

  private hear(
    sent: Promise<ExchangeAnswer>,
    clientOrderId: string,
    parse: (got: ExchangeAnswer) => PlaceAnswer,
  ): void {
    this.options.context.pipe(
      sent,
      (got) => this.placed(clientOrderId, parse(got), got),
      // Whatever went wrong on the way, the request may have arrived (R2).
      (error) => {
        const word = { kind: 'unknown', reason: errorText(error).slice(0, 150) } as const;
        return { kind: 'event', event: { kind: 'placed', clientOrderId, word } };
      },
    );
  }

  private placed(clientOrderId: string, answer: PlaceAnswer, got: ExchangeAnswer): OrderGatewayMessage {
    const { words, rest, refused, gateway } = this.options;
    const event: GatewayEvent = { kind: 'placed', clientOrderId, word: words.placed(answer) };
    if (answer.kind === 'limited') return { kind: 'told', event, pauseMs: rest.limited(answer.pauseMs) };
    if (answer.kind !== 'rejected') return { kind: 'event', event };
    refused(`order: ${got.status} ${answer.code} ${answer.reason}`);
    const isOurs = answer.fault === 'account';
    return { kind: 'told', event, pauseMs: isOurs ? gateway.policy.accountPauseMs : null };
  }

  private wait(waiting: Waiting, delayMs: number): void {
    const { nowMs, context } = this.options;
    const { clientOrderId } = waiting.leg;
    if (nowMs() + delayMs > waiting.untilMs) return this.unsent(waiting, 'RATE_BUDGET');
    this.waiting.set(clientOrderId, waiting);
    context.timer(`write ${clientOrderId}`, Math.ceil(delayMs), { kind: 'write', clientOrderId });
  }
}
