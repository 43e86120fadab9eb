import type { DetectorMessage } from '../actors/detector-shell.js';
import type { HaltMemory } from '../actors/halt-memory.js';
import type { OrderGatewayMessage } from '../actors/order-gateway-messages.js';
import { VERSION } from '../cli/version.js';
import type { Connector } from '../connectors/base.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { AssetId, ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { NodeAction } from '../http/cluster-answers.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { Bus } from '../ports/bus.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Stores } from '../ports/stores.js';
import type { Clock, Timers } from '../ports/time.js';
import type { TickRecording } from '../recording/tick-recording.js';
import { audited } from '../runtime/audit.js';
import { NactEngine } from '../runtime/engine-nact.js';
import { InlineCompute } from '../runtime/platform/compute.js';
import { TimeOrderedIds } from '../runtime/platform/random.js';
import { ActorSystem } from '../runtime/system.js';
import type { SupervisorSpec } from '../supervisors/spec.js';
import { SupervisionTree } from '../supervisors/supervisor.js';
import { cycleDetectorOf, cycleDetectorsOf, detectorOf } from './branches/detect.js';
import { Feeds } from './branches/feeds.js';
import { clockSyncOf, instrumentWatchOf } from './branches/infra.js';
import { looksForPairs, pairDetectorOf } from './branches/statistical.js';
import { tradeOf } from './branches/trade.js';
import { alertsOf, watchOf } from './branches/watch.js';
import { openBuses } from './bus.js';
import { tasks } from './compute-tasks.js';
import { signedAccountOf } from './gateways.js';
import { ClusterInspection } from './cluster-inspection.js';
import { NodeInspection } from './inspection.js';
import { loadAllMarkets, loadMarkets, type InstrumentLoading } from './instruments.js';
import type { LimitChanges } from './limit-changes.js';
import { MemberNode } from './member.js';
import { nodeActs } from './node-acts.js';
import { nodeReports, type NodeReports } from './node-reports.js';
import { NodeContext, type NodeParts } from './node-context.js';
import { onAccountTerms } from './account-terms.js';
import { enabledPairs, isPairAllowed, triangularExchanges } from './parameters.js';
import { ownPrices } from './prices.js';
import { openTickRecording } from './tick-recording.js';
import { cycleDetectorWorker, feedWorker, nodeTree, PATHS, recordingTree } from './tree.js';

export type { NodeParts } from './node-context.js';

/** How long a start waits for exchanges that do not list their markets; they join later. */
const INSTRUMENT_PATIENCE = { withinMs: 10_000, pauseMs: 1_000 };
const LATE_EXCHANGE_MS = 30_000;
const ADOPT_MS = 2_000;

/** What every detector of all markets takes. */
type InstrumentsMessage = Extract<DetectorMessage, { kind: 'instruments' }>;

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
  /** What it knows of the others and does for them; null where it is alone. */
  readonly member: MemberNode | null;
  /** All nodes, as this one sees and reaches them. */
  readonly cluster: ClusterInspection;
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
  const buses =
    given === undefined ? await openBuses(options, ports) : { orders: given, market: given, services: null };
  const system = new ActorSystem({
    node: options.node.name,
    engine:
      parts.engine ??
      new NactEngine((name, error) =>
        log.error({ actor: name, error: errorText(error) }, 'nact reported a fault'),
      ),
    clock: time,
    timers: time,
    ...{ random, ids, log },
    ...(parts.batch !== undefined && { batch: parts.batch }),
  });
  const node = new AssembledNode(
    new NodeContext({
      parts,
      bus: buses.orders,
      marketBus: buses.market,
      services: buses.services,
      ids,
      system,
    }),
  );
  await node.prepare();
  return node;
}

interface Running {
  readonly tree: SupervisionTree;
  readonly inspection: NodeInspection;
  readonly reports: NodeReports;
  readonly cluster: ClusterInspection;
}

class AssembledNode implements TradingNode {
  readonly failed: Promise<Error>;
  fail: (error: Error) => void = () => undefined;
  private readonly context: NodeContext;
  private readonly feeds: Feeds;
  private readonly loading: InstrumentLoading;
  private missing: Connector[] = [];
  private running: Running | null = null;
  private stopped = false;
  member: MemberNode | null = null;

  constructor(context: NodeContext) {
    this.context = context;
    this.failed = new Promise((resolve) => (this.fail = resolve));
    this.feeds = new Feeds(context);
    this.loading = loadingOf(context, this.feeds);
    context.recording = recordingOf(context, () => this.member);
  }

  get bus(): Bus {
    return this.context.bus;
  }

  get system(): ActorSystem {
    return this.context.system;
  }

  get board(): QuoteBoard {
    return this.context.board;
  }

  get halts(): HaltMemory {
    return this.context.halts;
  }

  get limitChanges(): LimitChanges | null {
    return this.context.limitChanges;
  }

  get machine(): Clock & Timers {
    return this.context.machine;
  }

  get tree(): SupervisionTree {
    return this.built().tree;
  }

  get cluster(): ClusterInspection {
    return this.built().cluster;
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
    const { context } = this;
    const { market, log, stores, random } = context.parts;
    const { loaded, missing } = await loadAllMarkets(market.connectors, this.loading, INSTRUMENT_PATIENCE);
    for (const one of loaded) context.join(one);
    this.missing = missing;
    const prices = stores === null ? null : await this.openPrices();
    const tree: SupervisionTree = new SupervisionTree({
      system: context.system,
      spec: this.spec(stores, prices, () => tree),
      clock: market.time,
      timers: market.time,
      random,
      ids: context.ids,
      log,
      onEvent: (event) => this.publish(event),
      onRootFailure: (error) => this.fail(error),
    });
    await this.member?.remember();
    const inspection = this.inspectionOf(tree, prices);
    const reports = nodeReports(inspection, () => this.member?.view.draining ?? false);
    this.running = { tree, inspection, reports, cluster: this.clusterOf(inspection, reports) };
  }

  private spec(
    stores: Stores | null,
    prices: PriceStore | null,
    tree: () => SupervisionTree,
  ): SupervisorSpec {
    const { context, feeds } = this;
    const clockSync = clockSyncOf(context);
    if (stores === null || prices === null) return recordingTree(clockSync, feeds.all());
    const alerts = alertsOf(
      context,
      stores,
      async () => (await this.inspection.portfolio()).latest?.holdings ?? null,
    );
    const infra = { clockSync, instruments: instrumentWatchOf(context, this.loading) };
    if (context.isMember) {
      this.member = new MemberNode({ context, feeds, stores, prices, tree });
      return this.member.spec({ ...infra, alerts });
    }
    return nodeTree({
      ...infra,
      feeds: feeds.all(),
      detector: detectorOf(context, stores, () => context.instruments()),
      cycleDetectors: cycleDetectorsOf(context, stores),
      pairDetector: pairDetectorOf(context, stores),
      ...tradeOf(context, stores, null).actors,
      ...watchOf(context, stores, prices),
      alerts,
      ...(context.parts.feedIntensity !== undefined && { feedIntensity: context.parts.feedIntensity }),
    });
  }

  private inspectionOf(tree: SupervisionTree, prices: PriceStore | null): NodeInspection {
    const { context } = this;
    const { mode, options, market, stores, ticks, killSwitch } = context.parts;
    return new NodeInspection({
      mode,
      node: options.node.name,
      version: VERSION,
      clock: market.time,
      system: context.system,
      tree: () => tree,
      board: context.board,
      bus: context.bus,
      stores,
      prices,
      tickStore: ticks,
      offsets: context.offsets,
      killSwitch,
      limitChanges: context.limitChanges,
      isMember: context.isMember,
      instruments: () => this.followed(),
      premiums: () => context.premiums(),
      ticks: () => context.recording?.account() ?? null,
      marketState: (instrument) => context.liveInstruments.get(instrument)?.state ?? null,
    });
  }

  private clusterOf(inspection: NodeInspection, reports: NodeReports): ClusterInspection {
    const { context } = this;
    const { options, market } = context.parts;
    return new ClusterInspection({
      cluster: options.clusterConfig.name,
      self: options.node.name,
      configured: context.isMember ? options.clusterConfig.nodes.map(({ name }) => name) : [],
      ...{ reports, perform: this.perform, bus: context.bus, services: context.services },
      view: this.member?.view ?? null,
      here: () => ({
        exchanges: [...this.followed().keys()],
        assets: [...new Set(context.instruments().map(({ base }) => base))].sort(),
        cycles: triangularExchanges(options.tradingConfig),
        pairs: looksForPairs(options.tradingConfig),
        records: context.recording !== null,
      }),
      lease: () => inspection.lease(),
      clock: market.time,
      machine: context.machine,
      boot: this.member?.view.identity.nonce ?? Math.floor(context.machine.nowMs()).toString(16),
    });
  }

  private readonly perform = nodeActs({ tree: () => this.tree, member: () => this.member });

  /** For a person at another node: written here too, where it is done. */
  private readonly performAudited = (action: NodeAction, by: string): Promise<void> => {
    const { verb } = action;
    const what = 'path' in action ? { path: action.path } : {};
    const line = { action: `${'path' in action ? 'actor' : 'node'}.${verb}`, by, ...what };
    return audited(this.context.parts.auditLog ?? this.context.parts.log, line, () => this.perform(action));
  };

  async start(): Promise<void> {
    await this.tree.start();
    const { inspection, reports } = this.built();
    await this.member?.started({ inspection, reports, perform: this.performAudited });
    if (this.missing.length > 0) this.tryMissingLater();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    const { context } = this;
    await this.member?.leave();
    await this.tree.stop();
    await context.system.close(1_000);
    await this.member?.close();
    await context.emergency.close();
    await context.recording?.close(context.parts.market.time);
    this.inspection.close();
    this.cluster.close();
    context.halts.close();
    const closed = await this.feeds.close();
    await context.bus.close();
    await context.marketBus.close();
    for (const one of closed) if (one.status === 'rejected') throw one.reason;
  }

  private publish(event: SupervisionEvent): void {
    this.bus.publish(subjectOf('supervisionEvent', event.node), 'supervisionEvent', event, {
      traceId: 'supervision',
    });
    this.member?.supervised(event);
  }

  instrumentOf(exchange: ExchangeId, symbol: string): InstrumentId | null {
    return this.context.instrumentOf(exchange, symbol);
  }

  private followed(): ReadonlyMap<ExchangeId, readonly InstrumentId[]> {
    const known = [...this.context.markets].map(
      ([exchange, { instruments }]) => [exchange, instruments.map(({ id }) => id)] as const,
    );
    const late = this.missing.map(({ exchange }) => [exchange, []] as const);
    return new Map<ExchangeId, readonly InstrumentId[]>([...known, ...late]);
  }

  private openPrices(): Promise<PriceStore> | PriceStore {
    const { prices, log, random, market } = this.context.parts;
    return prices ?? ownPrices({ log, random, clock: market.time, timers: market.time });
  }

  async adopt(exchange: ExchangeId, asset: AssetId, by: string): Promise<boolean> {
    const { market } = this.context.parts;
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
    const { market, log } = this.context.parts;
    market.time.setTimer(() => {
      if (this.stopped) return;
      this.joinMissing().then(
        () => this.missing.length > 0 && this.tryMissingLater(),
        (error: unknown) => log.error({ error: errorText(error) }, 'an exchange could not join'),
      );
    }, LATE_EXCHANGE_MS);
  }

  private async joinMissing(): Promise<void> {
    const { log } = this.context.parts;
    for (const connector of [...this.missing]) {
      const { exchange } = connector;
      const limiter = restLimiterOf(connector);
      const markets = await loadMarkets(connector, limiter, this.loading).catch((error: unknown) => {
        log.warn({ exchange, error: errorText(error) }, 'instruments are still not available');
        return null;
      });
      if (markets === null || this.stopped) continue;
      this.missing = this.missing.filter((one) => one !== connector);
      this.context.join(markets);
      // Where feeds are placed, this one is by now; what trades here starts anew with it.
      if (this.member === null) {
        await this.tree.addChild(PATHS.feeds, feedWorker(exchange, this.feeds.feed(markets)));
        await this.addCycles(exchange);
      }
      await this.tellInstruments();
    }
  }

  private async addCycles(exchange: ExchangeId): Promise<void> {
    const { options, stores } = this.context.parts;
    if (stores === null || !triangularExchanges(options.tradingConfig).includes(exchange)) return;
    const actor = cycleDetectorOf(this.context, stores, exchange);
    await this.tree.addChild(PATHS.detect, cycleDetectorWorker(exchange, actor));
  }

  /** What trades starts anew with the longer list; the detector takes it without a pause. */
  private async tellInstruments(): Promise<void> {
    if (this.context.parts.stores === null) return;
    if (this.member !== null) return this.member.instrumentsChanged();
    await this.tree.restart(PATHS.ledger);
    const instruments = this.context.instruments();
    for (const path of [PATHS.detector, PATHS.pairDetector])
      if (this.system.inspect(path) !== null)
        this.system.address<InstrumentsMessage>(path).tell({ kind: 'instruments', instruments });
  }
}

function loadingOf({ parts, rates }: NodeContext, feeds: Feeds): InstrumentLoading {
  const { http, market, log, options } = parts;
  const trading = options.tradingConfig;
  return {
    ...{ http, log },
    time: market.time,
    compute: parts.compute ?? new InlineCompute(tasks),
    wanted:
      market.symbols === null
        ? { by: 'pair', pairs: enabledPairs(trading).map(({ pair }) => pair) }
        : { by: 'symbol', symbols: market.symbols, allowed: (pair) => isPairAllowed(trading, pair) },
    adjust: (instrument) => onAccountTerms(trading, rates, instrument),
    ...(options.recordFolder !== null && {
      onAnswer: (exchange: ExchangeId, url: string, body: Buffer) => feeds.listed(exchange, url, body),
    }),
  };
}

/** While replaying or recording raw traffic nothing new is heard, or nothing is stored. */
function recordingOf(context: NodeContext, member: () => MemberNode | null): TickRecording | null {
  const { ticks: store, stores, market, options, folder, files, log } = context.parts;
  const isRecorder = options.node.roles.includes('recorder');
  if (store === null || stores === null || market.replay !== null || !isRecorder) return null;
  const { board, ids } = context;
  const { recording: config } = options.clusterConfig;
  return openTickRecording({
    ...{ config, store, folder, files, board, ids, log },
    instruments: () => context.instruments(),
    time: market.time,
    ...(context.isMember && {
      share: {
        ticksOf: (exchange: ExchangeId) => member()?.recordsTicksOf(exchange) ?? false,
        spreads: () => member()?.watches ?? false,
      },
    }),
  });
}
