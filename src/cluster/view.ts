import type { NodeAnnounced } from '../messages/cluster.js';
import { startMembership, type Member, type MemberChange, type MembershipState } from './membership.js';
import type { Candidate, Placement } from './placement.js';

/** What a node is, for as long as its process lives. */
export type NodeIdentity = Pick<
  NodeAnnounced,
  'node' | 'nonce' | 'region' | 'roles' | 'build' | 'settings' | 'startedAtMs' | 'capacity'
>;

/** What it does at the moment. */
export type NodeReport = Pick<
  NodeAnnounced,
  'feeds' | 'detectors' | 'records' | 'watches' | 'trade' | 'http'
>;

/** A member as inspection shows it; times by the observer's clock. */
export interface MemberView extends NodeAnnounced {
  readonly isSelf: boolean;
  readonly sameBuild: boolean;
  /** Since it was heard last; 0 of the node itself. */
  readonly silentMs: number;
  /** How far its wall clock seems ahead, ms. */
  readonly clockAheadMs: number;
}

type Listener = (changes: readonly MemberChange[]) => void;

/**
 * What this process knows of its cluster: written by the actors of membership and placement, read by whoever wants to. It
 * outlives both, so that a restart forgets nobody.
 */
export class ClusterView {
  readonly identity: NodeIdentity;
  readonly listeningSinceMs: number;
  state: MembershipState;
  placement: Placement = new Map();
  leaving = false;
  draining = false;
  private seq = 0;
  private own: NodeAnnounced | null = null;
  private readonly listeners = new Set<Listener>();

  constructor(identity: NodeIdentity, nowMs: number) {
    this.identity = identity;
    this.listeningSinceMs = nowMs;
    this.state = startMembership(identity, nowMs);
  }

  /** The next announcement of this node. */
  announcement(report: NodeReport, atMs: number): NodeAnnounced {
    const seq = this.seq++;
    const { leaving, draining } = this;
    this.own = { ...this.identity, ...report, seq, atMs, leaving, draining };
    return this.own;
  }

  changed(state: MembershipState, changes: readonly MemberChange[]): void {
    this.state = state;
    if (changes.length > 0) for (const listener of this.listeners) listener(changes);
  }

  /** Told of joins, losses and the like as they are seen. Returns what ends it. */
  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Told when a process is gone: lost, left or replaced by another of its name. Returns what ends it. */
  onGone(listener: (node: string, nonce: string) => void): () => void {
    let known = this.state.members;
    return this.onChange(() => {
      const before = known;
      known = this.state.members;
      for (const [node, { announced }] of before)
        if (known.get(node)?.announced.nonce !== announced.nonce) listener(node, announced.nonce);
    });
  }

  member(node: string): Member | undefined {
    return this.state.members.get(node);
  }

  /** This node first, then the others by name. */
  members(nowMs: number): readonly MemberView[] {
    const others = [...this.state.members.values()].map(({ announced, heardAtMs, clockAheadMs }) =>
      this.viewOf(announced, { silentMs: nowMs - heardAtMs, clockAheadMs }),
    );
    others.sort((a, b) => (a.node < b.node ? -1 : 1));
    const own = this.own === null ? [] : [this.viewOf(this.own, { silentMs: 0, clockAheadMs: 0 })];
    return [...own, ...others];
  }

  /** Who may be given work; a node that stops, or is drained, gives its own away. */
  candidates(): readonly Candidate[] {
    const others = [...this.state.members.values()].flatMap(({ announced }) =>
      announced.draining ? [] : [candidateOf(announced)],
    );
    return this.leaving || this.draining ? others : [candidateOf(this.identity), ...others];
  }

  private viewOf(announced: NodeAnnounced, heard: Pick<MemberView, 'silentMs' | 'clockAheadMs'>): MemberView {
    const { node, build } = this.identity;
    return { ...announced, ...heard, isSelf: announced.node === node, sameBuild: announced.build === build };
  }
}

const candidateOf = ({ node, region, roles, capacity }: NodeIdentity): Candidate => ({
  node,
  region,
  roles,
  capacity,
});
