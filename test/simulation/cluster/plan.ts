import { clusterSchema, type ClusterConfig } from '../../../src/config/cluster.js';
import { Prng } from '../../../src/simulator/prng.js';
import { drawExchanges } from '../exchanges.js';
import { drawKnobs, type Knobs } from '../knobs.js';

/** What a seed draws for a world of three nodes. All ms are virtual. */

export const NODE_NAMES = ['a', 'b', 'c'] as const;
export type NodeName = (typeof NODE_NAMES)[number];

export const CLUSTER_FAULT_KINDS = [
  'one-way', // what one node says reaches another no more
  'cut-off', // one node against two, both ways
  'flapping', // the same, on and off several times a second to every few seconds
  'loss', // a share of all messages to and from a node is lost
  'slow', // all messages to and from a node come late
  'reorder', // and each as late as it likes, so that they overtake each other
  'no-server', // a node has lost the server of messages, and knows it
  'kill', // the process dies and is started again, with another nonce
  'pause', // the process stands still, and goes on
  'store-gone', // one node cannot reach the stores that all share
  'store-slow',
  'store-lost-ack',
  'crash', // a handler of an actor throws
  'other-build', // a node comes back with another program, and later with the right one
  'die', // a node goes and does not come back
] as const;
export type ClusterFaultKind = (typeof CLUSTER_FAULT_KINDS)[number];

export interface ClusterFault {
  /** Stable within the seed. */
  readonly id: number;
  readonly kind: ClusterFaultKind;
  readonly atMs: number;
  readonly forMs: number;
  readonly node: NodeName;
  readonly other: NodeName;
  readonly amount: number;
}

export const WARM_UP_MS = 20_000;
export const FAULTS_MS = 75_000;
/** I20: within this after the last fault everything is owned once and settled. */
export const SETTLED_WITHIN_MS = 60_000;

/** Longer than the membership's patience, and longer than a lease, now and then. */
const DURATIONS_MS = [300, 1_500, 6_000, 12_000];
const FIRST_SHARE = 0.3;
/** A program that differs for a moment only is not noticed by anybody. */
const LEAST_MS: Partial<Record<ClusterFaultKind, number>> = { 'other-build': 8_000 };

export function planClusterFaults(
  seed: number,
  only: readonly ClusterFaultKind[] | null,
): readonly ClusterFault[] {
  const prng = Prng.of(seed, 'cluster faults');
  const drawn = CLUSTER_FAULT_KINDS.filter(() => prng.next() < 0.5);
  const kinds = (only ?? drawn).filter((kind) => kind !== 'die');
  const count = kinds.length === 0 ? 0 : prng.pick([6, 10, 16]);
  const nodes = [...NODE_NAMES];
  const draw = (id: number, kind: ClusterFaultKind): ClusterFault => {
    // The first of the file is asked first, and has the lease more often than the others.
    const drawnNode = prng.next() < FIRST_SHARE ? nodes[0]! : prng.pick(nodes);
    const [other] = prng.shuffled(nodes.filter((name) => name !== drawnNode)) as [NodeName];
    const forMs = Math.max(LEAST_MS[kind] ?? 0, prng.pick(DURATIONS_MS) * prng.between(0.5, 1.5));
    const atMs = WARM_UP_MS + prng.between(0, FAULTS_MS - 5_000);
    return { id, kind, atMs, forMs, node: drawnNode, other, amount: prng.next() };
  };
  const faults = Array.from({ length: count }, (_, id) => draw(id, prng.pick(kinds)));
  if ((only ?? drawn).includes('die')) faults.push(draw(count, 'die'));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Signed orders on the classic three, and nothing wrong with the lines to them: what is looked at is between the nodes. */
export function clusterKnobs(seed: number): Knobs {
  const drawn = drawKnobs(seed, null);
  const classic = drawExchanges(CLASSIC_SEED);
  const { clocks } = drawn;
  return {
    ...drawn,
    topology: 'one',
    orderEntry: 'signed',
    markets: classic,
    mailbox: null,
    timeoutShare: 1,
    busDelayMaxMs: Math.min(2, drawn.busDelayMaxMs),
    assetNotional: 20_000,
    opening: 'rich',
    exchangeRoom: null,
    unchangedMaxMs: 60_000,
    noTradeMinute: null,
    records: false,
    clocks: [...clocks, clocks[0]!],
  };
}

const CLASSIC_SEED = 1;

/** The file that all three share. Nothing of bus and stores is opened from it. */
export function clusterFile(): ClusterConfig {
  const roles = ['feeds', 'detectors', 'trade', 'recorder'] as const;
  return clusterSchema.parse({
    nodes: NODE_NAMES.map((name) => ({ name, region: 'local', roles: [...roles] })),
    bus: { kind: 'nats', urls: ['nats://127.0.0.1:4222'] },
    stores: { trades: { kind: 'postgres', urlEnv: 'PG_URL' } },
  });
}
