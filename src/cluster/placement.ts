import type { NodeRole } from '../messages/cluster.js';

/**
 * Which node does what, by rendezvous hashing: every node computes it alone from the members it knows, and a change of
 * members moves only what belonged, or now belongs, to the member that changed (ACTORS §8). Two nodes that disagree for a
 * while both do the work: epochs make that harmless.
 */

export interface Candidate {
  readonly node: string;
  readonly region: string;
  readonly roles: readonly NodeRole[];
  /** Weight, above 0. */
  readonly capacity: number;
}

/** One thing that exactly one node is to do. */
export interface Task {
  /** `feed:okx`, `asset:BTC`, `cycles:okx`, `pairs`, `ticks:okx`, `watch`. */
  readonly id: string;
  readonly role: NodeRole;
  /** In order of preference, and nowhere else; null = anywhere. */
  readonly regions: readonly string[] | null;
  /** The task whose owner does this one too, if it may; otherwise as if this were absent. Placed before it. */
  readonly beside?: string;
}

/** Task → node; null = no member may do it. */
export type Placement = ReadonlyMap<string, string | null>;

export function place(tasks: readonly Task[], members: readonly Candidate[]): Placement {
  const placement = new Map<string, string | null>();
  for (const task of tasks) {
    const beside = task.beside === undefined ? null : (placement.get(task.beside) ?? null);
    const isAble = members.some(({ node, roles }) => node === beside && roles.includes(task.role));
    placement.set(task.id, isAble ? beside : ownerOf(task, members));
  }
  return placement;
}

/** The member with the largest weighted score, of the first region that has one. */
export function ownerOf(task: Task, members: readonly Candidate[]): string | null {
  const able = members.filter(({ roles }) => roles.includes(task.role));
  const allowed =
    task.regions === null
      ? able
      : (task.regions.map((region) => able.filter((one) => one.region === region)).find(isNotEmpty) ?? []);
  let best: { readonly node: string; readonly score: number } | null = null;
  for (const { node, capacity } of allowed) {
    const score = capacity / -Math.log(fractionOf(`${task.id}|${node}`));
    if (best === null || score > best.score || (score === best.score && node < best.node))
      best = { node, score };
  }
  return best?.node ?? null;
}

const isNotEmpty = (list: readonly unknown[]): boolean => list.length > 0;

/** Uniform in (0, 1) and the same everywhere: FNV-1a, mixed by the finaliser of MurmurHash3. */
function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

export interface PlacementRules {
  readonly exchanges: readonly string[];
  /** Base assets of what is followed. */
  readonly assets: readonly string[];
  /** Exchanges on which cycles are looked for. */
  readonly cycles: readonly string[];
  /** Whether statistical pairs are looked for. Absent = no. */
  readonly pairs?: boolean;
  /** By exchange. */
  readonly regions: ReadonlyMap<string, readonly string[]>;
}

export const feedTask = (exchange: string): string => `feed:${exchange}`;
export const assetTask = (asset: string): string => `asset:${asset}`;
/** The triangular detector of an exchange, where its books arrive first. */
export const cyclesTask = (exchange: string): string => `cycles:${exchange}`;
/** Statistical pairs of all markets: one position must not be led by two. */
export const PAIRS_TASK = 'pairs';
export const ticksTask = (exchange: string): string => `ticks:${exchange}`;
/** What the cluster needs once: stored signals, portfolio, schedule, newest prices. */
export const WATCH_TASK = 'watch';

export function tasksOf({ exchanges, assets, cycles, pairs = false, regions }: PlacementRules): Task[] {
  const anywhere = { regions: null };
  return [
    ...exchanges.map((exchange): Task => ({
      id: feedTask(exchange),
      role: 'feeds',
      regions: regions.get(exchange) ?? null,
    })),
    ...assets.map((asset): Task => ({ id: assetTask(asset), role: 'detectors', ...anywhere })),
    ...cycles.map((exchange): Task => ({
      id: cyclesTask(exchange),
      role: 'detectors',
      beside: feedTask(exchange),
      ...anywhere,
    })),
    ...(pairs ? [{ id: PAIRS_TASK, role: 'detectors' as const, ...anywhere }] : []),
    ...exchanges.map((exchange): Task => ({ id: ticksTask(exchange), role: 'recorder', ...anywhere })),
    { id: WATCH_TASK, role: 'recorder', ...anywhere },
  ];
}

/**
 * The members that placement goes by. A member that was lost or came is believed once it has been so for a while, so that
 * a restart does not move everything twice; one that left in order is gone at once.
 */
export interface Damped {
  readonly believed: ReadonlyMap<string, Candidate>;
  /** Since when somebody is there, or not there, who is believed otherwise. */
  readonly doubted: ReadonlyMap<string, number>;
}

export const undamped = (members: readonly Candidate[]): Damped => ({
  believed: new Map(members.map((one) => [one.node, one])),
  doubted: new Map(),
});

export interface DampedChange {
  readonly present: readonly Candidate[];
  /** Who left in order. */
  readonly left: ReadonlySet<string>;
  readonly nowMs: number;
  readonly dampMs: number;
}

export function damp(state: Damped, { present, left, nowMs, dampMs }: DampedChange): Damped {
  const seen = new Map(present.map((one) => [one.node, one]));
  const believed = new Map(state.believed);
  const doubted = new Map<string, number>();
  for (const node of new Set([...seen.keys(), ...believed.keys()])) {
    const now = seen.get(node);
    if ((now === undefined) === !believed.has(node)) {
      if (now !== undefined) believed.set(node, now);
      continue;
    }
    const sinceMs = state.doubted.get(node) ?? nowMs;
    const isSettled = nowMs - sinceMs >= dampMs || (now === undefined && left.has(node));
    if (!isSettled) doubted.set(node, sinceMs);
    else if (now === undefined) believed.delete(node);
    else believed.set(node, now);
  }
  return { believed, doubted };
}
