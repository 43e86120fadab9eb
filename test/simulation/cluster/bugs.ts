import { LeaseWatch } from '../../../src/actors/lease-watch.js';
import { TradeFence } from '../../../src/actors/trade-fence.js';
import { BoardApply } from '../../../src/cluster/board/apply.js';
import type { MemberChange, MembershipState } from '../../../src/cluster/membership.js';
import type { Candidate } from '../../../src/cluster/placement.js';
import { ClusterView } from '../../../src/cluster/view.js';
import { QuoteBoard } from '../../../src/market/quote-board.js';
import { NodeHosting } from '../../../src/modes/branches/hosting.js';
import type { LeaseRow, MemoryDatabase } from '../../../src/storage/memory/memory-database.js';
import { MemoryLeases } from '../../../src/storage/memory/memory-leases.js';
import { SupervisorNode } from '../../../src/supervisors/supervisor-node.js';
import type { ClusterFaultKind } from './plan.js';
import { replaceMethod } from '../bugs/planted-bug.js';

/** A defect put in on purpose, to prove that the auditors of cluster worlds would find it. It never touches what audits. */
export interface ClusterBug {
  readonly name: string;
  /** What goes wrong, for people. */
  readonly what: string;
  /** A seed that catches it, in a world that suffers these faults only. */
  readonly seed: number;
  readonly faults: readonly ClusterFaultKind[];
  /** Replaces a method of the real code; returns how to put it back. */
  readonly plant: () => () => void;
}

/** What the classes below keep to themselves. */
interface LeasesInside {
  readonly engine: { write(change: (db: MemoryDatabase) => void): Promise<void> };
}
interface ApplyInside {
  isNewest(source: object, slot: number, epoch: number): boolean;
}

interface SupervisorInside {
  afterEnd(slot: object, reason: string, error: Error | null, ranMs: number): Promise<void>;
}

/** Between two renewals nothing changes for longer than this. */
const EARLY_MS = 1_000;

const changesLeases = (leases: MemoryLeases, change: (row: LeaseRow) => LeaseRow): Promise<void> =>
  (leases as unknown as LeasesInside).engine.write(({ leases: rows }) => {
    for (const [resource, row] of rows) rows.set(resource, change(row));
  });

/** Several replaced methods are one bug. */
const together = (...mends: (() => void)[]): (() => void) => {
  return () => [...mends].reverse().forEach((mend) => mend());
};

type Changed = (this: ClusterView, state: MembershipState, changes: readonly MemberChange[]) => void;

export const CLUSTER_BUGS: readonly ClusterBug[] = [
  {
    name: 'fence-stays',
    what: 'a lease that is taken over keeps the fence of its former holder',
    seed: 1,
    faults: ['kill'],
    plant: () =>
      replaceMethod(MemoryLeases.prototype, 'acquire', (real) => {
        return async function (this: MemoryLeases, claim) {
          const before = await this.current(claim.resource);
          const answer = await real.call(this, claim);
          if (before === null || answer.kind !== 'granted' || before.fence === answer.lease.fence)
            return answer;
          await changesLeases(this, (row) => ({ ...row, fence: before.fence }));
          return { ...answer, lease: { ...answer.lease, fence: before.fence } };
        };
      }),
  },
  {
    name: 'former-not-waited-for',
    what: 'who takes a lease over begins while requests of the former holder are still valid',
    seed: 1,
    faults: ['kill'],
    plant: () =>
      replaceMethod(MemoryLeases.prototype, 'acquire', (real) => {
        return async function (this: MemoryLeases, claim) {
          const answer = await real.call(this, claim);
          return { ...answer, lease: { ...answer.lease, formerExpiryMs: 0 } };
        };
      }),
  },
  {
    name: 'deadline-ignored',
    what: 'a process that cannot renew its lease goes on believing in it',
    seed: 1,
    faults: ['store-gone'],
    plant: () =>
      replaceMethod(TradeFence.prototype, 'leftMs', () => {
        return function (this: TradeFence) {
          const { held } = this as unknown as { held: object | null };
          return held === null ? null : 1_000;
        };
      }),
  },
  {
    name: 'lease-taken-early',
    what: 'who stands by takes the lease of a holder that is only late',
    seed: 1,
    faults: ['store-gone', 'pause'],
    plant: () =>
      replaceMethod(LeaseWatch.prototype, 'see', (real) => {
        return function (this: LeaseWatch, lease, nowMs) {
          const sight = real.call(this, lease, nowMs);
          if (lease === null || sight.kind !== 'held' || lease.ttlMs - sight.dueInMs < EARLY_MS) return sight;
          return { kind: 'silent', fence: lease.fence, renewals: lease.renewals };
        };
      }),
  },
  {
    name: 'silent-node-kept',
    what: 'a node that is silent is a member for ever',
    seed: 1,
    faults: ['die'],
    plant: () =>
      replaceMethod(ClusterView.prototype, 'changed', (real): Changed => {
        return function (state, changes) {
          const members = new Map(state.members);
          for (const { kind, announced } of changes) {
            const known = this.member(announced.node);
            if (kind === 'lost' && known !== undefined) members.set(announced.node, known);
          }
          real.call(
            this,
            { ...state, members },
            changes.filter(({ kind }) => kind !== 'lost'),
          );
        };
      }),
  },
  {
    name: 'own-favoured',
    what: 'each node thinks itself the ablest, so that all own everything',
    seed: 1,
    faults: [],
    plant: () =>
      replaceMethod(ClusterView.prototype, 'candidates', (real) => {
        return function (this: ClusterView): readonly Candidate[] {
          const own = (one: Candidate): boolean => one.node === this.identity.node;
          return real.call(this).map((one) => (own(one) ? { ...one, capacity: 1e6 } : one));
        };
      }),
  },
  {
    name: 'former-owner-goes-on',
    what: 'a feed that belongs to another node by now is not ended',
    seed: 1,
    faults: ['kill', 'pause'],
    plant: () => replaceMethod(NodeHosting.prototype, 'stopFeed', () => () => undefined),
  },
  {
    name: 'older-epoch-shown',
    what: 'a follower takes books of an older epoch',
    seed: 1,
    faults: ['pause', 'kill'],
    plant: () =>
      together(
        replaceMethod(BoardApply.prototype as unknown as ApplyInside, 'isNewest', () => () => true),
        replaceMethod(QuoteBoard.prototype, 'accepts', () => () => true),
      ),
  },
  {
    name: 'programs-not-compared',
    what: 'a node with another program is one as all others',
    seed: 1,
    faults: ['other-build'],
    plant: () =>
      replaceMethod(ClusterView.prototype, 'changed', (real): Changed => {
        return function (state, changes) {
          const { build } = this.identity;
          const same = [...state.members].map(
            ([node, member]) => [node, { ...member, announced: { ...member.announced, build } }] as const,
          );
          real.call(this, { ...state, members: new Map(same) }, changes);
        };
      }),
  },
  {
    name: 'crash-not-answered',
    what: 'an actor that crashed is not started again',
    seed: 1,
    faults: ['crash'],
    plant: () =>
      replaceMethod(SupervisorNode.prototype as unknown as SupervisorInside, 'afterEnd', (real) => {
        return function (this: SupervisorInside, slot, reason, error, ranMs) {
          return reason === 'crash' && ranMs > 0
            ? Promise.resolve()
            : real.call(this, slot, reason, error, ranMs);
        };
      }),
  },
];

/** Throws naming the known ones. */
export function clusterBugNamed(name: string): ClusterBug {
  const bug = CLUSTER_BUGS.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  throw new Error(`--bug: '${name}' is not one of ${CLUSTER_BUGS.map((one) => one.name).join(', ')}`);
}
