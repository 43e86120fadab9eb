import { subjectOf } from '../messages/catalogue.js';
import type { MemberChanged, NodeAnnounced } from '../messages/cluster.js';
import type { Bus } from '../ports/bus.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import {
  MEMBERSHIP,
  otherBuilds,
  otherSettings,
  stepMembership,
  type MemberChange,
  type MembershipEvent,
  type MembershipPolicy,
} from './membership.js';
import type { ClusterView, NodeReport } from './view.js';

/** Announces this node, listens to the others, and holds the gate of this node while the cluster is not fit to trade. */
export interface MembershipActorOptions {
  readonly bus: Bus;
  readonly view: ClusterView;
  /** What this node does at the moment. */
  readonly report: () => NodeReport;
  /** Whether a gate may run here, which wants to hear of holds. */
  readonly hasGate: () => boolean;
  /** Why nothing may be traded whoever is there; null = nothing stands against it. */
  readonly obstacle: string | null;
  readonly policy?: MembershipPolicy;
}

export type MembershipMessage =
  | { readonly kind: 'announce' }
  | { readonly kind: 'look' }
  | { readonly kind: 'heard'; readonly announced: NodeAnnounced; readonly sentAtMs: number }
  /** This node stops in order: others take over what it does. */
  | { readonly kind: 'leave' };

const MAILBOX = 1_024;
const HANDLER_TIMEOUT_MS = 2_000;
export const MEMBERSHIP_HOLD = 'membership';
const TRACE = 'membership';

export function membershipActor(options: MembershipActorOptions): ActorDefinition<MembershipMessage> {
  return {
    kind: 'membership',
    mailbox: {
      capacity: MAILBOX,
      policyOf: (message) =>
        message.kind === 'heard'
          ? { kind: 'conflate', key: `${message.announced.node}:${message.announced.nonce}` }
          : { kind: 'conflate', key: message.kind },
    },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => new MembershipActor(options, context),
  };
}

class MembershipActor implements ActorBehaviour<MembershipMessage> {
  private readonly options: MembershipActorOptions;
  private readonly context: ActorContext<MembershipMessage>;
  private readonly policy: MembershipPolicy;
  private told = 0;
  private heard = 0;
  private hold: string | null = 'not looked yet';

  constructor(options: MembershipActorOptions, context: ActorContext<MembershipMessage>) {
    this.options = options;
    this.context = context;
    this.policy = options.policy ?? MEMBERSHIP;
    const { announceMs, lookMs } = this.policy;
    const ears = options.bus.subscribe('cluster.node.*', 'nodeAnnounced', ({ message, sentAtMs }) => {
      context.self.tell({ kind: 'heard', announced: message, sentAtMs });
    });
    context.onEnd(() => ears.unsubscribe());
    context.every('announce', announceMs, { kind: 'announce' });
    context.every('look', lookMs, { kind: 'look' });
    context.self.tell({ kind: 'announce' });
  }

  handle(message: MembershipMessage): void {
    const { view } = this.options;
    switch (message.kind) {
      case 'announce':
        return this.announce();
      case 'leave':
        view.leaving = true;
        return this.announce();
      case 'look':
        this.followConnection();
        this.step({ kind: 'look' });
        return this.tellHold();
      case 'heard': {
        this.heard++;
        const clockAheadMs = Math.round(message.sentAtMs - this.context.clock.nowMs());
        return this.step({ kind: 'heard', announced: message.announced, clockAheadMs });
      }
    }
  }

  /** An ordered stop of the node: the others need not wait for its silence. */
  stopping(): void {
    const { view } = this.options;
    if (view.leaving) this.announce();
  }

  private announce(): void {
    const { bus, view, report } = this.options;
    const announced = view.announcement(report(), this.context.clock.nowMs());
    bus.publish(subjectOf('nodeAnnounced', announced.node), 'nodeAnnounced', announced, { traceId: TRACE });
  }

  private followConnection(): void {
    const isConnected = this.options.bus.statistics().state === 'connected';
    if (isConnected === this.options.view.state.connected) return;
    this.step({ kind: isConnected ? 'connected' : 'disconnected' });
  }

  private step(event: MembershipEvent): void {
    const { view } = this.options;
    const { clock } = this.context;
    const time = { nowMs: clock.monotonicMs(), policy: this.policy };
    const { state, changes } = stepMembership(view.state, event, time);
    view.changed(state, changes);
    for (const change of changes) this.tell(change);
  }

  private tell({ kind, announced, reason }: MemberChange): void {
    const { view, bus } = this.options;
    const { node, nonce, region, roles, build } = announced;
    const observer = view.identity.node;
    const body: MemberChanged = {
      eventId: `${observer}:${view.identity.nonce}:${node}:${this.context.incarnation}.${this.told++}`,
      ...{ observer, node, nonce, kind, region, roles, build, reason },
      atMs: this.context.clock.nowMs(),
    };
    const level = kind === 'joined' || kind === 'left' ? 'info' : 'warn';
    this.context.log[level]({ ...body }, `cluster: ${node} ${kind}`);
    bus.publish(subjectOf('memberChanged', observer), 'memberChanged', body, { traceId: TRACE });
  }

  /** Again and again, so that a gate that started later knows too. */
  private tellHold(): void {
    const { bus, hasGate } = this.options;
    const reason = this.holdReason();
    if (reason !== this.hold) {
      this.hold = reason;
      const level = reason === null ? 'info' : 'warn';
      this.context.log[level]({ reason }, 'cluster: fit to trade or not');
    }
    if (!hasGate()) return;
    const atMs = this.context.clock.nowMs();
    const body = {
      source: MEMBERSHIP_HOLD,
      held: reason !== null,
      reason: (reason ?? '').slice(0, 300),
      atMs,
    };
    bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: TRACE });
  }

  private holdReason(): string | null {
    const { view, obstacle } = this.options;
    if (obstacle !== null) return obstacle;
    if (view.state.rival !== null) return `two processes are named ${view.identity.node}`;
    const others = otherBuilds(view.state).map(({ node, build }) => `${node} ${build}`);
    if (others.length > 0)
      return `programs differ: this node ${view.identity.build}, ${others.sort().join(', ')}`;
    const { trading, verdictKey } = otherSettings(view.identity, view.state);
    if (trading.length > 0)
      return `trading.config.ts of this node differs from that of ${trading.join(', ')}`;
    if (verdictKey.length > 0)
      return `ARBOT_VERDICT_KEY_HEX of this node differs from that of ${verdictKey.join(', ')}`;
    return hasListened(view, this.context.clock.monotonicMs(), this.policy)
      ? null
      : 'other nodes have not been listened for yet';
  }

  summary() {
    const { view } = this.options;
    const now = this.context.clock.monotonicMs();
    return {
      build: view.identity.build,
      leaving: view.leaving,
      connected: view.state.connected,
      hold: this.hold,
      heard: this.heard,
      members: view.members(now).map((member) => ({
        node: member.node,
        region: member.region,
        roles: member.roles,
        build: member.build,
        silentMs: Math.round(member.silentMs),
        clockAheadMs: member.clockAheadMs,
      })),
    };
  }
}

/** Whoever is there has had the time to say so. */
export const hasListened = (
  view: ClusterView,
  nowMs: number,
  { announceMs }: MembershipPolicy = MEMBERSHIP,
): boolean => nowMs - view.listeningSinceMs >= announceMs * 1.25;
