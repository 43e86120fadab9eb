import { ClockOffsets, clockSyncActor } from '../actors/clock-sync.js';
import { detectorActor, type DetectorMessage } from '../actors/detector.js';
import { HaltMemory } from '../actors/halt-memory.js';
import { feedActor, type FeedRecorder } from '../actors/feed.js';
import { gateActor } from '../actors/gate.js';
import { instrumentWatchActor } from '../actors/instrument-watch.js';
import { ledgerActor } from '../actors/ledger.js';
import type { OrderGatewayMessage } from '../actors/order-gateway-messages.js';
import { portfolioActor } from '../actors/portfolio.js';
import { recorderActor } from '../actors/recorder.js';
import { sagaActor } from '../actors/saga.js';
import { tickRecorderActor } from '../actors/tick-recorder.js';
import type { StartOptions } from '../cli/options.js';
import { VERSION } from '../cli/version.js';
import type { Connector } from '../connectors/base.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import { curatedRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import { LiveInstruments } from '../market/live-instruments.js';
import { QuoteBoard } from '../market/quote-board.js';
import { WalletStatuses } from '../market/wallet-statuses.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { AssetId, ExchangeId, InstrumentId, ModeName } from '../messages/primitives.js';
import type { LimitOverrides } from '../messages/risk-control.js';
import type { HaltChanged } from '../messages/risk.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Bus } from '../ports/bus.js';
import type { Compute } from '../ports/compute.js';
import type { EmergencyJournal } from '../ports/emergency-journal.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { HttpClient, Sockets } from '../ports/network.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Ids, Random } from '../ports/random.js';
import type { Stores } from '../ports/stores.js';
import type { TickStore } from '../ports/tick-store.js';
import type { Clock, Timers } from '../ports/time.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import type { TickRecording } from '../recording/tick-recording.js';
import { Recorder } from '../replay/recorder.js';
import type { ActorEngine } from '../runtime/engine.js';
import { NactEngine } from '../runtime/engine-nact.js';
import { InlineCompute } from '../runtime/platform/compute.js';
import { TimeOrderedIds } from '../runtime/platform/random.js';
import { ActorSystem } from '../runtime/system.js';
import { FileEmergencyJournal } from '../storage/emergency/file-emergency-journal.js';
import type { SupervisorSpec } from '../supervisors/spec.js';
import { SupervisionTree } from '../supervisors/supervisor.js';
import type { NodeAlerts } from './alerts.js';
import { openBuses, type Buses } from './bus.js';
import { tasks } from './compute-tasks.js';
import { NodeInspection } from './inspection.js';
import {
  loadAllMarkets,
  loadMarkets,
  refreshMarkets,
  type ExchangeMarkets,
  type InstrumentLoading,
} from './instruments.js';
import { gatewaysOf, longestExpiryMs, orderRoomOf, signedAccountOf } from './gateways.js';
import { LimitChanges } from './limit-changes.js';
import { MachineTime } from './machine-time.js';
import { CLOCK_BOUND } from './connectors.js';
import type { Market } from './markets.js';
import {
  ANSWER_TIMEOUT_MS,
  baselineOf,
  dayBoundaryOffsetMs,
  enabledPairs,
  exchangeFactsOf,
  isPairAllowed,
  openingsOf,
  legPoliciesOf,
  riskLimitsOf,
  SAGA_POLICY,
  spatialParametersOf,
  withConfiguredFee,
} from './parameters.js';
import { ownPrices, publisherOf } from './prices.js';
import { schedulerOf } from './scheduling.js';
import { tradeLeaseOf } from './trade-lease.js';
import { openTickRecording } from './tick-recording.js';
import { erased, feedWorker, nodeTree, PATHS, recordingTree } from './tree.js';

/** The longest pause is part of how long a store that is back is not noticed. */
const RETRY = { minMs: 100, maxMs: 2_000 };
/** Telemetry is given up after so many tries; nothing waits for it. */
const TELEMETRY_RETRY = { minMs: 100, maxMs: 10_000 };

/** How long a start waits for exchanges that do not list their markets; they join later. */
const INSTRUMENT_PATIENCE = { withinMs: 10_000, pauseMs: 1_000 };
const LATE_EXCHANGE_MS = 30_000;
const ADOPT_MS = 2_000;

export interface NodeParts {
  readonly options: StartOptions;
  readonly mode: ModeName;
  readonly folder: string;
  readonly log: Logger;
  readonly files: Files;
  readonly stores: Stores | null;
  /** Closed by whoever hands it in; absent = kept in this process. */
  readonly prices?: PriceStore;
  /** Closed by whoever hands it in; null = ticks are not kept. */
  readonly ticks: TickStore | null;
  readonly market: Market;
  readonly sockets: Sockets;
  readonly http: HttpClient;
  readonly random: Random;
  /** Of approvals: one for the gate and for the gateways that take its word. */
  readonly seal: VerdictSeal;
  readonly killSwitch: HaltChanged;
  /** What a simulation hands in; absent = nact with its own batches, and the bus of `cluster.config.ts`. */
  readonly engine?: ActorEngine;
  readonly bus?: Bus;
  readonly batch?: number;
  /** The machine's own time; absent = the real one. */
  readonly machine?: Clock & Timers;
  /** Closed by whoever hands it in; absent = computed in place. */
  readonly compute?: Compute;
  /** Absent or null = nobody is told anything. */
  readonly alerts?: NodeAlerts | null;
}

/** A node put together: started and stopped as a whole. */
export interface TradingNode {
  readonly bus: Bus;
  readonly system: ActorSystem;
  readonly tree: SupervisionTree;
  readonly board: QuoteBoard;
  readonly inspection: NodeInspection;
  /** What this process knows of the kill switch. */
  readonly halts: HaltMemory;
  /** Changes of the risk gate's limits; null while recording. */
  readonly limitChanges: LimitChanges | null;
  /** The machine's own timers. */
  readonly machine: Timers;
  /** A followed instrument by its exchange's own name; null when it is not followed. */
  instrumentOf(exchange: ExchangeId, symbol: string): InstrumentId | null;
  /** Books what nothing explains of a signed account's balance; false = there is nothing, or no such account. */
  adopt(exchange: ExchangeId, asset: AssetId, by: string): Promise<boolean>;
  /** Resolves when the root gave up or an error escaped every actor. */
  readonly failed: Promise<Error>;
  fail(error: Error): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds bus, actors and inspection over a market. Rejects when the bus cannot be reached. */
export async function assembleNode(parts: NodeParts): Promise<TradingNode> {
  const { time } = parts.market;
  const ids = new TimeOrderedIds(time, parts.random);
  const { options, log, random } = parts;
  const ports = { clock: time, timers: time, ids, log, random };
  const given = parts.bus;
  const buses = given === undefined ? await openBuses(options, ports) : { orders: given, market: given };
  const node = new AssembledNode(parts, buses, ids);
  await node.prepare();
  return node;
}

function limitChangesOf({ stores, mode, market, options }: NodeParts, bus: Bus): LimitChanges | null {
  if (stores === null) return null;
  const { settings } = stores;
  return new LimitChanges({ trading: options.tradingConfig, mode, settings, bus, clock: market.time });
}

class AssembledNode implements TradingNode {
  readonly bus: Bus;
  readonly system: ActorSystem;
  readonly board = new QuoteBoard();
  readonly machine: Clock & Timers;
  readonly failed: Promise<Error>;
  fail: (error: Error) => void = () => undefined;
  private readonly parts: NodeParts;
  /** The connection of market data. */
  private readonly market: Bus;
  private readonly ids: Ids;
  readonly halts: HaltMemory;
  readonly limitChanges: LimitChanges | null;
  private readonly offsets = new ClockOffsets();
  private readonly liveInstruments = new LiveInstruments();
  private readonly wallets = new WalletStatuses();
  private readonly markets = new Map<ExchangeId, ExchangeMarkets>();
  private readonly recorders: Recorder[] = [];
  /** While recording: the newest answers of each exchange about its markets, by address. */
  private readonly lists = new Map<ExchangeId, Map<string, string>>();
  private readonly compute: Compute;
  private readonly loading: InstrumentLoading;
  private readonly recording: TickRecording | null;
  /** Opened by whoever writes or reads it first. */
  private readonly emergency: EmergencyJournal;
  private missing: Connector[] = [];
  private running: { readonly tree: SupervisionTree; readonly inspection: NodeInspection } | null = null;
  private stopped = false;

  constructor(parts: NodeParts, buses: Buses, ids: Ids) {
    const { log, market, random, http, options } = parts;
    this.parts = parts;
    this.machine = parts.machine ?? new MachineTime();
    this.bus = buses.orders;
    this.market = buses.market;
    this.halts = new HaltMemory(this.bus, parts.killSwitch);
    this.limitChanges = limitChangesOf(parts, this.bus);
    this.ids = ids;
    this.failed = new Promise((resolve) => (this.fail = resolve));
    this.system = new ActorSystem({
      node: options.node.name,
      engine:
        parts.engine ??
        new NactEngine((name, error) =>
          log.error({ actor: name, error: errorText(error) }, 'nact reported a fault'),
        ),
      clock: market.time,
      timers: market.time,
      random,
      ids,
      log,
      ...(parts.batch !== undefined && { batch: parts.batch }),
    });
    this.recording = this.openRecording(parts);
    this.emergency = new FileEmergencyJournal({ files: parts.files, folder: parts.folder, log });
    const trading = options.tradingConfig;
    this.compute = parts.compute ?? new InlineCompute(tasks);
    this.loading = {
      http,
      time: market.time,
      log,
      compute: this.compute,
      wanted:
        market.symbols === null
          ? { by: 'pair', pairs: enabledPairs(trading).map(({ pair }) => pair) }
          : { by: 'symbol', symbols: market.symbols, allowed: (pair) => isPairAllowed(trading, pair) },
      adjust: (instrument) => withConfiguredFee(trading, instrument),
      ...(options.recordFolder !== null && {
        onAnswer: (exchange: ExchangeId, url: string, body: Buffer) => {
          const answers = this.lists.get(exchange) ?? new Map<string, string>();
          this.lists.set(exchange, answers.set(url, body.toString('utf8')));
        },
      }),
    };
  }

  /** While replaying or recording raw traffic nothing new is heard, or nothing is stored. */
  private openRecording(parts: NodeParts): TickRecording | null {
    const { ticks: store, stores, market, options, folder, files, log } = parts;
    if (store === null || stores === null || market.replay !== null) return null;
    const { board, ids } = this;
    const { recording: config } = options.clusterConfig;
    const instruments = () => this.instruments();
    return openTickRecording({
      ...{ config, store, folder, files, board, instruments, ids, log },
      time: market.time,
    });
  }

  get tree(): SupervisionTree {
    return this.built().tree;
  }

  get inspection(): NodeInspection {
    return this.built().inspection;
  }

  private built() {
    if (this.running === null) throw new Error('the node is not prepared');
    return this.running;
  }

  /** Learns what the exchanges list and builds the tree; nothing runs yet. */
  async prepare(): Promise<void> {
    const { market, log, mode, options, stores, killSwitch } = this.parts;
    const { loaded, missing } = await loadAllMarkets(market.connectors, this.loading, INSTRUMENT_PATIENCE);
    for (const one of loaded) this.join(one);
    this.missing = missing;
    const prices = stores === null ? null : await this.openPrices();
    const spec =
      stores === null || prices === null
        ? recordingTree(this.clockSync(), this.feeds())
        : this.tradingTree(stores, prices);
    const tree = new SupervisionTree({
      system: this.system,
      spec,
      clock: market.time,
      timers: market.time,
      random: this.parts.random,
      ids: this.ids,
      log,
      onEvent: (event) => this.publish(event),
      onRootFailure: (error) => this.fail(error),
    });
    const inspection = new NodeInspection({
      mode,
      node: options.node.name,
      version: VERSION,
      clock: market.time,
      system: this.system,
      tree: () => tree,
      board: this.board,
      bus: this.bus,
      stores,
      prices,
      tickStore: this.parts.ticks ?? null,
      offsets: this.offsets,
      killSwitch,
      limitChanges: this.limitChanges,
      instruments: () => this.followed(),
      ticks: () => this.recording?.account() ?? null,
      marketState: (instrument) => this.liveInstruments.get(instrument)?.state ?? null,
    });
    this.running = { tree, inspection };
  }

  async start(): Promise<void> {
    await this.tree.start();
    if (this.missing.length > 0) this.tryMissingLater();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.tree.stop();
    await this.system.close(1_000);
    await this.emergency.close();
    await this.recording?.close(this.parts.market.time);
    this.inspection.close();
    this.halts.close();
    // A recording that is incomplete is told of, and keeps nothing open.
    const closed = await Promise.allSettled(this.recorders.map((recorder) => recorder.close()));
    await this.bus.close();
    await this.market.close();
    for (const one of closed) if (one.status === 'rejected') throw one.reason;
  }

  private publish(event: SupervisionEvent): void {
    this.bus.publish(subjectOf('supervisionEvent', event.node), 'supervisionEvent', event, {
      traceId: 'supervision',
    });
  }

  instrumentOf(exchange: ExchangeId, symbol: string): InstrumentId | null {
    const { instruments } = this.markets.get(exchange) ?? { instruments: [] };
    return instruments.find((instrument) => instrument.symbol === symbol)?.id ?? null;
  }

  private join(markets: ExchangeMarkets): void {
    this.markets.set(markets.connector.exchange, markets);
    this.liveInstruments.follow(markets.instruments);
  }

  private instruments(): readonly Instrument[] {
    return this.liveInstruments.all();
  }

  private followed(): ReadonlyMap<ExchangeId, readonly InstrumentId[]> {
    const known = [...this.markets].map(
      ([exchange, { instruments }]) => [exchange, instruments.map(({ id }) => id)] as const,
    );
    const late = this.missing.map(({ exchange }) => [exchange, []] as const);
    return new Map<ExchangeId, readonly InstrumentId[]>([...known, ...late]);
  }

  private restContexts() {
    const { http, market } = this.parts;
    return [...this.markets.values()].map(({ connector, limiter }) => ({
      connector,
      limiter,
      endpoints: connector.endpoints,
      http,
      clock: market.time,
      timers: market.time,
    }));
  }

  /** What was recorded does not change any more. */
  private instrumentWatch() {
    const { market } = this.parts;
    return erased(
      instrumentWatchActor({
        bus: this.bus,
        live: this.liveInstruments,
        wallets: this.wallets,
        exchanges: () => (market.replay === null ? this.restContexts() : []),
        load: (rest, symbols) => refreshMarkets(rest, symbols, this.loading),
        tickerLookup: (exchange, ticker) => curatedRegistry.resolve(exchange, ticker),
      }),
    );
  }

  private clockSync() {
    const { options } = this.parts;
    return erased(
      clockSyncActor({
        offsets: this.offsets,
        exchanges: () => this.restContexts(),
        maxSkewMs: options.tradingConfig.limits.clockSkewMaxMs,
        binding: new Set(CLOCK_BOUND),
      }),
    );
  }

  private feeds() {
    return new Map([...this.markets].map(([exchange, markets]) => [exchange, this.feed(markets)]));
  }

  private feed({ connector, limiter, instruments }: ExchangeMarkets) {
    const { sockets, http, market } = this.parts;
    const recorder = this.recorderOf(connector.exchange);
    return erased(
      feedActor({
        connector,
        instruments: instruments.map(({ id, symbol }) => ({ id, symbol })),
        board: this.board,
        sockets,
        http,
        bus: this.bus,
        timers: market.time,
        limiter,
        live: this.liveInstruments,
        ...(recorder !== null && { recorder }),
        trades: (print) => this.recording?.trade(print),
      }),
    );
  }

  private recorderOf(exchange: ExchangeId): FeedRecorder | null {
    const { options, files, market, log } = this.parts;
    if (options.recordFolder === null) return null;
    const recorder = new Recorder({
      files,
      folder: options.recordFolder,
      exchange,
      clock: market.time,
      log,
      // New files begin with the markets and with snapshots, so that each can be replayed alone.
      onRotated: (reason) => {
        this.recordList(exchange, recorder);
        this.system
          .address<{ kind: 'recycle'; reason: string }>(PATHS.feed(exchange))
          .tell({ kind: 'recycle', reason: `new recording files: ${reason}` });
      },
    });
    this.recorders.push(recorder);
    this.recordList(exchange, recorder);
    return recorder;
  }

  private recordList(exchange: ExchangeId, recorder: Recorder): void {
    for (const [url, body] of this.lists.get(exchange) ?? []) recorder.rest(url, body);
  }

  private openPrices(): Promise<PriceStore> | PriceStore {
    const { prices, log, random, market } = this.parts;
    return prices ?? ownPrices({ log, random, clock: market.time, timers: market.time });
  }

  private tradingTree(stores: Stores, prices: PriceStore): SupervisorSpec {
    const { options, market, mode, seal } = this.parts;
    const trading = options.tradingConfig;
    const { bus, board } = this;
    const clockOffsetMs = (exchange: ExchangeId) => this.offsets.offsetMs(exchange);
    const clockSkewMs = (exchange: ExchangeId) => this.offsets.skewMs(exchange);
    const limits = riskLimitsOf(trading, mode);
    const limitsWith = (overrides: LimitOverrides) => this.limitChanges?.limitsWith(overrides) ?? limits;
    const shared = { bus, board };
    const time = this.machine;
    const lease = tradeLeaseOf({
      ...{ bus, stores, time, random: this.parts.random },
      holder: options.node.name,
      maxExpiryMs: longestExpiryMs(market),
    });
    const { fence } = lease;
    return nodeTree({
      clockSync: this.clockSync(),
      instruments: this.instrumentWatch(),
      feeds: this.feeds(),
      detector: erased(
        detectorActor(
          this.live({
            ...shared,
            trades: stores.trades,
            parameters: spatialParametersOf(trading, clockOffsetMs),
          }),
        ),
      ),
      recorder: erased(recorderActor({ bus, store: stores.signals, retry: TELEMETRY_RETRY })),
      lease: lease.actor,
      tickRecorder: this.recording === null ? null : erased(tickRecorderActor(this.recording)),
      ledger: erased(ledgerActor({ bus, store: stores.ledger, openings: openingsOf(trading), retry: RETRY })),
      gate: erased(
        gateActor(
          this.live({
            ...shared,
            limits,
            limitsWith,
            seal,
            settings: stores.settings,
            halts: this.halts,
            trades: stores.trades,
            signals: stores.signals,
            ledger: stores.ledger,
            announceOpportunities: false,
            retry: RETRY,
            clockOffsetMs,
            clockSkewMs,
          }),
        ),
      ),
      gateways: gatewaysOf({
        ...{ bus, board, market, trading, stores, fence, seal, clockOffsetMs },
        halts: this.halts,
        http: this.parts.http,
        sockets: this.parts.sockets,
        instruments: () => this.instruments(),
        limiterOf: (exchange) => this.markets.get(exchange)?.limiter,
      }),
      saga: erased(
        sagaActor(
          this.live({
            ...shared,
            stores,
            fence,
            policy: SAGA_POLICY,
            legPolicies: legPoliciesOf(trading),
            exchanges: exchangeFactsOf(trading, market.connectors),
            emergency: this.emergency,
            orderRoom: orderRoomOf({ market, limiterOf: (exchange) => this.markets.get(exchange)?.limiter }),
            answerTimeoutMs: ANSWER_TIMEOUT_MS,
            retry: RETRY,
            announceOpportunities: false,
          }),
        ),
      ),
      portfolio: erased(
        portfolioActor(
          this.live({
            ...shared,
            stores,
            currency: trading.reportingCurrency,
            baseline: baselineOf(trading),
            snapshotIntervalMs: options.clusterConfig.schedule.snapshotIntervalMs,
            dayBoundaryOffsetMs: dayBoundaryOffsetMs(trading),
          }),
        ),
      ),
      pricePublisher: publisherOf(bus, board, prices),
      scheduler: erased(schedulerOf(options.clusterConfig, trading, { stores, bus })),
      alerts: this.alerts(stores),
    });
  }

  private alerts(stores: Stores) {
    const { alerts = null } = this.parts;
    alerts?.hear(this.bus);
    return (
      alerts?.actor(
        this.bus,
        stores,
        async () => (await this.inspection.portfolio()).latest?.holdings ?? null,
      ) ?? null
    );
  }

  async adopt(exchange: ExchangeId, asset: AssetId, by: string): Promise<boolean> {
    const { market } = this.parts;
    const connector = market.connectors.find((one) => one.exchange === exchange);
    if (connector === undefined || signedAccountOf(market, connector) === null) return false;
    return this.system.ask<OrderGatewayMessage, boolean>(
      this.system.address<OrderGatewayMessage>(PATHS.gateway(exchange)),
      (reply) => ({ kind: 'adopt', asset, by, reply }),
      ADOPT_MS,
    );
  }

  /** Exchanges that did not list their markets at the start are tried again, and join feeds, detector and gate. */
  private tryMissingLater(): void {
    const { market, log } = this.parts;
    market.time.setTimer(() => {
      if (this.stopped) return;
      this.joinMissing().then(
        () => this.missing.length > 0 && this.tryMissingLater(),
        (error: unknown) => log.error({ error: errorText(error) }, 'an exchange could not join'),
      );
    }, LATE_EXCHANGE_MS);
  }

  private async joinMissing(): Promise<void> {
    const { log } = this.parts;
    for (const connector of [...this.missing]) {
      const { exchange } = connector;
      const limiter = restLimiterOf(connector);
      const markets = await loadMarkets(connector, limiter, this.loading).catch((error: unknown) => {
        log.warn({ exchange, error: errorText(error) }, 'instruments are still not available');
        return null;
      });
      if (markets === null || this.stopped) continue;
      this.missing = this.missing.filter((one) => one !== connector);
      this.join(markets);
      await this.tree.addChild(PATHS.feeds, feedWorker(exchange, this.feed(markets)));
      await this.tellInstruments();
    }
  }

  /** What trades starts anew with the longer list; the detector takes it without a pause. */
  private async tellInstruments(): Promise<void> {
    if (this.parts.stores === null) return;
    await this.tree.restart(PATHS.ledger);
    const detector = this.system.address<DetectorMessage>(PATHS.detector);
    detector.tell({ kind: 'instruments', instruments: this.instruments() });
  }

  /** Options whose instruments are those known when an incarnation starts. */
  private live<T extends object>(options: T): T & { readonly instruments: readonly Instrument[] } {
    const instruments = { get: () => this.instruments(), enumerable: true };
    return Object.defineProperty(options, 'instruments', instruments) as T & {
      readonly instruments: readonly Instrument[];
    };
  }
}
