import { Decimal } from '../../src/market/decimal.js';
import { clientOrderIdOf } from '../../src/execution/client-order-id.js';
import { dueMs, stepGateway } from '../../src/execution/gateway/gateway.js';
import {
  startGateway,
  type GatewayEffect,
  type GatewayEvent,
  type GatewayState,
} from '../../src/execution/gateway/gateway-state.js';
import { fillEntry } from '../../src/execution/ledger.js';
import type { Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import { ModelExchange } from './model-exchange.js';

export const START_MS = 1_750_000_000_000;
export const HELD = [
  { asset: 'BTC', amount: '10' },
  { asset: 'ETH', amount: '100' },
  { asset: 'USDT', amount: '100000' },
];
export const MARKETS = ['alpha:BTC-USDT', 'alpha:ETH-USDT'];
export const TIMES = { reconcileEveryMs: 60_000, requestLifeMs: 1_250, pauseMs: 30_000 };

let arbitrages = 0;

export function legOf(changes: Partial<SubmitLeg> = {}): SubmitLeg {
  const arbitrageId = changes.arbitrageId ?? `arb-${++arbitrages}`;
  const attempt = changes.attempt ?? 0;
  return {
    clientOrderId: clientOrderIdOf(arbitrageId, 0, attempt),
    arbitrageId,
    legIndex: 0,
    attempt,
    verdictId: `v-${arbitrageId}`,
    nonce: 'ab'.repeat(16),
    verdictExpiresAtMs: START_MS + 1e9,
    instrument: 'alpha:BTC-USDT',
    exchange: 'alpha',
    side: 'buy',
    quantity: '0.5',
    limitPrice: '1000',
    timeInForce: 'IOC',
    decisionPrice: '1000',
    submittedAtMs: START_MS,
    ...changes,
  };
}

/** What an exchange does with one call or push; the default keeps every promise, in 20 ms each way. */
export interface Behaviour {
  /** Answer of a question: how long it takes, or null for none at all. */
  readonly questionMs?: (effect: GatewayEffect) => number | null;
}

export interface BenchOptions {
  /** What the ledger has at the start; without `exchange` also what is held there. */
  readonly held?: typeof HELD;
  readonly openLegs?: readonly SubmitLeg[];
  readonly bookedTrades?: readonly string[];
  readonly exchange?: ModelExchange;
  /** Nobody books what is told. */
  readonly sagaIsQuiet?: boolean;
}

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** One gateway machine, a model exchange and a ledger that books what is told, on a clock that only events move. */
export class GatewayBench {
  readonly exchange: ModelExchange;
  readonly state: GatewayState;
  readonly effects: GatewayEffect[] = [];
  readonly told: LegResult[] = [];
  readonly booked = new Map<string, Fill>();
  readonly ledger = new Map<string, Decimal>();
  nowMs = START_MS;
  /** While true no question is answered. */
  isDead = false;
  behaviour: Behaviour = {};
  /** Changes an answer before it is given; null = it never comes. */
  bend: (event: GatewayEvent) => GatewayEvent | null = (event) => event;
  private readonly queue: Pending[] = [];
  private count = 0;
  private readonly sagaIsQuiet: boolean;

  constructor(options: BenchOptions = {}) {
    this.sagaIsQuiet = options.sagaIsQuiet ?? false;
    const held = options.held ?? HELD;
    this.exchange = options.exchange ?? new ModelExchange(held);
    for (const { asset, amount } of held) this.ledger.set(asset, new Decimal(amount));
    this.state = startGateway({ exchange: 'alpha', instruments: MARKETS, times: TIMES, nowMs: this.nowMs });
    this.tell({ kind: 'stream', isUp: true, reason: '' });
    this.tellLedger();
    const { openLegs = [], bookedTrades = [] } = options;
    this.tell({ kind: 'seeded', openLegs, bookedTrades, halt: null });
  }

  tell(event: GatewayEvent): void {
    const effects = stepGateway(this.state, event, this.nowMs);
    this.effects.push(...effects);
    for (const effect of effects) this.carryOut(effect);
  }

  later(delayMs: number, run: () => void): void {
    this.queue.push({ atMs: this.nowMs + delayMs, order: this.count++, run });
  }

  /** Writes an order; what the exchange makes of it is up to the test. */
  send(leg: SubmitLeg, lifeMs = 1_250): void {
    this.tell({ kind: 'sent', leg, goneAtMs: this.nowMs + lifeMs });
  }

  /** Sends, and the exchange takes it and answers in full. */
  trade(leg: SubmitLeg, share = 1): void {
    this.send(leg);
    this.later(20, () => {
      const order = this.exchange.place(leg, this.nowMs, { share });
      this.later(20, () =>
        this.tell({
          kind: 'placed',
          clientOrderId: leg.clientOrderId,
          word: {
            kind: 'accepted',
            exchangeOrderId: order.exchangeOrderId,
            order: this.exchange.wordOf(order),
          },
        }),
      );
    });
  }

  run(forMs: number): this {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      this.queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const due = dueMs(this.state, this.nowMs);
      const next = this.queue[0];
      if (due !== null && due <= untilMs && (next === undefined || due < next.atMs)) {
        this.nowMs = Math.max(this.nowMs, due);
        this.tell({ kind: 'due' });
        continue;
      }
      if (next === undefined || next.atMs > untilMs) break;
      this.queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
    return this;
  }

  of<K extends GatewayEffect['kind']>(kind: K): Extract<GatewayEffect, { kind: K }>[] {
    return this.effects.filter((one): one is Extract<GatewayEffect, { kind: K }> => one.kind === kind);
  }

  alerts(): string[] {
    return this.of('alert').map(({ code }) => code);
  }

  lastOf(leg: SubmitLeg): LegResult | undefined {
    return this.told.filter(({ clientOrderId }) => clientOrderId === leg.clientOrderId).at(-1);
  }

  /** Assets that the exchange and the ledger disagree on. */
  wrong(): string[] {
    const assets = new Set([...this.exchange.balances.keys(), ...this.ledger.keys()]);
    return [...assets].filter(
      (asset) => !(this.exchange.balances.get(asset) ?? new Decimal(0)).eq(this.ledger.get(asset) ?? 0),
    );
  }

  private tellLedger(): void {
    const holdings = [...this.ledger].map(([asset, amount]) => ({ asset, amount: amount.toFixed() }));
    this.tell({ kind: 'ledger', holdings });
  }

  /** Saga and ledger in one: each fill is booked once, a little later. */
  private book(result: LegResult): void {
    this.told.push(result);
    for (const fill of this.sagaIsQuiet ? [] : result.fills) {
      if (this.booked.has(fill.tradeId)) continue;
      this.booked.set(fill.tradeId, fill);
      this.later(5, () => {
        for (const { account, asset, amount } of fillEntry(fill, 0).postings)
          if (account.startsWith('exchange:')) this.add(asset, amount);
        this.tellLedger();
        this.tell({ kind: 'booked', tradeId: fill.tradeId });
      });
    }
  }

  private add(asset: string, amount: string): void {
    this.ledger.set(asset, (this.ledger.get(asset) ?? new Decimal(0)).plus(amount));
  }

  private carryOut(effect: GatewayEffect): void {
    switch (effect.kind) {
      case 'tell':
        return this.book(effect.result);
      case 'externalFlow':
        return this.later(5, () => {
          this.add(effect.flow.asset, effect.flow.amount);
          this.tellLedger();
        });
      case 'lookUp':
      case 'cancel':
      case 'readFills':
      case 'readOpenOrders':
      case 'readBalances':
      case 'readTransfers':
        return this.question(effect);
      case 'answer':
      case 'hold':
      case 'alert':
      case 'status':
    }
  }

  private question(effect: GatewayEffect): void {
    const { questionMs = () => 40 } = this.behaviour;
    const takesMs = this.isDead ? null : questionMs(effect);
    const askedAtMs = this.nowMs;
    if (takesMs === null) {
      const silent = silence(effect, askedAtMs);
      return this.later(2_000, () => silent !== null && this.tell(silent));
    }
    this.later(takesMs / 2, () => {
      const event = this.bend(this.answerTo(effect, askedAtMs)!);
      this.later(takesMs / 2, () => event !== null && this.tell(event));
    });
  }

  private answerTo(effect: GatewayEffect, askedAtMs: number): GatewayEvent | null {
    const { exchange } = this;
    switch (effect.kind) {
      case 'lookUp': {
        const { clientOrderId } = effect.order;
        const order = exchange.orders.get(clientOrderId);
        const word =
          order === undefined
            ? ({ kind: 'notFound' } as const)
            : ({ kind: 'found', order: exchange.wordOf(order) } as const);
        return { kind: 'looked', clientOrderId, word, askedAtMs };
      }
      case 'cancel': {
        const { clientOrderId } = effect.order;
        return { kind: 'cancelled', clientOrderId, word: exchange.cancel(clientOrderId) };
      }
      case 'readFills':
        return {
          kind: 'fills',
          ...namesOf(effect),
          trades: exchange.tradesOf(effect.instrument, effect.exchangeOrderId),
          askedAtMs,
        };
      case 'readOpenOrders':
        return { kind: 'openOrders', orders: exchange.openOrders(), askedAtMs };
      case 'readBalances':
        return { kind: 'balances', balances: exchange.balanceWords(), askedAtMs, epoch: effect.epoch };
      case 'readTransfers':
        return { kind: 'transfers', transfers: exchange.transfers };
      default:
        return null;
    }
  }
}

const namesOf = ({ clientOrderId, instrument, sinceMs }: Extract<GatewayEffect, { kind: 'readFills' }>) => ({
  clientOrderId,
  instrument,
  sinceMs,
});

function silence(effect: GatewayEffect, askedAtMs: number): GatewayEvent | null {
  switch (effect.kind) {
    case 'lookUp': {
      const word = { kind: 'silent', reason: 'no answer' } as const;
      return { kind: 'looked', clientOrderId: effect.order.clientOrderId, word, askedAtMs };
    }
    case 'cancel':
      return { kind: 'cancelled', clientOrderId: effect.order.clientOrderId, word: 'failed' };
    case 'readFills':
      return { kind: 'fills', ...namesOf(effect), trades: null, askedAtMs };
    case 'readOpenOrders':
      return { kind: 'openOrders', orders: null, askedAtMs };
    case 'readBalances':
      return { kind: 'balances', balances: null, askedAtMs, epoch: effect.epoch };
    case 'readTransfers':
      return { kind: 'transfers', transfers: null };
    default:
      return null;
  }
}
