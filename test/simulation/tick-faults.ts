import { SPOOL_FOLDER } from '../../src/modes/tick-recording.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';
import {
  TICK_FAULT_KINDS,
  type FaultKind,
  type PlannedFault,
  type PlanWindow,
  type TickFaultKind,
} from './fault-plan.js';
import type { NodeTarget } from './faults.js';
import { actorPathsOf } from './knobs.js';

/** Where a node keeps ticks while their store is away. */
export const SPOOL = `/data/${SPOOL_FOLDER}/`;

/** Long enough for many batches to go to the disk. */
const LONGER: Partial<Record<FaultKind, number>> = { 'ticks-down': 4, 'ticks-slow': 2, 'spool-rot': 8 };

/** A stream of its own, after all other faults. */
export function planTickFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  exchanges: readonly SimulatedExchange[],
  firstId: number,
): PlannedFault[] {
  const prng = Prng.of(seed, 'tick faults');
  const allowed = TICK_FAULT_KINDS.filter((kind) => only === null || only.includes(kind));
  const drawn = allowed.filter(() => prng.next() < 0.5);
  const kinds = only === null ? drawn : allowed;
  if (kinds.length === 0) return [];
  const count = Math.ceil(((window.untilMs - window.fromMs) / 60_000) * prng.pick([1, 3, 5]));
  return Array.from({ length: count }, (_, at) => {
    const kind = prng.pick(kinds);
    return {
      id: firstId + at,
      kind,
      atMs: prng.between(window.fromMs, window.untilMs),
      forMs: prng.pick([1_000, 4_000, 12_000]) * prng.between(0.5, 1.5) * (LONGER[kind] ?? 1),
      node: prng.below(2),
      exchange: prng.pick(exchanges),
      actor: prng.pick(actorPathsOf(exchanges)),
      amount: prng.next(),
    };
  });
}

export const isTickFault = (kind: FaultKind): kind is TickFaultKind =>
  (TICK_FAULT_KINDS as readonly string[]).includes(kind);

/** Brings one about; returns how to end it. Nothing of it may reach what trades. */
export function inflictOnTicks({ kind, amount }: PlannedFault, node: NodeTarget): () => void {
  const { tickSwitches } = node;
  let files = 0;
  switch (kind as TickFaultKind) {
    case 'ticks-slow':
      tickSwitches.slowMs = 200 + 9_000 * amount;
      return () => (tickSwitches.slowMs = 0);
    case 'ticks-down':
      tickSwitches.down = true;
      return () => (tickSwitches.down = false);
    case 'ticks-full':
      tickSwitches.full = true;
      return () => (tickSwitches.full = false);
    case 'ticks-lost-ack':
      tickSwitches.lostAcknowledgements += 1 + Math.floor(4 * amount);
      return () => (tickSwitches.lostAcknowledgements = 0);
    case 'spool-rot':
      // Another place in each file that is written meanwhile.
      node.disk.synced = (path) => rot(path, (amount * 7_919 * ++files) % 1, node);
      return () => (node.disk.synced = null);
  }
}

/** One byte of a file of the spool is not what was written. */
function rot(path: string, share: number, { disk, willRot }: NodeTarget): void {
  if (!path.startsWith(SPOOL)) return;
  const at = Math.floor(share * disk.sizeOf(path));
  willRot(path, at);
  disk.rot(path, at);
}
