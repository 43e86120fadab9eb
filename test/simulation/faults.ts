import { actionsOf } from '../../src/modes/actions.js';
import type { HaltPolicy } from '../../src/messages/risk.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type { SimulatedWorld } from '../../src/simulator/world.js';
import type { FrameFault } from '../../src/simulator/faults.js';
import type { SimulatedDisk } from './disk.js';
import type { AccountBooks } from './accounts.js';
import type { CrashPoint } from './crash-points.js';
import { inflictOnExchange, isExchangeFault } from './exchange-faults.js';
import type { ExchangeClocks } from './exchanges.js';
import type { ActorPath } from './knobs.js';
import type { NodeBus } from './node-bus.js';
import type { FaultKind, PlannedFault } from './fault-plan.js';
import type { SimulatedNetwork } from './network.js';
import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { StoreSwitches } from './stores.js';
import { inflictOnTicks, isTickFault } from './tick-faults.js';
import { inflictOnTrading, isTradingFault } from './trading-faults.js';
import { INJECTED, type HandlerFault } from './witnesses.js';

export interface ArmedFor {
  /** 1 = the next time, 2 = the time after it. */
  readonly passage: number;
  /** Stays armed when the process ends before it comes there. */
  readonly outlives: boolean;
}

/** One node as faults see it. */
export interface NodeTarget {
  readonly switches: StoreSwitches;
  /** Of the store of ticks. */
  readonly tickSwitches: StoreSwitches;
  readonly disk: SimulatedDisk;
  readonly armed: Map<string, HandlerFault>;
  busExtraMs: number;
  /** Does something when this moment of an order's life is passed, once; returns how to call it off. */
  arm(point: CrashPoint, act: () => void, when?: ArmedFor): () => void;
  /** The process dies at this moment, and a new one starts after the delay. */
  crashAt(point: CrashPoint, restartAfterMs: number): void;
  /** Approvals come once more under another name and without a seal. */
  forgesApprovals: boolean;
  /** Overheard signals come once more, damaged. */
  sendsBadSignals: boolean;
  readonly process: () => SimulatedProcess | null;
  /** The actor of that name, or another where this node has none. */
  actorOr(path: ActorPath): string;
  /** The process dies now and a new one starts after the delay. */
  killProcess(restartAfterMs: number): void;
  /** It stands still for so long, while another process of the same trader starts; then it goes on beside it for a while. */
  pausePastLease(forMs: number): void;
  /** A byte of a file of the spool is about to change. */
  readonly willRot: (path: string, at: number) => void;
  /** All processes of the node from now on have this much more on their wall clock. */
  jumpClock(byMs: number): void;
}

/** What faults act on. */
export interface FaultTargets {
  readonly scheduler: Scheduler;
  readonly world: SimulatedWorld;
  readonly network: SimulatedNetwork;
  readonly nodeBus: NodeBus;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly nodes: readonly NodeTarget[];
  /** Exchange → until when its channels were silent. */
  readonly silentUntilMs: Map<string, number>;
  /** Instrument → since when its exchange does not trade it. */
  readonly haltedSinceMs: Map<string, number>;
  readonly clocks: ExchangeClocks;
  /** Null where nobody has an account. */
  readonly books: AccountBooks | null;
}

const CRASH_EVERY_MS = 300;

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
  if (isExchangeFault(fault.kind)) return inflictOnExchange(fault, on);
  if (isTradingFault(fault.kind)) return inflictOnTrading(fault, on);
  const frames = FRAME_FAULTS[fault.kind];
  if (frames !== undefined) return damageFrames(fault, frames, on);
  const line = on.network.lines.get(fault.exchange)!;
  const face = on.faces.get(fault.exchange)!;
  switch (fault.kind) {
    case 'socket-drop':
      return once(() => on.network.openLinks(fault.exchange).forEach((link) => link.drop()));
    case 'half-open':
      return once(() => halfOpen(fault, on));
    case 'refuse-connections':
      face.faults.refuseConnections = true;
      return () => (face.faults.refuseConnections = false);
    case 'http-errors':
      return face.faults.addHttp({ status: fault.amount < 0.5 ? 503 : 500 });
    case 'too-many-requests':
      // Who has to synchronise anew has something to ask for.
      on.network.openLinks(fault.exchange).forEach((link) => link.drop());
      return face.faults.addHttp({ status: 429, retryAfterSeconds: 1 + Math.floor(20 * fault.amount) });
    case 'black-hole':
      line.blackHole = true;
      return () => (line.blackHole = false);
    case 'slow-line':
      line.extraMs = 20 + 800 * fault.amount;
      return () => (line.extraMs = 0);
    case 'bus-cut':
      on.nodeBus.isCut = true;
      return () => (on.nodeBus.isCut = false);
    default:
      return inflictOnNode(fault, on.nodes[fault.node % on.nodes.length]!, on.scheduler);
  }
}

function inflictOnNode(fault: PlannedFault, node: NodeTarget, scheduler: Scheduler): () => void {
  const actor = node.actorOr(fault.actor);
  if (isTickFault(fault.kind)) return inflictOnTicks(fault, node);
  switch (fault.kind) {
    case 'crash':
      return once(() => crash(actor, node));
    case 'crash-loop':
      return crashLoop(actor, node, scheduler);
    case 'throw-before':
    case 'throw-after':
    case 'hang':
      node.armed.set(actor, fault.kind);
      return () => node.armed.delete(actor);
    case 'kill':
      return once(() => node.killProcess(500 + 4_000 * fault.amount));
    case 'power-cut':
      return once(() => {
        node.killProcess(2_000 + 6_000 * fault.amount);
        node.disk.cutPower();
      });
    case 'pause':
      return once(() => pause(fault, node, scheduler));
    case 'clock-jump': {
      const byMs = jumpMs(fault.amount);
      node.jumpClock(byMs);
      // NTP puts it right again.
      return () => node.jumpClock(-byMs);
    }
    case 'bus-delay':
      node.busExtraMs = 300 * fault.amount;
      return () => (node.busExtraMs = 0);
    case 'kill-switch':
      throwSwitch(true, node);
      return () => throwSwitch(false, node);
    case 'bad-signals':
      node.sendsBadSignals = true;
      return () => (node.sendsBadSignals = false);
    default:
      return inflictOnStorage(fault, node);
  }
}

function inflictOnStorage(fault: PlannedFault, node: NodeTarget): () => void {
  const { switches, disk } = node;
  switch (fault.kind) {
    case 'store-slow':
      switches.slowMs = 20 + 1_500 * fault.amount;
      return () => (switches.slowMs = 0);
    case 'store-down':
      switches.down = true;
      return () => (switches.down = false);
    case 'store-full':
      switches.full = true;
      return () => (switches.full = false);
    case 'store-lost-ack':
      switches.lostAcknowledgements += 1 + Math.floor(4 * fault.amount);
      return () => (switches.lostAcknowledgements = 0);
    case 'store-torn':
      switches.torn = {
        as: fault.amount < 0.5 ? 'lost' : 'kept',
        die: () => node.killProcess(500 + 4_000 * fault.amount),
      };
      return () => (switches.torn = null);
    case 'disk-slow':
      disk.slowMs = 20 + 2_000 * fault.amount;
      return () => (disk.slowMs = 0);
    case 'disk-full':
      disk.full = true;
      return () => (disk.full = false);
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

function crash(path: string, node: NodeTarget): void {
  const process = node.process();
  process?.within(async () => {
    // An actor that does not run just now cannot be crashed.
    await process.node?.tree.crash(path, INJECTED).catch(() => undefined);
  });
}

/** Long enough for the pauses between restarts, until the supervisor gives the child up. */
function crashLoop(path: string, node: NodeTarget, scheduler: Scheduler): () => void {
  let isOn = true;
  const again = (): void => {
    if (!isOn) return;
    crash(path, node);
    scheduler.plan(scheduler.world, CRASH_EVERY_MS, again);
  };
  again();
  return () => (isOn = false);
}

function pause(fault: PlannedFault, node: NodeTarget, scheduler: Scheduler): void {
  const process = node.process();
  if (process !== null) process.owner.pausedUntilMs = scheduler.nowMs + fault.forMs;
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
export function throwSwitch(engaged: boolean, target: NodeTarget, policy?: HaltPolicy): void {
  const process = target.process();
  const node = process?.node;
  if (process === null || node === undefined || node === null) return;
  const { setKillSwitch } = actionsOf(node, process.time, { settings: process.stores?.settings ?? null });
  // What cannot be confirmed is repeated by a person, not by the node; the auditors follow what was said on the bus.
  process.within(() => setKillSwitch(engaged, INJECTED, 'operator', policy).catch(() => undefined));
}
