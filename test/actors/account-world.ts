import { HaltMemory } from '../../src/actors/halt-memory.js';
import { ledgerActor, type LedgerMessage } from '../../src/actors/ledger.js';
import {
  ORDER_GATEWAY_POLICY,
  type OrderGatewayMessage,
  type OrderGatewayOptions,
  type OrderGatewayPolicy,
} from '../../src/actors/order-gateway-messages.js';
import { orderGatewayActor } from '../../src/actors/order-gateway.js';
import { TradeFence } from '../../src/actors/trade-fence.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Connector } from '../../src/connectors/base.js';
import { DEFAULT_LIMITER, RateLimiter } from '../../src/connectors/rate-limiter.js';
import { clientOrderIdOf } from '../../src/execution/client-order-id.js';
import type { MessageKind, MessageOf } from '../../src/messages/catalogue.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { ApprovedVerdict, HaltChanged } from '../../src/messages/risk.js';
import type { Stores } from '../../src/ports/stores.js';
import { clearedSwitch } from '../../src/risk/kill-switch.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { ModelExchange } from '../execution/model-exchange.js';
import { INSTRUMENTS, NOW, SEAL, sealed, signalOf } from '../risk/fixtures.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import { ScriptedAccount, scriptedEntry } from './scripted-account.js';

const HELD = [
  { asset: 'BTC', amount: '10' },
  { asset: 'ETH', amount: '100' },
  { asset: 'USDT', amount: '100000' },
];
const RETRY = { minMs: 100, maxMs: 2_000 };
const GATEWAY = '/gateway';
/** Over all worlds: no two of them share an order. */
let arbitrages = 0;

export interface AccountWorldOptions {
  readonly policy?: Partial<OrderGatewayPolicy>;
  readonly isFenced?: boolean;
  readonly openLegs?: readonly SubmitLeg[];
  readonly reads?: number;
}

/** The order gateway of exchange `alpha` with its ledger, on manual time, against a scripted account; the saga is the test. */
export class AccountWorld {
  readonly time = new ManualTime(NOW);
  readonly log = new KeptLog();
  readonly database = createMemoryDatabase();
  readonly storeFaults = noFaults();
  readonly fence = new TradeFence(this.time);
  readonly account = new ScriptedAccount(this.time, new ModelExchange(HELD));
  readonly seen: { kind: MessageKind; body: unknown }[] = [];
  bus!: InProcessBus;
  halts!: HaltMemory;
  stores!: Stores;
  private system!: ActorSystem;
  private gateway!: ActorDefinition<OrderGatewayMessage>;

  static async start(options: AccountWorldOptions = {}): Promise<AccountWorld> {
    const world = new AccountWorld();
    await world.open(options);
    return world;
  }

  /** Started and compared: new risk may be taken. */
  static async ready(options: AccountWorldOptions = {}): Promise<AccountWorld> {
    const world = await AccountWorld.start(options);
    await world.time.advance(2_000);
    return world;
  }

  private async open(options: AccountWorldOptions): Promise<void> {
    const { time, log } = this;
    const random = new SeededRandom('account');
    const ids = new TimeOrderedIds(time, random);
    this.stores = await openStores(
      { kind: 'memory', mode: 'PAPER', database: this.database, faults: this.storeFaults },
      { log, timers: time, clock: time },
    );
    this.bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
    this.halts = new HaltMemory(this.bus, clearedSwitch(0));
    const engine = new PlainEngine(time, () => undefined);
    this.system = new ActorSystem({ node: 'test', engine, clock: time, timers: time, random, ids, log });
    const subjects = {
      legResult: 'order.result.*',
      riskHold: 'risk.hold',
      gatewayStatus: 'gateway.status.*',
      externalFlow: 'ledger.external',
    } as const;
    for (const kind of ['legResult', 'riskHold', 'gatewayStatus', 'externalFlow'] as const)
      this.bus.subscribe(subjects[kind], kind, (d) => this.seen.push({ kind, body: d.message }));
    // The saga's part: each fill that is told is published for the ledger.
    this.bus.subscribe('order.result.*', 'legResult', ({ message, traceId }) => {
      for (const fill of message.fills) this.bus.publish('order.fill.alpha', 'fill', fill, { traceId });
    });
    this.holdLease(1e9);
    if (options.openLegs !== undefined) await this.journal(options.openLegs);
    const openings = HELD.map((one) => ({ ...one, exchange: 'alpha' }));
    await this.spawn<LedgerMessage>(
      '/ledger',
      ledgerActor({ bus: this.bus, store: this.stores.ledger, openings, retry: RETRY }),
    );
    this.gateway = orderGatewayActor(this.gatewayOptions(options));
    await this.spawn(GATEWAY, this.gateway);
  }

  private gatewayOptions(options: AccountWorldOptions): OrderGatewayOptions {
    const { time, bus, account, halts, fence, stores } = this;
    const window = (name: string, capacity: number) =>
      ({ kind: 'window', name, capacity, windowMs: 10_000 }) as const;
    const connector = {
      exchange: 'alpha',
      capabilities: {
        orders: { requestExpiry: { kind: options.isFenced === false ? 'none' : 'window' } },
        limits: {
          maxFrameBytes: 65_536,
          connects: window('connects', 100),
          clientMessages: window('messages', 100),
          subscriptions: null,
          topicsPerRequest: 10,
          topicsPerConnection: 10,
          lifetimeMs: null,
        },
      },
      orders: scriptedEntry,
    } as unknown as Connector & { orders: typeof scriptedEntry };
    return {
      ...{ bus, connector, halts, fence, stores, http: account, sockets: account, timers: time },
      endpoints: { websocketUrl: 'ws://alpha', restUrl: 'http://alpha', privateUrl: 'ws://alpha/private' },
      credentials: { apiKey: 'key', secret: 'secret', passphrase: null },
      instruments: INSTRUMENTS,
      limiter: new RateLimiter(scriptedEntry.limits, DEFAULT_LIMITER),
      admission: { recoveryWindowMs: 60_000, recoveryCollarBps: 500, recoverWhileHalted: false },
      seal: SEAL,
      assetOf: (ticker) => ticker,
      clockOffsetMs: () => 7,
      policy: { ...ORDER_GATEWAY_POLICY, pauseMs: 5_000, accountPauseMs: 5_000, ...options.policy },
      retry: RETRY,
    };
  }

  private async spawn<M>(path: string, definition: ActorDefinition<M>): Promise<void> {
    const outcome = this.system.spawn(path, definition);
    await this.time.settle();
    const started = await outcome;
    if (!started.ok) throw started.error;
  }

  async restartGateway(): Promise<void> {
    this.system.crash(GATEWAY, new Error('planted'));
    await this.time.settle();
    await this.spawn(GATEWAY, this.gateway);
  }

  async stopGateway(): Promise<void> {
    const stopping = this.system.stop(GATEWAY, 'shutdown', 5_000);
    await this.time.advance(2_000);
    await stopping;
  }

  holdLease(forMs: number): void {
    const { monotonicMs, wallMs } = this.fence.now();
    this.fence.hold(1, { monotonicMs, wallMs }, { monotonicMs: monotonicMs + forMs, wallMs: wallMs + forMs });
  }

  /** An approval of one buy and one sell as the gate publishes it, and its first leg. */
  approve(changes: Partial<SubmitLeg> = {}): SubmitLeg {
    const id = `v-${++arbitrages}`;
    const nowMs = this.time.nowMs();
    const quantity = changes.quantity ?? '0.5';
    const signal = signalOf({ id, quantity }, { detectedAtMs: nowMs, expiresAtMs: nowMs + 1_000 });
    const verdict: ApprovedVerdict = sealed({
      verdictId: id,
      signalId: id,
      opportunityId: `o-${id}`,
      decidedAtMs: nowMs,
      decision: 'approved',
      signal,
      expiresAtMs: nowMs + 1_000,
      nonce: 'ab'.repeat(16),
    });
    this.bus.publish('risk.verdict.approved', 'verdict', verdict, { traceId: id });
    const arbitrageId = `arb-${id}`;
    const attempt = changes.attempt ?? 0;
    return {
      clientOrderId: clientOrderIdOf(arbitrageId, 0, attempt),
      arbitrageId,
      legIndex: 0,
      attempt,
      verdictId: id,
      nonce: verdict.nonce,
      verdictExpiresAtMs: verdict.expiresAtMs,
      instrument: 'alpha:BTC-USDT',
      exchange: 'alpha',
      side: 'buy',
      quantity,
      limitPrice: '1000',
      timeInForce: 'IOC',
      decisionPrice: '1000',
      submittedAtMs: nowMs,
      ...changes,
    };
  }

  /** The answer to a submitted leg, or the code of the error. */
  submit(leg: SubmitLeg, timeoutMs = 2_000): Promise<LegResult | string> {
    return this.bus
      .request('order.submit.alpha', 'submitLeg', leg, 'legResult', { traceId: leg.arbitrageId, timeoutMs })
      .catch((error: unknown) => (error instanceof ArbotError ? error.code : String(error)));
  }

  query({
    clientOrderId,
    arbitrageId,
    legIndex,
    instrument,
    exchange,
  }: SubmitLeg): Promise<LegResult | string> {
    const body = { clientOrderId, arbitrageId, legIndex, instrument, exchange, askedAtMs: this.time.nowMs() };
    return this.bus
      .request('order.query.alpha', 'queryOrder', body, 'legResult', {
        traceId: arbitrageId,
        timeoutMs: 2_000,
      })
      .catch((error: unknown) => (error instanceof ArbotError ? error.code : String(error)));
  }

  /** Submits and lets time pass until it is answered. */
  async trade(leg: SubmitLeg = this.approve(), forMs = 3_000): Promise<LegResult | string> {
    const answer = this.submit(leg);
    await this.time.advance(forMs);
    return answer;
  }

  halt(changes: Partial<HaltChanged> = {}): HaltChanged {
    return { engaged: true, reason: 'test', by: 'person', atMs: this.time.nowMs(), ...changes };
  }

  async journal(legs: readonly SubmitLeg[]): Promise<void> {
    const claim = {
      resource: 'trade',
      holder: 'test',
      nonce: '1'.repeat(32),
      ttlMs: 1e6,
      maxExpiryMs: 0,
      succeeds: false,
    };
    const { lease } = await this.stores.leases.acquire(claim);
    for (const leg of legs) await this.stores.trades.journalLegs([leg], lease.fence);
  }

  adopt(asset: string): Promise<boolean> {
    const address = this.system.address<OrderGatewayMessage>(GATEWAY);
    return this.system.ask<OrderGatewayMessage, boolean>(
      address,
      (reply) => ({ kind: 'adopt', asset, by: 'test', reply }),
      1_000,
    );
  }

  of<K extends MessageKind>(kind: K): MessageOf<K>[] {
    return this.seen.filter((s) => s.kind === kind).map((s) => s.body as MessageOf<K>);
  }

  lastOf(leg: SubmitLeg): LegResult | undefined {
    return this.of('legResult')
      .filter(({ clientOrderId }) => clientOrderId === leg.clientOrderId)
      .at(-1);
  }

  summary(): Record<string, unknown> {
    return { ...this.system.inspect(GATEWAY)?.summary };
  }

  /** Assets that the exchange and the ledger's store disagree on. */
  async wrong(): Promise<string[]> {
    const holdings = await this.stores.ledger.holdings();
    return holdings
      .filter(({ asset, amount }) => !(this.account.model.balances.get(asset)?.eq(amount) ?? false))
      .map(({ asset }) => asset);
  }
}
