import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { hasListened } from './membership-actor.js';
import {
  assetTask,
  cyclesTask,
  damp,
  feedTask,
  PAIRS_TASK,
  place,
  tasksOf,
  ticksTask,
  undamped,
  WATCH_TASK,
  type Damped,
  type PlacementRules,
} from './placement.js';
import type { ClusterView } from './view.js';

/** Where work is carried out on this node. None of it throws; what takes time goes on by itself, one after the other. */
export interface Hosting {
  readonly feeds: readonly FeedHosting[];
  /** False while the exchange has not listed its markets here. */
  canFeed(exchange: string): boolean;
  startFeed(exchange: string): void;
  /** Its books are trusted: this node's are followed from now on, and no other's here. */
  feedIsLive(exchange: string): void;
  stopFeed(exchange: string): void;
  /** Base assets that the detectors here look at; empty = they end. */
  detect(assets: readonly string[]): void;
  /** Exchanges whose cycles are looked for here. */
  detectCycles(exchanges: readonly string[]): void;
  /** Whether statistical pairs are looked for here. */
  detectPairs(isHere: boolean): void;
  /** Exchanges whose ticks are recorded here. */
  record(exchanges: readonly string[]): void;
  watch(isHere: boolean): void;
  /** Counters of the books that cross between nodes. */
  books(): Readonly<Record<string, unknown>>;
}

export interface FeedHosting {
  readonly exchange: string;
  readonly isLive: boolean;
  readonly isPublished: boolean;
}

export interface PlacementPolicy {
  readonly lookMs: number;
  /** A member that was lost or came is believed after so long. */
  readonly dampMs: number;
  /** What must not be done twice is begun so much later than it may be. */
  readonly handOverMs: number;
  /** The former owner of a feed goes on until the next one's is live, at most for so long. */
  readonly overlapMs: number;
  /** A feed that is not live after so long is published as it is. */
  readonly unprovenMs: number;
}

export const PLACEMENT: PlacementPolicy = {
  lookMs: 250,
  dampMs: 1_000,
  handOverMs: 1_500,
  overlapMs: 10_000,
  unprovenMs: 5_000,
};

export interface PlacementActorOptions {
  readonly view: ClusterView;
  readonly rules: () => PlacementRules;
  readonly hosting: Hosting;
  readonly policy?: PlacementPolicy;
}

export type PlacementMessage = { readonly kind: 'look' };

const MAILBOX = 64;
const HANDLER_TIMEOUT_MS = 2_000;

/** Starts and stops on this node what the members that it knows make its own. */
export function placementActor(options: PlacementActorOptions): ActorDefinition<PlacementMessage> {
  return {
    kind: 'placement',
    mailbox: { capacity: MAILBOX, policyOf: ({ kind }) => ({ kind: 'conflate', key: kind }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => new PlacementActor(options, context),
  };
}

class PlacementActor implements ActorBehaviour<PlacementMessage> {
  private readonly options: PlacementActorOptions;
  private readonly context: ActorContext<PlacementMessage>;
  private readonly policy: PlacementPolicy;
  private damped: Damped | null = null;
  /** Who left in order, so that nobody waits for them. */
  private readonly left = new Set<string>();
  /** Since when a task is this node's, and since when a feed that runs here is not. */
  private readonly mineSince = new Map<string, number>();
  private readonly foreignSince = new Map<string, number>();
  private assets: readonly string[] = [];
  private moves = 0;

  constructor(options: PlacementActorOptions, context: ActorContext<PlacementMessage>) {
    this.options = options;
    this.context = context;
    this.policy = options.policy ?? PLACEMENT;
    const look = context.guard(() => void context.self.tell({ kind: 'look' }));
    context.onEnd(
      options.view.onChange((changes) => {
        for (const { kind, announced } of changes)
          if (kind === 'left') this.left.add(announced.node);
          else this.left.delete(announced.node);
        look();
      }),
    );
    context.every('look', this.policy.lookMs, { kind: 'look' });
  }

  handle(): void {
    const { view, rules, hosting } = this.options;
    const nowMs = this.context.clock.monotonicMs();
    if (!hasListened(view, nowMs)) return;
    const present = view.candidates();
    const { dampMs } = this.policy;
    const left = view.leaving ? new Set([...this.left, view.identity.node]) : this.left;
    this.damped =
      this.damped === null ? undamped(present) : damp(this.damped, { present, left, nowMs, dampMs });
    const known = rules();
    const placement = place(tasksOf(known), [...this.damped.believed.values()]);
    this.count(placement);
    view.placement = placement;
    this.note(placement, nowMs);
    for (const exchange of known.exchanges) this.placeFeed(exchange, nowMs);
    this.assets = known.assets.filter((asset) => this.isHandedOver(assetTask(asset), nowMs));
    hosting.detect(this.assets);
    hosting.detectCycles(known.cycles.filter((exchange) => this.isHandedOver(cyclesTask(exchange), nowMs)));
    hosting.detectPairs(this.isHandedOver(PAIRS_TASK, nowMs));
    hosting.record(known.exchanges.filter((exchange) => this.isMine(ticksTask(exchange))));
    hosting.watch(this.isHandedOver(WATCH_TASK, nowMs));
  }

  private count(placement: ReadonlyMap<string, string | null>): void {
    const { view } = this.options;
    for (const [task, owner] of placement)
      if (view.placement.has(task) && view.placement.get(task) !== owner) this.moves++;
  }

  private note(placement: ReadonlyMap<string, string | null>, nowMs: number): void {
    const self = this.options.view.identity.node;
    for (const [task, owner] of placement)
      if (owner !== self) this.mineSince.delete(task);
      else if (!this.mineSince.has(task)) this.mineSince.set(task, nowMs);
  }

  private isMine(task: string): boolean {
    return this.mineSince.has(task);
  }

  private isHandedOver(task: string, nowMs: number): boolean {
    const sinceMs = this.mineSince.get(task);
    return sinceMs !== undefined && nowMs - sinceMs >= this.policy.handOverMs;
  }

  /** A new owner begins at once, and the former one ends when the books of the new one are trusted: two do no harm. */
  private placeFeed(exchange: string, nowMs: number): void {
    const { hosting } = this.options;
    const running = hosting.feeds.find((one) => one.exchange === exchange);
    if (this.isMine(feedTask(exchange))) {
      this.foreignSince.delete(exchange);
      if (running === undefined) {
        if (hosting.canFeed(exchange)) hosting.startFeed(exchange);
      } else if (!running.isPublished && (running.isLive || this.isUnproven(exchange, nowMs)))
        hosting.feedIsLive(exchange);
      return;
    }
    if (running === undefined) return;
    const sinceMs = this.foreignSince.get(exchange) ?? nowMs;
    this.foreignSince.set(exchange, sinceMs);
    if (!this.isTakenOver(exchange) && nowMs - sinceMs < this.policy.overlapMs) return;
    this.foreignSince.delete(exchange);
    hosting.stopFeed(exchange);
  }

  private isUnproven(exchange: string, nowMs: number): boolean {
    const sinceMs = this.mineSince.get(feedTask(exchange));
    return sinceMs !== undefined && nowMs - sinceMs >= this.policy.unprovenMs;
  }

  private isTakenOver(exchange: string): boolean {
    const { view } = this.options;
    const owner = view.placement.get(feedTask(exchange));
    const feeds = owner === null || owner === undefined ? [] : (view.member(owner)?.announced.feeds ?? []);
    return feeds.some((feed) => feed.exchange === exchange && feed.live);
  }

  summary() {
    const { view, hosting } = this.options;
    return {
      believed: this.damped === null ? [] : [...this.damped.believed.keys()].sort(),
      doubted: this.damped === null ? [] : [...this.damped.doubted.keys()].sort(),
      moves: this.moves,
      assets: this.assets,
      feeds: hosting.feeds.map(({ exchange, isLive }) => ({ exchange, isLive })),
      placement: Object.fromEntries(view.placement),
      books: hosting.books(),
    };
  }
}
