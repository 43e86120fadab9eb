import {
  assetTask,
  cyclesTask,
  feedTask,
  PAIRS_TASK,
  ticksTask,
  WATCH_TASK,
  type Placement,
} from '../cluster/placement.js';
import type { Topology } from '../http/cluster-answers.js';

/** What a node runs that is alone. */
export interface WorkHere {
  readonly exchanges: readonly string[];
  /** Base assets. */
  readonly assets: readonly string[];
  /** Exchanges on which cycles are looked for. */
  readonly cycles: readonly string[];
  /** Whether statistical pairs are looked for. */
  readonly pairs?: boolean;
  readonly records: boolean;
}

/** Where each kind of work belongs; `placement` null = the node is alone and does everything. */
export function placementOf(
  placement: Placement | null,
  self: string,
  { exchanges, assets, cycles, pairs = false, records }: WorkHere,
): Topology['placement'] {
  const ownerOf = (task: string): string | null =>
    placement === null ? self : (placement.get(task) ?? null);
  const owners = (names: readonly string[], task: (name: string) => string) =>
    Object.fromEntries(names.map((name) => [name, ownerOf(task(name))]));
  return {
    feeds: owners(exchanges, feedTask),
    detectors: owners(assets, assetTask),
    ...(cycles.length > 0 && { cycles: owners(cycles, cyclesTask) }),
    ...(pairs && { pairs: ownerOf(PAIRS_TASK) }),
    recorders: placement !== null || records ? owners(exchanges, ticksTask) : {},
    watch: ownerOf(WATCH_TASK),
  };
}
