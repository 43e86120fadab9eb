import { actionsOf } from '../../src/modes/actions.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type { FrameFault } from '../../src/simulator/faults.js';
import type { Knobs } from './knobs.js';
import type { FaultKind, PlannedFault } from './fault-plan.js';
import type { SimulatedNetwork } from './network.js';
import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { StoreSwitches } from './stores.js';
import { INJECTED, type HandlerFault } from './witnesses.js';

/** What faults act on. */
export interface FaultTargets {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly switches: StoreSwitches;
  readonly knobs: Knobs;
  readonly process: () => SimulatedProcess | null;
  /** The process dies now and a new one starts after the delay. */
  killProcess(restartAfterMs: number): void;
  /** All processes of the node from now on have this much more on their wall clock. */
  jumpClock(byMs: number): void;
  readonly armed: Map<string, HandlerFault>;
  busExtraMs: number;
  /** Exchange → until when its channels were silent. */
  readonly silentUntilMs: Map<string, number>;
}

type FrameKind = Extract<FaultKind, FrameFault['kind']>;

const FRAME_FAULTS: Readonly<Record<string, FrameFault['kind']>> = {
  mute: 'mute',
  gap: 'drop',
  duplicate: 'duplicate',
  reorder: 'reorder',
  garbage: 'garbage',
  truncate: 'truncate',
} satisfies Partial<Record<FaultKind, FrameFault['kind'] | FrameKind>>;

/** Brings one planned fault about; returns how to end it. */
export function inflict(fault: PlannedFault, on: FaultTargets): () => void {
  const frames = FRAME_FAULTS[fault.kind];
  if (frames !== undefined) return damageFrames(fault, frames, on);
  const line = on.network.lines.get(fault.exchange)!;
  const face = on.faces.get(fault.exchange)!;
  switch (fault.kind) {
    case 'crash':
      return once(() => crash(fault.actor, on));
    case 'throw-before':
    case 'throw-after':
    case 'hang':
      on.armed.set(fault.actor, fault.kind);
      return () => on.armed.delete(fault.actor);
    case 'kill':
      return once(() => on.killProcess(500 + 4_000 * fault.amount));
    case 'pause':
      return once(() => pause(fault, on));
    case 'socket-drop':
      return once(() => on.network.openLinks(fault.exchange).forEach((link) => link.drop()));
    case 'half-open':
      return once(() => halfOpen(fault, on));
    case 'refuse-connections':
      face.faults.refuseConnections = true;
      return () => (face.faults.refuseConnections = false);
    case 'http-errors':
      return face.faults.addHttp({ status: fault.amount < 0.5 ? 503 : 500 });
    case 'black-hole':
      line.blackHole = true;
      return () => (line.blackHole = false);
    case 'slow-line':
      line.extraMs = 20 + 800 * fault.amount;
      return () => (line.extraMs = 0);
    default:
      return inflictOnNode(fault, on);
  }
}

function inflictOnNode(fault: PlannedFault, on: FaultTargets): () => void {
  const { switches } = on;
  switch (fault.kind) {
    case 'store-slow':
      switches.slowMs = 20 + 1_500 * fault.amount;
      return () => (switches.slowMs = 0);
    case 'store-down':
      switches.down = true;
      return () => (switches.down = false);
    case 'store-lost-ack':
      switches.lostAcknowledgements += 1 + Math.floor(4 * fault.amount);
      return () => (switches.lostAcknowledgements = 0);
    case 'clock-jump': {
      const byMs = jumpMs(fault.amount);
      on.jumpClock(byMs);
      // NTP puts it right again.
      return () => on.jumpClock(-byMs);
    }
    case 'bus-delay':
      on.busExtraMs = 300 * fault.amount;
      return () => (on.busExtraMs = 0);
    case 'kill-switch':
      throwSwitch(true, on);
      return () => throwSwitch(false, on);
    default:
      throw new Error(`no fault is called ${fault.kind}`);
  }
}

const once = (action: () => void): (() => void) => {
  action();
  return () => undefined;
};

/** Two thirds are small, as after NTP; the others are what an operator does by mistake. */
function jumpMs(amount: number): number {
  const part = amount * 3;
  if (part < 2) return (part - 1) * 600;
  return part < 2.5 ? -120_000 : 120_000;
}

function crash(path: string, on: FaultTargets): void {
  const process = on.process();
  process?.within(async () => {
    // An actor that does not run just now cannot be crashed.
    await process.node?.tree.crash(path, INJECTED).catch(() => undefined);
  });
}

function pause(fault: PlannedFault, on: FaultTargets): void {
  const process = on.process();
  if (process !== null) process.owner.pausedUntilMs = on.scheduler.nowMs + fault.forMs;
}

function halfOpen(fault: PlannedFault, on: FaultTargets): void {
  for (const link of on.network.openLinks(fault.exchange)) {
    link.halfOpen = true;
    if (link.connectionId !== null) on.faces.get(fault.exchange)!.faults.makeHalfOpen(link.connectionId);
  }
}

function damageFrames(fault: PlannedFault, kind: FrameFault['kind'], on: FaultTargets): () => void {
  if (kind === 'mute') on.silentUntilMs.set(fault.exchange, on.scheduler.nowMs + fault.forMs);
  const probability = kind === 'mute' ? 1 : 0.02 + 0.3 * fault.amount ** 3;
  return on.faces.get(fault.exchange)!.faults.add({ kind, probability });
}

/** As a person does through the API. */
function throwSwitch(engaged: boolean, on: FaultTargets): void {
  const process = on.process();
  const node = process?.node;
  if (process === null || node === undefined || node === null) return;
  const { setKillSwitch } = actionsOf(node, process.time, process.stores?.settings ?? null);
  // What cannot be confirmed is repeated by a person, not by the node; the auditors follow what was said on the bus.
  process.within(() => setKillSwitch(engaged, INJECTED, 'operator').catch(() => undefined));
}
