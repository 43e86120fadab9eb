import type { Scheduler } from '../scheduler.js';
import type { ClusterLinks, LinkFaults } from './links.js';
import { BUILD, OTHER_BUILD, type ClusterMember } from './member.js';
import { NODE_NAMES, type ClusterFault, type NodeName } from './plan.js';

/** Where the faults of a cluster world take hold. */
export interface ClusterTargets {
  readonly scheduler: Scheduler;
  readonly links: ClusterLinks;
  readonly nowMs: () => number;
  member(name: NodeName): ClusterMember;
}

const nothing = (): void => undefined;
const CRASHING = [
  'node/cluster/membership',
  'node/cluster/placement',
  'node/trade/lease',
  'node/trade/gate',
  'node/trade/saga',
  'node/trade/ledger',
  'node/feeds/okx',
  'node/detect/spatial',
];

/** Does what the schedule says; returns what ends it. Faults of one kind may overlap. */
export function inflictOn(fault: ClusterFault, targets: ClusterTargets): () => void {
  const { kind, node, other, forMs, amount } = fault;
  const member = targets.member(node);
  switch (kind) {
    case 'one-way':
      return cut([targets.links.line(node, other)]);
    case 'cut-off':
      return cut(linesOf(targets.links, node));
    case 'flapping':
      return flap(fault, targets);
    case 'loss':
      return changed(linesOf(targets.links, node), 'loss', 0.1 + 0.8 * amount);
    case 'slow':
      return changed(linesOf(targets.links, node), 'extraMs', 50 + 1_500 * amount);
    case 'reorder':
      return changed(linesOf(targets.links, node), 'jitterMs', 50 + 1_500 * amount);
    case 'no-server':
      targets.links.withoutServer.add(node);
      return () => void targets.links.withoutServer.delete(node);
    case 'kill':
      member.kill(forMs);
      return nothing;
    case 'die':
      member.kill(null);
      return nothing;
    case 'pause':
      member.pause(forMs);
      return nothing;
    case 'store-gone':
      return storeGone(member, targets.nowMs());
    case 'store-slow':
      member.switches.slowMs = 100 + 900 * amount;
      return () => void (member.switches.slowMs = 0);
    case 'store-lost-ack':
      member.switches.lostAcknowledgements = 1 + Math.floor(amount * 4);
      return () => void (member.switches.lostAcknowledgements = 0);
    case 'crash':
      member.arm(
        CRASHING[Math.floor(amount * CRASHING.length)]!,
        amount * 16 - Math.floor(amount * 16) < 0.5 ? 'throw-before' : 'throw-after',
      );
      return nothing;
    case 'other-build':
      return otherBuild(member);
  }
}

const linesOf = (links: ClusterLinks, node: NodeName): LinkFaults[] =>
  NODE_NAMES.filter((name) => name !== node).flatMap((name) => [
    links.line(node, name),
    links.line(name, node),
  ]);

function cut(lines: readonly LinkFaults[]): () => void {
  for (const line of lines) line.cuts++;
  return () => lines.forEach((line) => line.cuts--);
}

function changed(
  lines: readonly LinkFaults[],
  what: 'loss' | 'extraMs' | 'jitterMs',
  by: number,
): () => void {
  for (const line of lines) line[what] += by;
  return () => lines.forEach((line) => (line[what] = Math.max(0, line[what] - by)));
}

/** Cut and whole by turns, each for as long as the last. */
function flap({ node, amount }: ClusterFault, { links, scheduler }: ClusterTargets): () => void {
  const periodMs = 150 + 4_000 * amount * amount;
  const lines = linesOf(links, node);
  let heal: (() => void) | null = null;
  let isOver = false;
  const turn = (): void => {
    if (isOver) return;
    if (heal === null) heal = cut(lines);
    else {
      heal();
      heal = null;
    }
    scheduler.plan(scheduler.world, periodMs, turn);
  };
  turn();
  return () => {
    isOver = true;
    heal?.();
    heal = null;
  };
}

function storeGone(member: ClusterMember, nowMs: number): () => void {
  const { switches } = member;
  if (switches.down) return nothing;
  switches.down = true;
  member.storeGoneSinceMs = nowMs;
  return () => {
    switches.down = false;
    member.storeGoneSinceMs = null;
  };
}

const REPLACED_AFTER_MS = 500;

function otherBuild(member: ClusterMember): () => void {
  member.build = OTHER_BUILD;
  member.kill(REPLACED_AFTER_MS);
  return () => {
    member.build = BUILD;
    member.kill(REPLACED_AFTER_MS);
  };
}
