import { OrderAdmission, type AdmissionLimits } from '../execution/order-admission.js';
import {
  latencyMs,
  refusedResult,
  type PaperFaults,
  type PaperLatency,
} from '../execution/paper-exchange.js';
import { PaperVenue } from '../execution/paper-venue.js';
import { ORDER_NOT_FOUND } from '../execution/inquiry.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { subjectOf } from '../messages/catalogue.js';
import { ArbotError, errorText, invariant } from '../messages/errors.js';
import type { LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { HaltChanged, Verdict } from '../messages/risk.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { Random } from '../ports/random.js';
import type { LedgerStore, SettingsStore } from '../ports/stores.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import { admitVerdict } from '../risk/approval.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../risk/kill-switch.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { arrivalBookOf, feeCoinPriceOf } from './board-reading.js';
import type { HaltMemory } from './halt-memory.js';
import type { TradeFence } from './trade-fence.js';

/**
 * The order gateway of one exchange in paper mode: the same last gate as a real one (verdict, nonce, expiry, kill switch),
 * then a way there, matching on the book in force at ARRIVAL, and a way back. An order id is taken once for ever; a
 * question is answered from what happened, and an order never seen is ORDER_NOT_FOUND.
 */
export interface PaperGatewayOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly exchange: ExchangeId;
  readonly instruments: readonly Instrument[];
  readonly ledger: LedgerStore;
  readonly settings: SettingsStore;
  /** What this process knows of the kill switch whatever became of the store. */
  readonly halts: HaltMemory;
  /** One way; the answer takes as long again on its own draw. */
  readonly latency: PaperLatency;
  readonly faults: PaperFaults;
  readonly admission: AdmissionLimits;
  readonly seal: VerdictSeal;
  /** Asked once more in the turn in which an order leaves. */
  readonly fence: Pick<TradeFence, 'current'>;
  /** Seeded for a run that repeats; absent = the runtime's. */
  readonly random?: Random;
}

export type PaperGatewayMessage =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  | { readonly kind: 'submit'; readonly leg: SubmitLeg; readonly traceId: string; readonly answer: Answer }
  | { readonly kind: 'query'; readonly query: QueryOrder; readonly answer: Answer }
  | { readonly kind: 'arrive'; readonly clientOrderId: string }
  | { readonly kind: 'acknowledge'; readonly clientOrderId: string };

interface Answer {
  resolve(result: LegResult): void;
  reject(error: Error): void;
}

interface OnItsWay {
  readonly leg: SubmitLeg;
  readonly traceId: string;
  readonly answer: Answer;
}

const MAILBOX = 4_096;
const MAX_ON_THE_WAY = 512;
const HANDLER_TIMEOUT_MS = 5_000;

export function paperGatewayActor(options: PaperGatewayOptions): ActorDefinition<PaperGatewayMessage> {
  // As long as the process lives, as an exchange does; each incarnation of the gateway speaks for the same one.
  const venue = new PaperVenue(options.faults);
  return {
    kind: 'gateway',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => createGateway(options, venue, context),
  };
}

async function createGateway(
  options: PaperGatewayOptions,
  venue: PaperVenue,
  context: ActorContext<PaperGatewayMessage>,
): Promise<ActorBehaviour<PaperGatewayMessage>> {
  let gateway: PaperGateway | null = null;
  // Before the switch is read, so that no change of it falls in between; once there, ahead of all that waits.
  const unsubscribe = options.halts.onChange((halt) => {
    if (gateway === null) context.self.tell({ kind: 'halt', halt });
    else gateway.halt(halt);
  });
  context.onEnd(unsubscribe);
  const written = decodeKillSwitch(await options.settings.get(KILL_SWITCH_KEY));
  const holdings = venue.isOpen ? [] : await options.ledger.holdings();
  context.assertCurrent();
  venue.open(
    options.instruments,
    holdings.filter((held) => held.exchange === options.exchange),
  );
  const admission = new OrderAdmission(options.admission, options.seal, options.halts.over(written));
  gateway = new PaperGateway(options, context, venue, admission);
  gateway.subscribe();
  return gateway;
}

class PaperGateway implements ActorBehaviour<PaperGatewayMessage> {
  private readonly options: PaperGatewayOptions;
  private readonly context: ActorContext<PaperGatewayMessage>;
  private readonly venue: PaperVenue;
  private readonly admission: OrderAdmission;
  private readonly random: Random;
  /** Sent and not yet matched. */
  private readonly travelling = new Map<string, OnItsWay>();
  /** Matched, answer on its way back. */
  private readonly returning = new Map<string, OnItsWay>();
  private readonly counts = { accepted: 0, blocked: 0, fills: 0, rejected: 0, queries: 0, unsealed: 0 };

  constructor(
    options: PaperGatewayOptions,
    context: ActorContext<PaperGatewayMessage>,
    venue: PaperVenue,
    admission: OrderAdmission,
  ) {
    this.options = options;
    this.context = context;
    this.venue = venue;
    this.admission = admission;
    this.random = options.random ?? context.random;
  }

  subscribe(): void {
    const { bus, exchange } = this.options;
    const on = (subscription: Subscription) => this.context.onEnd(() => subscription.unsubscribe());
    const { self } = this.context;
    on(
      // The exchange's own rules are those of today, whatever was known when this gateway started.
      bus.subscribe(subjectOf('instrumentStateChanged', exchange), 'instrumentStateChanged', () =>
        this.venue.open(this.options.instruments, []),
      ),
    );
    on(
      bus.subscribe(
        'risk.verdict.approved',
        'verdict',
        (d) => void self.tell({ kind: 'verdict', verdict: d.message }),
      ),
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

  /** Obeyed at once, ahead of every order that waits in the mailbox. */
  halt(halt: HaltChanged): void {
    this.admission.onHalt(halt);
  }

  private ask(build: (answer: Answer) => PaperGatewayMessage): Promise<LegResult> {
    return new Promise((resolve, reject) => {
      const told = this.context.self.tell(build({ resolve, reject }));
      if (told === 'full' || told === 'dead')
        reject(new ArbotError('ARB_MAILBOX_FULL', `the ${this.options.exchange} gateway cannot take this`));
    });
  }

  handle(message: PaperGatewayMessage): void {
    switch (message.kind) {
      case 'verdict': {
        const admitted = admitVerdict(message.verdict, this.context.clock.nowMs());
        if (admitted === null || this.admission.onVerdict(admitted)) return;
        this.counts.unsealed++;
        const { verdictId } = admitted;
        return this.context.log.error({ verdictId }, 'an approval without the seal of the gate was ignored');
      }
      case 'halt':
        return this.halt(message.halt);
      case 'submit':
        return this.submit(message);
      case 'query':
        return this.query(message.query, message.answer);
      case 'arrive':
        return this.arrive(message.clientOrderId);
      case 'acknowledge':
        return this.acknowledge(message.clientOrderId);
    }
  }

  private submit(order: OnItsWay): void {
    const { leg, answer } = order;
    const nowMs = this.context.clock.nowMs();
    const refusal = this.refusalOf(leg, nowMs);
    if (refusal !== null) {
      this.counts.blocked++;
      this.context.log.warn({ clientOrderId: leg.clientOrderId, refusal }, 'order blocked at the last gate');
      return answer.resolve(refusedResult(leg, refusal, nowMs));
    }
    this.counts.accepted++;
    this.travelling.set(leg.clientOrderId, order);
    const { clientOrderId } = leg;
    this.context.timer(`arrive ${clientOrderId}`, this.drawLatency(), { kind: 'arrive', clientOrderId });
  }

  private refusalOf(leg: SubmitLeg, nowMs: number): string | null {
    const id = leg.clientOrderId;
    if (leg.exchange !== this.options.exchange) return 'EXCHANGE_WRONG';
    if (this.travelling.has(id) || this.venue.resultOf(id) !== undefined) return 'ORDER_ID_USED';
    if (this.travelling.size >= MAX_ON_THE_WAY) return 'TOO_MANY_ORDERS';
    if (this.options.fence.current() === null) return 'LEASE_NOT_HELD';
    return this.admission.admit(leg, nowMs);
  }

  private arrive(clientOrderId: string): void {
    const order = this.travelling.get(clientOrderId);
    if (order === undefined) return;
    this.travelling.delete(clientOrderId);
    const { leg } = order;
    const result = this.venue.execute({
      leg,
      book: arrivalBookOf(this.options.board, leg.instrument),
      feeCoinPrice: feeCoinPriceOf(this.options.board, this.options.instruments, leg.instrument),
      draws: { reject: this.random.next(), thin: this.random.next(), share: this.random.next() },
      nextTradeId: () => this.context.ids.next('paper'),
      nowMs: this.context.clock.nowMs(),
    });
    invariant(result !== null, 'a gateway runs only on an open venue');
    this.counts.fills += result.fills.length;
    if (result.status === 'rejected') this.counts.rejected++;
    this.admission.onResult(result);
    this.returning.set(clientOrderId, order);
    const back = this.drawLatency();
    this.context.timer(`acknowledge ${clientOrderId}`, back, { kind: 'acknowledge', clientOrderId });
  }

  /** The answer to who sent it, and the same as an event for all who count orders in flight. */
  private acknowledge(clientOrderId: string): void {
    const order = this.returning.get(clientOrderId);
    const result = this.venue.resultOf(clientOrderId);
    this.returning.delete(clientOrderId);
    if (order === undefined || result === undefined) return;
    order.answer.resolve(result);
    try {
      this.options.bus.publish(subjectOf('legResult', this.options.exchange), 'legResult', result, {
        traceId: order.traceId,
      });
    } catch (error) {
      // The answer above went out; whoever missed the event asks.
      this.context.log.warn({ clientOrderId, error: errorText(error) }, 'order result not published');
    }
  }

  private query(query: QueryOrder, answer: Answer): void {
    this.counts.queries++;
    const known = this.venue.resultOf(query.clientOrderId);
    const onItsWay = this.travelling.has(query.clientOrderId);
    answer.resolve(known ?? this.unknown(query, onItsWay ? 'ORDER_OPEN' : ORDER_NOT_FOUND));
  }

  private unknown(query: QueryOrder, reason: string): LegResult {
    return {
      clientOrderId: query.clientOrderId,
      arbitrageId: query.arbitrageId,
      legIndex: query.legIndex,
      status: 'unknown',
      filledQuantity: '0',
      averagePrice: null,
      fills: [],
      reason,
      acknowledgedAtMs: this.context.clock.nowMs(),
    };
  }

  private drawLatency(): number {
    return latencyMs(this.options.latency, this.random.next(), this.random.next());
  }

  summary() {
    return {
      exchange: this.options.exchange,
      mode: 'paper',
      killSwitch: this.admission.halted ? 'engaged' : 'cleared',
      travelling: this.travelling.size,
      ...this.counts,
    };
  }
}
