import type { Prng } from '../../src/simulator/prng.js';
import type { Direction } from '../cluster/bed/host.js';
import type { Peer, Stage } from './stage.js';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is done to the cluster, drawn from a seed. */

export const KINDS = [
  'kill -9 of a node',
  'pause of a node',
  'cut both ways',
  'cut in',
  'cut out',
  'flapping',
  'cut from PostgreSQL',
  'cut from NATS',
  'NATS stopped',
  'NATS killed',
  'PostgreSQL stopped',
  'PostgreSQL killed',
  'Redis killed',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Schedule {
  readonly kind: Kind;
  /** The holder of the lease, or one of the others. */
  readonly aim: 'holder' | 'other';
  readonly holdMs: number;
  /** Flapping: each phase, cut and whole in turn. */
  readonly phasesMs: readonly number[];
}

/** Beyond the lease of 4 s and what a successor waits. */
const HOLD_MS = [5_500, 9_000] as const;
const PHASE_MS = [80, 1_500] as const;
const FLAPS = 10;
/** Of ten, those that meet the holder. */
const HOLDER_SHARE = 0.7;

/** Every kind once, in an order of its own, then again: short runs meet many, long ones each equally often. */
export function drawSchedules(prng: Prng, count: number, kinds: readonly Kind[] = KINDS): Schedule[] {
  const drawn: Schedule[] = [];
  while (drawn.length < count) {
    const deck = kinds.map((kind) => ({ kind, place: prng.next() })).sort((a, b) => a.place - b.place);
    for (const { kind } of deck)
      drawn.push({
        kind,
        aim: prng.next() < HOLDER_SHARE ? 'holder' : 'other',
        holdMs: Math.round(prng.between(...HOLD_MS)),
        phasesMs: Array.from({ length: FLAPS }, () => Math.round(prng.between(...PHASE_MS))),
      });
  }
  return drawn.slice(0, count);
}

/** A fault in force. */
export interface Fault {
  /** Null = it is in the servers. */
  readonly node: string | null;
  /** The others are expected to take over what it had. */
  readonly moves: boolean;
  /** Lasts until then; resolves early where the fault needs no time. */
  readonly hold: () => Promise<void>;
  readonly heal: () => Promise<void>;
}

const CUTS: Partial<Record<Kind, { readonly way: Direction; readonly to?: Peer }>> = {
  'cut both ways': { way: 'both' },
  'cut in': { way: 'in' },
  'cut out': { way: 'out' },
  'cut from PostgreSQL': { way: 'both', to: 'postgres' },
  'cut from NATS': { way: 'both', to: 'nats' },
};

/** Begins it. */
export async function inflict(
  stage: Stage,
  { kind, holdMs, phasesMs }: Schedule,
  node: string,
): Promise<Fault> {
  const hold = () => sleep(holdMs);
  const cut = CUTS[kind];
  if (cut !== undefined) {
    stage.cut(node, cut.way, cut.to);
    return { node, moves: cut.to !== 'nats', hold, heal: () => Promise.resolve(stage.heal(node)) };
  }
  switch (kind) {
    case 'kill -9 of a node':
      stage.signal(node, 'SIGKILL');
      return { node, moves: true, hold: () => Promise.resolve(), heal: () => stage.start(node) };
    case 'pause of a node':
      stage.signal(node, 'SIGSTOP');
      return { node, moves: true, hold, heal: () => Promise.resolve(stage.signal(node, 'SIGCONT')) };
    case 'flapping':
      return {
        node,
        moves: false,
        hold: () => flap(stage, node, phasesMs),
        heal: () => Promise.resolve(stage.heal(node)),
      };
    default:
      return inServer(stage, kind, hold);
  }
}

async function inServer(stage: Stage, kind: Kind, hold: () => Promise<void>): Promise<Fault> {
  const [name, how] = kind.split(' ') as ['NATS' | 'PostgreSQL' | 'Redis', 'stopped' | 'killed'];
  const { nats, postgres, redis } = stage.servers;
  const server = { NATS: nats, PostgreSQL: postgres, Redis: redis }[name];
  if (server === null) throw new Error(`no ${name}`);
  if (how === 'stopped') server.pause();
  else await server.kill();
  const heal = async () => (how === 'stopped' ? server.resume() : server.restart());
  return { node: null, moves: false, hold, heal };
}

async function flap(stage: Stage, node: string, phasesMs: readonly number[]): Promise<void> {
  for (const [index, ms] of phasesMs.entries()) {
    if (index % 2 === 0) stage.cut(node, (['both', 'in', 'out'] as const)[(index / 2) % 3]!);
    else stage.heal(node);
    await sleep(ms);
  }
}
