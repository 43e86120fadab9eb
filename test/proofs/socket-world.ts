import { HaltMemory } from '../../src/actors/halt-memory.js';
import { ledgerActor, type LedgerMessage } from '../../src/actors/ledger.js';
import {
  ORDER_GATEWAY_POLICY,
  type OrderGatewayMessage,
  type OrderGatewayOptions,
  type OrderGatewayPolicy,
} from '../../src/actors/order-gateway-messages.js';
import { orderGatewayActor } from '../../src/actors/order-gateway.js';
import { tradeLeaseActor, type LeaseTimes, type TradeLeaseMessage } from '../../src/actors/trade-lease.js';
import { TradeFence } from '../../src/actors/trade-fence.js';
import type { BusOptions } from '../../src/cluster/bus-options.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Connector } from '../../src/connectors/base.js';
import type { Credentials } from '../../src/connectors/order-entry.js';
import { restLimiterOf } from '../../src/connectors/limit-answers.js';
import type { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { clientOrderIdOf } from '../../src/execution/client-order-id.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { PairId, Side } from '../../src/messages/primitives.js';
import type { ApprovedVerdict } from '../../src/messages/risk.js';
import type { Bus } from '../../src/ports/bus.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/ports/network.js';
import type { Stores } from '../../src/ports/stores.js';
import { tasks } from '../../src/modes/compute-tasks.js';
import { connectorOf } from '../../src/modes/connectors.js';
import { Governor } from '../../src/modes/governor.js';
import { loadAllMarkets } from '../../src/modes/instruments.js';
import { clearedSwitch } from '../../src/risk/kill-switch.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { ScaledTime } from '../../src/runtime/platform/clock.js';
import { InlineCompute } from '../../src/runtime/platform/compute.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { ActorSystem } from '../../src/runtime/system.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../../src/simulator/server.js';
import type { TradingExchange } from '../../src/simulator/trading/desk-rules.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { sealed, signalOf, SEAL } from '../risk/fixtures.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';

/**
 * The order gateways of several accounts with their ledger, over real sockets, in front of simulated exchanges. Verdicts and legs are
 * the test's: it stands where gate and saga do. Time may run faster than the machine's; then every wait of the exchanges, the
 * gateways and the HTTP client is shortened alike.
 */

/** Every exchange that takes signed orders. */
export type ProofExchange = TradingExchange;
/** Those of a world that names none. */
export const PROOF_EXCHANGES: readonly ProofExchange[] = ['binance', 'okx', 'bybit', 'upbit'];
/** Those that have proofs of their own. */
export const NEWER_EXCHANGES = ['bithumb', 'bitget'] as const;
const isWon = (exchange: ProofExchange): boolean => exchange === 'upbit' || exchange === 'bithumb';

/** Where requests carry an expiry that the exchange obeys (PROTOCOLS §2). */
export const FENCED: readonly ProofExchange[] = ['binance', 'okx', 'bybit', 'kucoin', 'gate'];

const PAIRS: readonly PairId[] = ['BTC-USDT', 'BTC-KRW'];
const RETRY = { minMs: 100, maxMs: 2_000 };
/** A tenth of what a question may take at the least: an answer that is late is the exchange's doing, not the machine's. */
const TOLERATED_MS = 500;
const held = (quote: string, amount: string) => [
  { asset: 'BTC', amount: '1000' },
  { asset: quote, amount },
];
/** What each account holds at the start: more than a proof can spend. */
export const heldOn = (exchange: ProofExchange) =>
  isWon(exchange) ? held('KRW', '100000000000') : held('USDT', '100000000');

export interface SocketWorldOptions {
  readonly seed: number;
  /** How much faster than real time at most; 1 = real time. Above 1 time slows down where the machine cannot follow. */
  readonly factor?: number;
  readonly exchanges?: readonly ProofExchange[];
  readonly policy?: Partial<OrderGatewayPolicy>;
  /** Connections of the HTTP client per exchange; absent = as in production. */
  readonly connections?: number;
  /** Other stores than those in memory; closed by whoever hands them in. */
  readonly stores?: Stores;
  /** Another bus than one of this process; closed with the world. */
  readonly openBus?: (ports: BusOptions) => Promise<Bus>;
  /** Exchanges of another process; their records and prices are not seen here. */
  readonly remote?: RemoteExchanges;
  /** Under the real lease instead of one that is always held. */
  readonly lease?: LeaseTimes;
  /** Breaks a connector, to see who notices. */
  readonly tamper?: (connector: Connector) => Connector;
  /** Another limiter than the exchange's own. */
  readonly limiterOf?: (connector: Connector) => RateLimiter;
  /** Between the signing of a request and the moment in which it is written, ms: the way through a machine that is busy. */
  readonly writeDelayMs?: () => number;
}

/** What has to be known of exchanges in another process. */
export type RemoteExchanges = Readonly<
  Partial<
    Record<ProofExchange, { ws: string; rest: string; credentials: Credentials; bid: string; ask: string }>
  >
>;

/** Shortens timeouts as the clock is shortened: the client itself knows only real time. */
export class ScaledHttp implements HttpClient {
  readonly inner: UndiciHttpClient;
  /** What goes wrong before a request leaves this machine; null = nothing. */
  failure: ((request: HttpRequest) => string | null) | null = null;
  private readonly time: { readonly factor: number };
  private readonly writeDelayMs: (() => number) | undefined;

  /** `time`: whose factor counts, where it changes. */
  constructor(
    {
      factor = 1,
      connections,
      writeDelayMs,
    }: Pick<SocketWorldOptions, 'factor' | 'connections' | 'writeDelayMs'>,
    time: { readonly factor: number } = { factor },
  ) {
    this.inner = new UndiciHttpClient(connections === undefined ? {} : { connections });
    this.time = time;
    this.writeDelayMs = writeDelayMs;
  }

  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    const failure = this.failure?.(request) ?? null;
    if (failure !== null) throw new ArbotError('ARB_HTTP_FAILED', failure, { retryable: true });
    const delayMs = this.writeDelayMs?.() ?? 0;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs / this.time.factor));
    return this.inner.request({ ...request, timeoutMs: request.timeoutMs / this.time.factor }, signal);
  }
}

/** The exchange's own paths behind a simulated one. */
export function connectorAt(
  exchange: ProofExchange,
  at: { readonly ws: string; readonly rest: string },
): Connector {
  const { websocketUrl, privateUrl } = connectorOf(exchange, {}).endpoints;
  const behind = (url: string) => at.ws + new URL(url).pathname;
  return connectorOf(exchange, {
    websocketUrl: behind(websocketUrl),
    restUrl: at.rest,
    ...(privateUrl !== undefined && { privateUrl: behind(privateUrl) }),
  });
}

/** One order as it was asked for. */
export interface Ask {
  readonly exchange: ProofExchange;
  readonly side?: Side;
  readonly quantity?: string;
  /** Worse than the best opposite price by so much: above 0 it fills, below 0 it rests or ends unfilled. Basis points. */
  readonly throughBps?: number;
  readonly attempt?: number;
}

let worlds = 0;

export class SocketWorld {
  readonly time: ScaledTime;
  readonly log = new KeptLog();
  readonly fence: TradeFence;
  readonly storeFaults = noFaults();
  readonly exchanges: readonly ProofExchange[];
  /** Newest result of each order that was told or answered. */
  readonly results = new Map<string, LegResult>();
  readonly legs = new Map<string, SubmitLeg>();
  bus!: Bus;
  halts!: HaltMemory;
  stores!: Stores;
  simulated!: SimulatedExchanges;
  system!: ActorSystem;
  instruments: readonly Instrument[] = [];
  http!: ScaledHttp;
  private readonly gateways = new Map<ProofExchange, ActorDefinition<OrderGatewayMessage>>();
  private readonly name = `w${++worlds}`;
  private verdicts = 0;
  private readonly options: SocketWorldOptions;

  private readonly governor: Governor;

  private constructor(options: SocketWorldOptions) {
    const real = new RealTime();
    const { factor = 1 } = options;
    this.options = options;
    this.exchanges = options.exchanges ?? PROOF_EXCHANGES;
    this.time = new ScaledTime({ clock: real, timers: real, factor: 1 });
    this.fence = new TradeFence(this.time);
    this.governor = new Governor({
      ...{ machine: real, stores: null, maxFactor: factor, toleratedMs: TOLERATED_MS },
      setFactor: (wanted) => this.time.setFactor(wanted),
    });
    if (factor > 1) this.governor.start();
  }

  /** How much faster than real time it runs now, and did at the slowest. */
  pace(): { readonly factor: number; readonly slowest: number } {
    return this.governor.state();
  }

  static async start(options: SocketWorldOptions): Promise<SocketWorld> {
    const world = new SocketWorld(options);
    await world.open();
    return world;
  }

  private async open(): Promise<void> {
    const { time, log, options } = this;
    const random = new SeededRandom(`proof ${options.seed}`);
    const ids = new TimeOrderedIds(time, random);
    if (options.remote === undefined) this.simulated = await this.openExchanges();
    this.stores = options.stores ?? (await this.openMemory());
    const ports = { clock: time, timers: time, ids, log, sender: 'proof' };
    this.bus = (await options.openBus?.(ports)) ?? new InProcessBus(ports);
    this.halts = new HaltMemory(this.bus, clearedSwitch(0));
    this.http = new ScaledHttp(options, this.time);
    const engine = new NactEngine((actor, error) => log.error({ actor, error }, 'nact fault'));
    this.system = new ActorSystem({ node: 'proof', engine, clock: time, timers: time, random, ids, log });
    this.listen();
    if (options.lease === undefined) this.holdLease(1e9);
    else await this.keepLease(options.lease);
    const endpoints = options.remote ?? this.simulated.endpoints;
    const { tamper = (one: Connector) => one } = options;
    const connectors = this.exchanges.map((one) => tamper(connectorAt(one, endpoints[one]!)));
    const { loaded } = await loadAllMarkets(connectors, this.loading(), { withinMs: 60_000, pauseMs: 500 });
    this.instruments = loaded.flatMap(({ instruments }) => instruments);
    const openings = this.exchanges.flatMap((exchange) =>
      heldOn(exchange).map((one) => ({ ...one, exchange })),
    );
    const { bus, stores } = this;
    await this.spawn<LedgerMessage>(
      '/ledger',
      ledgerActor({ bus, store: stores.ledger, openings, retry: RETRY }),
    );
    for (const connector of connectors) {
      const exchange = connector.exchange as ProofExchange;
      this.gateways.set(exchange, orderGatewayActor(this.gatewayOptions(connector)));
      await this.startGateway(exchange);
    }
  }

  private async openExchanges(): Promise<SimulatedExchanges> {
    const { time, log, options, exchanges } = this;
    const simulated = await startSimulatedExchanges({
      ...{ seed: options.seed, clock: time, timers: time, log, exchanges, plants: NO_PLANTS },
      pairs: PAIRS.filter((pair) => exchanges.some((one) => pair.endsWith('KRW') === isWon(one))),
    });
    for (const exchange of exchanges) simulated.accounts[exchange]!.open(heldOn(exchange));
    return simulated;
  }

  private keepLease(times: LeaseTimes): Promise<void> {
    const { bus, fence, time: timers, stores } = this;
    const own = { holder: 'first', nonce: '1'.repeat(32), times };
    return this.spawn<TradeLeaseMessage>(
      '/lease',
      tradeLeaseActor({ bus, leases: stores.leases, fence, timers, ...own }),
    );
  }

  private openMemory(): Promise<Stores> {
    const { time, log, storeFaults } = this;
    const database = createMemoryDatabase();
    const ports = { log, timers: time, clock: time };
    return openStores({ kind: 'memory', mode: 'SIMULATED', database, faults: storeFaults }, ports);
  }

  private loading() {
    const { time, log } = this;
    const compute = new InlineCompute(tasks);
    return {
      ...{ http: this.http, time, log, compute, adjust: (one: Instrument) => one },
      wanted: { by: 'pair' as const, pairs: PAIRS },
    };
  }

  /** The saga's part: what a gateway tells of an order is kept, and its fills are published for the ledger. */
  private listen(): void {
    this.bus.subscribe('order.result.*', 'legResult', ({ message, traceId }) => {
      this.results.set(message.clientOrderId, message);
      const exchange = this.legs.get(message.clientOrderId)?.exchange ?? 'none';
      for (const fill of message.fills) this.bus.publish(`order.fill.${exchange}`, 'fill', fill, { traceId });
    });
  }

  private gatewayOptions(connector: Connector): OrderGatewayOptions {
    const { time, bus, halts, fence, stores, http } = this;
    const { exchange } = connector;
    return {
      ...{ bus, halts, fence, stores, http, timers: time, retry: RETRY, instruments: this.instruments },
      connector: connector as OrderGatewayOptions['connector'],
      endpoints: connector.endpoints as OrderGatewayOptions['endpoints'],
      credentials: (
        this.options.remote?.[exchange as ProofExchange] ?? this.account(exchange as ProofExchange)
      ).credentials,
      sockets: new WsSockets(),
      limiter: (this.options.limiterOf ?? restLimiterOf)(connector),
      admission: { recoveryWindowMs: 60_000, recoveryCollarBps: 5_000, recoverWhileHalted: false },
      seal: SEAL,
      assetOf: (ticker) => curatedRegistry.resolve(exchange, ticker).asset,
      clockOffsetMs: () => 0,
      policy: { ...ORDER_GATEWAY_POLICY, ...this.options.policy },
    };
  }

  private async spawn<M>(path: string, definition: ActorDefinition<M>): Promise<void> {
    const started = await this.system.spawn(path, definition);
    if (!started.ok) throw started.error;
  }

  startGateway(exchange: ProofExchange): Promise<void> {
    return this.spawn(`/gateway/${exchange}`, this.gateways.get(exchange)!);
  }

  async crashGateway(exchange: ProofExchange): Promise<void> {
    this.system.crash(`/gateway/${exchange}`, new Error('planted'));
    await this.sleep(20);
    await this.startGateway(exchange);
  }

  account(exchange: ProofExchange): SimulatedAccount {
    return this.simulated.accounts[exchange]!;
  }

  gateway(exchange: ProofExchange) {
    return this.system.address<OrderGatewayMessage>(`/gateway/${exchange}`);
  }

  summary(exchange: ProofExchange): Record<string, unknown> {
    return { ...this.system.inspect(`/gateway/${exchange}`)?.summary };
  }

  holdLease(forMs: number): void {
    const { monotonicMs, wallMs } = this.fence.now();
    this.fence.hold(1, { monotonicMs, wallMs }, { monotonicMs: monotonicMs + forMs, wallMs: wallMs + forMs });
  }

  /** Of this world's time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.setTimer(resolve, ms));
  }

  /** Looks again and again for so long of this world's time; throws what `what` says when it never holds. */
  async until(
    what: string | (() => string),
    holds: () => boolean | Promise<boolean>,
    withinMs: number,
  ): Promise<void> {
    const deadlineMs = this.time.monotonicMs() + withinMs;
    while (!(await holds())) {
      if (this.time.monotonicMs() > deadlineMs)
        throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`);
      await this.sleep(20);
    }
  }

  ready(withinMs = 120_000): Promise<void> {
    return this.until(
      () =>
        `all accounts are ready: ${this.exchanges.map((one) => `${one} ${JSON.stringify(this.summary(one))}`).join()}`,
      () => this.exchanges.every((one) => this.summary(one)['phase'] === 'ready'),
      withinMs,
    );
  }

  instrument(exchange: ProofExchange): Instrument {
    return this.instruments.find((one) => one.exchange === exchange)!;
  }

  /** A price on the tick, `throughBps` beyond the best opposite one as it stands at the exchange now. */
  price(exchange: ProofExchange, side: Side, throughBps: number): string {
    const { pair, tickSize } = this.instrument(exchange);
    const towards = side === 'buy' ? 1 : -1;
    const remote = this.options.remote?.[exchange];
    if (remote !== undefined) {
      const best = new Decimal(side === 'buy' ? remote.ask : remote.bid);
      return best
        .times(1 + (towards * throughBps) / 10_000)
        .div(tickSize)
        .round()
        .times(tickSize)
        .toFixed();
    }
    const market = this.simulated.world.market(exchange, pair);
    const { bids, asks } = market.ladder();
    const best = (side === 'buy' ? asks : bids).prices[0]!;
    const ticks = Math.round(best * (1 + (towards * throughBps) / 10_000));
    return new Decimal(market.listing.tick.text).times(ticks).toFixed();
  }

  /** An approval sealed as the gate's, and its leg on this exchange; the gateway is told of the approval by the bus. */
  approve(ask: Ask): SubmitLeg {
    const { leg, verdict } = this.approval(ask);
    this.bus.publish('risk.verdict.approved', 'verdict', verdict, { traceId: verdict.verdictId });
    return leg;
  }

  approval(ask: Ask): { readonly leg: SubmitLeg; readonly verdict: ApprovedVerdict } {
    const { exchange, side = 'buy', throughBps = 30, attempt = 0 } = ask;
    const id = `${this.name}-${++this.verdicts}`;
    const { id: instrument, quote } = this.instrument(exchange);
    const quantity = ask.quantity ?? '0.001';
    const limitPrice = this.price(exchange, side, throughBps);
    const nowMs = this.time.nowMs();
    const planned = {
      ...signalOf({ id, quantity }).legs[0]!,
      ...{ instrument, exchange, side, quantity, limitPrice, expectedVwap: limitPrice },
      levels: [[limitPrice, quantity]] as [[string, string]],
    };
    const expiresAtMs = nowMs + 30_000;
    const own = { pair: `BTC-${quote}`, quote, legs: [planned, planned], quantity };
    const signal = signalOf({ id, quantity }, { ...own, detectedAtMs: nowMs, expiresAtMs });
    const verdict: ApprovedVerdict = sealed({
      ...{ verdictId: id, signalId: id, opportunityId: `o-${id}`, decidedAtMs: nowMs, decision: 'approved' },
      ...{ signal, expiresAtMs, nonce: 'ab'.repeat(16) },
    });
    const arbitrageId = `arb-${id}`;
    const leg: SubmitLeg = {
      clientOrderId: clientOrderIdOf(arbitrageId, 0, attempt),
      ...{ arbitrageId, legIndex: 0, attempt, verdictId: id, nonce: verdict.nonce },
      verdictExpiresAtMs: expiresAtMs,
      ...{ instrument, exchange, side, quantity, limitPrice, timeInForce: 'IOC', decisionPrice: limitPrice },
      submittedAtMs: nowMs,
    };
    this.legs.set(leg.clientOrderId, leg);
    return { leg, verdict };
  }

  /** The answer to a submitted leg. */
  async submit(leg: SubmitLeg, timeoutMs = 20_000): Promise<LegResult> {
    const options = { traceId: leg.arbitrageId, timeoutMs };
    const answer = await this.bus.request(
      `order.submit.${leg.exchange}`,
      'submitLeg',
      leg,
      'legResult',
      options,
    );
    if (!this.results.has(leg.clientOrderId)) this.results.set(leg.clientOrderId, answer);
    return answer;
  }

  /** Asks the gateway what became of an order; the answer is kept. */
  async query({ clientOrderId, arbitrageId, legIndex, instrument, exchange }: SubmitLeg): Promise<LegResult> {
    const body = { clientOrderId, arbitrageId, legIndex, instrument, exchange, askedAtMs: this.time.nowMs() };
    const options = { traceId: arbitrageId, timeoutMs: 20_000 };
    const answer = await this.bus.request(
      `order.query.${exchange}`,
      'queryOrder',
      body,
      'legResult',
      options,
    );
    this.results.set(clientOrderId, answer);
    return answer;
  }

  trade(ask: Ask): Promise<LegResult> {
    return this.submit(this.approve(ask));
  }

  /** Accounts and assets on which ledger and exchange disagree. */
  async wrong(): Promise<string[]> {
    const holdings = await this.stores.ledger.holdings();
    return this.exchanges.flatMap((exchange) =>
      this.account(exchange)
        .balances()
        .flatMap(({ asset, free, locked }) => {
          const told =
            holdings.find((one) => one.exchange === exchange && one.asset === asset)?.amount ?? '0';
          const real = new Decimal(free).plus(locked);
          return real.eq(told) ? [] : [`${exchange} ${asset}: exchange ${real.toFixed()}, ledger ${told}`];
        }),
    );
  }

  async close(): Promise<void> {
    this.governor.stop();
    for (const exchange of this.exchanges) await this.system.stop(`/gateway/${exchange}`, 'shutdown', 2_000);
    await this.system.stop('/ledger', 'shutdown', 2_000);
    await this.system.stop('/lease', 'shutdown', 2_000);
    await this.system.close(1_000);
    this.halts.close();
    await this.bus.close();
    if (this.options.stores === undefined) await this.stores.close();
    await this.http.inner.close();
    if (this.options.remote === undefined) await this.simulated.close();
  }
}
