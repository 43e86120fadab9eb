import type {
  ActorDetail,
  AuditEntry,
  ClusterActors,
  ClusterDeadLetters,
  NodeAction,
  Topology,
} from './cluster-answers.js';
import type { EventRing } from './event-ring.js';

/** What the API asks about all nodes; the same where there is but one. */
export interface ClusterSource {
  /** This node first, then those of the configuration in their order, then whoever else was heard. */
  names(): readonly string[];
  /** Of one node, or of all; a node that does not answer in time is silent. Never rejects. */
  actors(node: string | null): Promise<ClusterActors>;
  /** Null = the node has no such actor. Rejects when the node does not answer. */
  actor(node: string, path: string): Promise<ActorDetail | null>;
  deadLetters(limit: number): Promise<ClusterDeadLetters>;
  topology(): Promise<Topology>;
  /** Supervision and membership, of all nodes. */
  readonly events: EventRing;
}

/** What a person may do to any node. Authorised and written to the audit log before it gets here; the node that acts writes too. */
export interface ClusterActions {
  /** Resolves when it is done. Rejects with what the node said, or ARB_ASK_TIMEOUT: then it may have been done. */
  act(node: string, action: NodeAction, by: string): Promise<void>;
}

export interface ClusterApi {
  readonly source: ClusterSource;
  readonly actions: ClusterActions;
  /** What people did on this node, newest first. */
  readonly audit: { newest(limit: number): readonly AuditEntry[] };
}
