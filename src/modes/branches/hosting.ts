import type { FeedHosting, Hosting } from '../../cluster/placement-actor.js';
import type { PriceStore } from '../../ports/price-cache.js';
import type { Stores } from '../../ports/stores.js';
import type { SupervisionTree } from '../../supervisors/supervisor.js';
import type { BoardLinks } from '../board-links.js';
import { Branch } from '../branch.js';
import type { NodeContext } from '../node-context.js';
import {
  cycleDetectorWorker,
  detectorWorker,
  feedWorker,
  pairDetectorWorker,
  PATHS,
  recorderWorker,
  tradeWorkers,
  watchWorkers,
  type TradeActors,
} from '../tree.js';
import { cycleDetectorOf, detectorOf } from './detect.js';
import type { Feeds } from './feeds.js';
import { pairDetectorOf } from './statistical.js';
import { watchOf } from './watch.js';

export interface HostingParts {
  readonly context: NodeContext;
  readonly tree: () => SupervisionTree;
  readonly feeds: Feeds;
  readonly links: BoardLinks;
  readonly stores: Stores;
  readonly prices: PriceStore;
}

interface HostedFeed {
  readonly branch: Branch;
  isPublished: boolean;
}

/** What a node that is one of several runs at the moment. It outlives the actors that decide about it. */
export class NodeHosting implements Hosting {
  private readonly parts: HostingParts;
  private readonly hosted = new Map<string, HostedFeed>();
  private readonly detectors: Branch;
  private readonly pairBranch: Branch;
  private readonly watchers: Branch;
  private readonly traders: Branch;
  /** By exchange; one that moves leaves the others alone. */
  private readonly cycleBranches = new Map<string, Branch>();
  private tradeActors: TradeActors | null = null;
  assets: readonly string[] = [];
  /** Exchanges whose cycles are looked for here. */
  cycles: readonly string[] = [];
  /** Statistical pairs are looked for here. */
  pairs = false;
  recorded: ReadonlySet<string> = new Set();
  watches = false;
  trades = false;

  constructor(parts: HostingParts) {
    this.parts = parts;
    this.detectors = this.branch(PATHS.detect);
    this.pairBranch = this.branch(PATHS.detect);
    this.watchers = this.branch(PATHS.watch);
    this.traders = this.branch(PATHS.trade);
  }

  get feeds(): readonly (FeedHosting & { readonly epoch: number })[] {
    return [...this.hosted].map(([exchange, { isPublished }]) => {
      const { isLive, epoch } = this.stateOf(exchange);
      return { exchange, isLive, isPublished, epoch };
    });
  }

  canFeed(exchange: string): boolean {
    return this.parts.context.markets.has(exchange);
  }

  startFeed(exchange: string): void {
    const markets = this.parts.context.markets.get(exchange);
    if (markets === undefined || this.hosted.has(exchange)) return;
    const branch = this.branch(PATHS.feeds);
    this.hosted.set(exchange, { branch, isPublished: false });
    void branch.want([feedWorker(exchange, this.parts.feeds.feed(markets))]);
  }

  feedIsLive(exchange: string): void {
    const feed = this.hosted.get(exchange);
    if (feed === undefined || feed.isPublished) return;
    feed.isPublished = true;
    this.parts.links.unfollow(exchange);
    this.parts.links.publish(exchange);
  }

  /** Books of the next owner are taken once those of this node are no longer written. */
  stopFeed(exchange: string): void {
    const feed = this.hosted.get(exchange);
    if (feed === undefined) return;
    this.hosted.delete(exchange);
    const { links } = this.parts;
    if (feed.isPublished) links.withdraw(exchange);
    void feed.branch.want([]).then(() => {
      if (!this.hosted.has(exchange)) links.follow(exchange);
    });
  }

  detect(assets: readonly string[]): void {
    if (assets.join() === this.assets.join()) return;
    this.assets = assets;
    const { context, stores } = this.parts;
    const own = new Set(assets);
    const instruments = () => context.instruments().filter((one) => own.has(one.base));
    // Anew, so that it learns from the store what another node traded of these assets.
    const detector = assets.length === 0 ? null : detectorOf(context, stores, instruments);
    void this.detectors.want(detector === null ? [] : [detectorWorker(detector)]);
  }

  /** An exchange that has not listed its markets here waits for the next call. */
  detectCycles(exchanges: readonly string[]): void {
    const { context, stores } = this.parts;
    const able = exchanges.filter((exchange) => context.markets.has(exchange));
    for (const exchange of this.cycles)
      if (!able.includes(exchange)) void this.cycleBranches.get(exchange)?.want([]);
    for (const exchange of able) {
      if (this.cycles.includes(exchange)) continue;
      const branch = this.cycleBranches.get(exchange) ?? this.branch(PATHS.detect);
      this.cycleBranches.set(exchange, branch);
      void branch.want([cycleDetectorWorker(exchange, cycleDetectorOf(context, stores, exchange))]);
    }
    this.cycles = able;
  }

  /** One node of the cluster: a position belongs to one detector. */
  detectPairs(isHere: boolean): void {
    if (isHere === this.pairs) return;
    this.pairs = isHere;
    const { context, stores } = this.parts;
    const detector = isHere ? pairDetectorOf(context, stores) : null;
    void this.pairBranch.want(detector === null ? [] : [pairDetectorWorker(detector)]);
  }

  record(exchanges: readonly string[]): void {
    this.recorded = new Set(exchanges);
  }

  watch(isHere: boolean): void {
    if (isHere === this.watches) return;
    this.watches = isHere;
    const { context, stores, prices } = this.parts;
    const actors = watchOf(context, stores, prices);
    void this.watchers.want(isHere ? [recorderWorker(actors.recorder), ...watchWorkers(actors)] : []);
  }

  /** What may spend, when the lease says so. */
  tradesWith(actors: TradeActors): void {
    this.tradeActors = actors;
  }

  /** Resolves when the branch runs, or has ended. */
  trade(isHere: boolean): Promise<void> {
    if (isHere === this.trades || this.tradeActors === null) return Promise.resolve();
    this.trades = isHere;
    return this.traders.want(isHere ? tradeWorkers(this.tradeActors) : []);
  }

  /** Books of all exchanges are wanted here, until a feed of this node has them. */
  followAll(): void {
    for (const { exchange } of this.parts.context.parts.market.connectors) this.parts.links.follow(exchange);
  }

  books() {
    return this.parts.links.statistics();
  }

  async close(): Promise<void> {
    const branches = [
      this.detectors,
      ...this.cycleBranches.values(),
      this.pairBranch,
      this.watchers,
      this.traders,
    ];
    const feeds = [...this.hosted.values()].map(({ branch }) => branch);
    await Promise.all([...branches, ...feeds].map((branch) => branch.close()));
    this.parts.links.close();
  }

  private branch(below: string): Branch {
    const { tree, context } = this.parts;
    return new Branch({ tree, below, log: context.parts.log });
  }

  /** As the feed itself says; a feed that starts or was parked is not live. */
  private stateOf(exchange: string): { readonly isLive: boolean; readonly epoch: number } {
    const { system, board, markets } = this.parts.context;
    const inspection = system.inspect(PATHS.feed(exchange));
    const isLive = inspection?.state === 'running' && inspection.summary['state'] === 'live';
    const instruments = markets.get(exchange)?.instruments ?? [];
    const epochs = instruments.map(({ id }) => board.epoch[board.slotOf(id)] ?? 0);
    return { isLive, epoch: Math.max(0, ...epochs) };
  }
}
