import { join } from 'node:path';
import type { NodeAnnounced } from '../messages/cluster.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { SupervisionEvent } from '../messages/supervision.js';
import type { RunningService } from '../ports/node-services.js';
import { serveNode, type NodeAnswersParts } from './node-answers.js';
import type { Subscription } from '../ports/bus.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Stores } from '../ports/stores.js';
import type { Retirement, TradeLeaseMessage } from '../actors/trade-lease.js';
import { longestExpiryMs } from './gateways.js';
import { tickRecorderActor } from '../actors/tick-recorder.js';
import type { DetectorMessage } from '../actors/detector.js';
import type { StatisticalMessage } from '../actors/statistical-detector.js';
import { Lane } from '../supervisors/lane.js';
import type { SupervisorSpec } from '../supervisors/spec.js';
import type { SupervisionTree } from '../supervisors/supervisor.js';
import type { ClusterView } from '../cluster/view.js';
import { boardLinksOf } from './board-links.js';
import { Membership } from './branches/cluster.js';
import type { Feeds } from './branches/feeds.js';
import { NodeHosting } from './branches/hosting.js';
import { tradeOf } from './branches/trade.js';
import type { NodeContext } from './node-context.js';
import { erased, memberTree, PATHS, type InfraActors, type MemberActors } from './tree.js';

export interface MemberParts {
  readonly context: NodeContext;
  readonly feeds: Feeds;
  readonly stores: Stores;
  readonly prices: PriceStore;
  readonly tree: () => SupervisionTree;
}

/** How long an ordered stop waits until the feeds of this node are live on others, ms. */
const HAND_OVER_MS = 3_000;
/** How long it lets arbitrages finish that are under way, and what clocks may differ by, ms. */
const DRAIN_MS = 800;
const SKEW_MS = 250;
const LOOK_MS = 20;
/** In the data folder of the mode, while a person has taken the node's work away. */
const DRAINED_FILE = 'drained.json';

/** A node that is one of several: its tree grows and shrinks by placement and lease. */
export class MemberNode {
  private readonly parts: MemberParts;
  private readonly membership: Membership;
  private readonly hosting: NodeHosting;
  /** A person's orders, one after the other. */
  private readonly orders = new Lane();
  private trades: Subscription | null = null;
  private service: RunningService | null = null;

  constructor(parts: MemberParts) {
    const { context, feeds, stores, prices, tree } = parts;
    this.parts = parts;
    this.membership = new Membership(context);
    this.hosting = new NodeHosting({
      ...{ context, feeds, stores, prices, tree },
      links: boardLinksOf(context),
    });
  }

  private get lease() {
    return this.parts.context.system.address<TradeLeaseMessage>(PATHS.lease);
  }

  get view(): ClusterView {
    return this.membership.view;
  }

  spec(own: InfraActors & Pick<MemberActors, 'alerts'>): SupervisorSpec {
    const { context, stores } = this.parts;
    const { membership, hosting } = this;
    const trades = context.parts.options.node.roles.includes('trade');
    const trade = trades ? tradeOf(context, stores, membership.candidacy(hosting)) : null;
    if (trade !== null) {
      hosting.tradesWith(trade.actors);
      membership.keepsFence(trade.fence);
    }
    const { recording } = context;
    return memberTree({
      ...own,
      membership: membership.actor(hosting),
      placement: membership.placementActor(hosting),
      lease: trade?.actors.lease ?? null,
      tickRecorder: recording === null ? null : erased(tickRecorderActor(recording)),
    });
  }

  /** Where the inspection API of this node answers. */
  servesAt(url: string): void {
    this.membership.servesAt(url);
  }

  /** Books cross as they are; trades that are recorded here come from the node whose feed hears them. */
  async started(answers: Omit<NodeAnswersParts, 'context' | 'view'>): Promise<void> {
    this.hosting.followAll();
    const { context } = this.parts;
    // Until a person says otherwise, as before its process began.
    if (this.view.draining) await this.orders.run(() => this.endTrade());
    const { recording, parts } = context;
    this.service = await serveNode({ context, view: this.view, ...answers });
    if (recording === null) return;
    this.trades = context.marketBus.subscribe('md.trade.*.*', 'tradePrint', ({ message, sender }) => {
      if (sender !== parts.options.node.name) recording.trade(message);
    });
  }

  recordsTicksOf(exchange: ExchangeId): boolean {
    return this.hosting.recorded.has(exchange);
  }

  get watches(): boolean {
    return this.hosting.watches;
  }

  /** An exchange joined late: what spends begins anew with it, the detector takes it without a pause. */
  async instrumentsChanged(): Promise<void> {
    const { context, tree } = this.parts;
    if (context.system.inspect(PATHS.ledger) !== null) await tree().restart(PATHS.ledger);
    const own = new Set(this.hosting.assets);
    const instruments = context.instruments().filter((one) => own.has(one.base));
    context.system.address<DetectorMessage>(PATHS.detector).tell({ kind: 'instruments', instruments });
    if (this.hosting.pairs)
      context.system
        .address<StatisticalMessage>(PATHS.pairDetector)
        .tell({ kind: 'instruments', instruments: context.instruments() });
  }

  /**
   * The ordered stop of a node among others: what spends ends first and gives back the lease, so that a successor begins at
   * once; the feeds go on until they are live elsewhere, or for three seconds.
   */
  async leave(): Promise<void> {
    this.membership.leave();
    await this.endTrade();
    await this.until(() => this.hosting.feeds.length === 0 || !this.hasOtherFeeders(), HAND_OVER_MS);
  }

  /**
   * The node gives its work to others and goes on without: the lease at once, as in an ordered stop; feeds, detectors and recorders
   * by placement, in some seconds. Rejects ARB_ACTION_REFUSED while nobody else could do it.
   */
  drain(): Promise<void> {
    return this.orders.run(() => this.giveAway());
  }

  /** It may be given work again. */
  resume(): Promise<void> {
    return this.orders.run(() => this.takeWork());
  }

  private async giveAway(): Promise<void> {
    const { roles } = this.view.identity;
    const able = new Set(this.others().flatMap((other) => other.roles));
    const missing = roles.filter((role) => !able.has(role));
    if (missing.length > 0)
      throw new ArbotError('ARB_ACTION_REFUSED', `no other node may do its work: ${missing.join(', ')}`);
    await this.keepDrained(true);
    this.membership.drain(true);
    await this.endTrade();
  }

  private async takeWork(): Promise<void> {
    if (!this.view.draining) return;
    await this.keepDrained(false);
    this.membership.drain(false);
    const { context, tree } = this.parts;
    if (context.system.inspect(PATHS.lease) !== null) await tree().restart(PATHS.lease);
  }

  /** Whether a person took its work away before this process began; to be known before anything runs. */
  async remember(): Promise<void> {
    const { files } = this.parts.context.parts;
    this.view.draining = await files.exists(this.drainedFile);
  }

  /** On the disk first: what a person was told stands whatever becomes of the process. */
  private keepDrained(isDrained: boolean): Promise<void> {
    const { files, market } = this.parts.context.parts;
    if (!isDrained) return files.remove(this.drainedFile);
    return files.writeAtomic(this.drainedFile, `${JSON.stringify({ sinceMs: market.time.nowMs() })}\n`);
  }

  private get drainedFile(): string {
    return join(this.parts.context.parts.folder, DRAINED_FILE);
  }

  private async endTrade(): Promise<void> {
    const { context, tree } = this.parts;
    if (this.hosting.trades) await this.retire();
    await this.hosting.trade(false);
    if (context.system.inspect(PATHS.lease) !== null) await tree().stopChild(PATHS.lease);
  }

  /** What is under way is finished, then nothing leaves any more, then every answer has come or every request has expired. */
  private async retire(): Promise<void> {
    const { context } = this.parts;
    const told = (step: Retirement) => this.lease.tell({ kind: 'retire', step });
    told('hold');
    await this.pause(LOOK_MS);
    await this.until(
      () => this.summaryOf(PATHS.saga)['running'] === 0 && this.underWay().length === 0,
      DRAIN_MS,
    );
    told('silence');
    await this.until(() => this.underWay().length === 0, longestExpiryMs(context.parts.market) + SKEW_MS);
    // What does not expire may still be acted on: the successor has to wait for that.
    const late = this.underWay().filter(
      ({ capabilities }) => capabilities.orders.requestExpiry.kind === 'none',
    );
    if (late.length > 0) told('abandon');
  }

  /** Exchanges with orders that have no end yet. */
  private underWay() {
    return this.parts.context.parts.market.connectors.filter(({ exchange }) => {
      const { unsettled, travelling } = this.summaryOf(PATHS.gateway(exchange));
      return Number(unsettled ?? 0) + Number(travelling ?? 0) > 0;
    });
  }

  private summaryOf(path: string): Readonly<Record<string, unknown>> {
    return this.parts.context.system.inspect(path)?.summary ?? {};
  }

  /** By the machine's time, as the lease. */
  private async until(isSo: () => boolean, withinMs: number): Promise<void> {
    const { machine } = this.parts.context;
    const untilMs = machine.monotonicMs() + withinMs;
    while (!isSo() && machine.monotonicMs() < untilMs) await this.pause(LOOK_MS);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.parts.context.machine.setTimer(resolve, ms));
  }

  /** A gate that starts wants to hear at once what would hold it. */
  supervised({ path, kind }: SupervisionEvent): void {
    if (path !== PATHS.gate || (kind !== 'started' && kind !== 'restarted')) return;
    this.membership.look();
    this.lease.tell({ kind: 'announce' });
  }

  async close(): Promise<void> {
    this.trades?.unsubscribe();
    await this.service?.stop();
    await this.hosting.close();
  }

  private hasOtherFeeders(): boolean {
    return this.others().some(({ roles }) => roles.includes('feeds'));
  }

  /** Who may be given work. */
  private others(): readonly NodeAnnounced[] {
    return [...this.view.state.members.values()].flatMap(({ announced }) =>
      announced.draining ? [] : [announced],
    );
  }
}
