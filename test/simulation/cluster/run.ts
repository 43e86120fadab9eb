import { replaceGlobals } from '../globals.js';
import type { WorldResult } from '../world.js';
import { clusterBugNamed } from './bugs.js';
import { clusterKnobs, planClusterFaults, type ClusterFaultKind } from './plan.js';
import { ClusterWorld } from './world.js';

export interface ClusterRequest {
  readonly seed: number;
  /** Null = as the seed draws. */
  readonly faults: readonly ClusterFaultKind[] | null;
  /** Ids of the schedule's entries to keep; null = all. */
  readonly keep: readonly number[] | null;
  readonly bug: string | null;
}

/** Runs one seed of a cluster world in this process, whose globals of time and chance are the seed's meanwhile. */
export async function runCluster(
  request: ClusterRequest,
): Promise<WorldResult & { readonly world: ClusterWorld; readonly cpuMs: number }> {
  const { seed, keep } = request;
  const bug = request.bug === null ? null : clusterBugNamed(request.bug);
  const faults = planClusterFaults(seed, request.faults).filter(({ id }) => keep?.includes(id) ?? true);
  const usedBefore = process.cpuUsage();
  const world = new ClusterWorld({ seed, knobs: clusterKnobs(seed), faults });
  const restore = replaceGlobals(world.scheduler, seed);
  const mend = bug?.plant() ?? (() => undefined);
  const escaped = (error: unknown): void =>
    world.violated(
      'no-escaped-error',
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
  process.on('unhandledRejection', escaped);
  process.on('uncaughtException', escaped);
  try {
    const result = await world.run(bug !== null);
    const { user, system } = process.cpuUsage(usedBefore);
    return { ...result, world, cpuMs: (user + system) / 1_000 };
  } finally {
    process.off('unhandledRejection', escaped);
    process.off('uncaughtException', escaped);
    mend();
    restore();
  }
}
