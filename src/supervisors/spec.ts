import type { ActorDefinition } from '../runtime/actor.js';

/** Child specifications as data, in OTP's meaning. A supervision tree is a value that can be printed as a table. */

/** permanent: always restarted · transient: only after a crash · temporary: never. */
export type RestartType = 'permanent' | 'transient' | 'temporary';
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
  /** 0..1: share of the delay that is random. */
  readonly jitter: number;
}

export interface Intensity {
  /** The child is given up at this crash (or failed start) when no stable period lay between them. */
  readonly restarts: number;
  /** A child that ran this long since its last start begins anew at zero. */
  readonly stableMs: number;
}

/** What happens when a child exceeds the intensity: `escalate` fails the supervisor; `quarantine` parks the child and probes it again. */
export type GiveUp =
  | { readonly kind: 'escalate' }
  | { readonly kind: 'quarantine'; readonly probeMinMs: number; readonly probeMaxMs: number };

export interface WorkerSpec {
  readonly id: string;
  readonly restart: RestartType;
  /** How long an ordered stop may take before the child is abandoned. */
  readonly shutdownMs: number;
  readonly backoff: Backoff;
  readonly giveUp: GiveUp;
  /** The message type is erased here; addresses stay typed where they are made. */
  readonly actor: ActorDefinition<never>;
}

export interface SupervisorSpec {
  readonly id: string;
  readonly restart: RestartType;
  readonly strategy: Strategy;
  readonly intensity: Intensity;
  /** How its own parent restarts it and gives it up; absent = DEFAULT_BACKOFF and escalation. */
  readonly backoff?: Backoff;
  readonly giveUp?: GiveUp;
  readonly children: readonly ChildSpec[];
}

export type ChildSpec = { readonly worker: WorkerSpec } | { readonly supervisor: SupervisorSpec };

export const DEFAULT_BACKOFF: Backoff = { minMs: 250, maxMs: 30_000, jitter: 0.2 };
export const DEFAULT_INTENSITY: Intensity = { restarts: 5, stableMs: 60_000 };
