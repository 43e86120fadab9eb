import { Decimal } from 'decimal.js';
import { BoardApply } from '../../../src/cluster/board/apply.js';
import { TRUST_OK } from '../../../src/market/quote-board.js';
import type { ArbitrageClosed, SubmitLeg } from '../../../src/messages/order.js';
import type { LedgerEntry } from '../../../src/messages/ledger.js';
import type { AccountBooks } from '../accounts.js';
import type { ClusterScene, FenceAuditor } from './auditors.js';
import type { Owner } from '../scheduler.js';
import type { ClusterMember } from './member.js';

/** A living source is heard of within this: heartbeats are far more frequent. */
const ALIVE_MS = 1_000;

interface Shown {
  readonly epoch: number;
  readonly isLiving: boolean;
}

/** The highest epoch shows: no book of an older one takes the place of a newer one that lives and is trusted. */
export class EpochAuditor {
  private readonly scene: ClusterScene;
  private readonly shown = new Map<string, Shown>();
  /** Processes that gave up a source in this step: what it showed may be followed by an older feed that goes on. */
  private readonly released = new Set<Owner>();

  constructor(scene: ClusterScene) {
    this.scene = scene;
  }

  /** Learns when a follower gives up a source that withdrew or fell silent. Returns what ends it. */
  watch(owner: () => Owner): () => void {
    const real = Object.getOwnPropertyDescriptor(BoardApply.prototype, 'release')!;
    const release = real.value as BoardApply['release'];
    const { released } = this;
    BoardApply.prototype.release = function (this: BoardApply, source) {
      released.add(owner());
      release.call(this, source);
    };
    return () => Object.defineProperty(BoardApply.prototype, 'release', real);
  }

  afterStep(member: ClusterMember): void {
    const { process } = member;
    const board = process?.node?.board;
    if (process === null || board === undefined) return;
    const nowMs = process.time.monotonicMs();
    const isReleased = this.released.delete(process.owner);
    for (let slot = 0; slot < board.size; slot++) {
      const key = `${process.owner.name} ${slot}`;
      const epoch = board.epoch[slot]!;
      const before = this.shown.get(key);
      if (before?.isLiving === true && epoch < before.epoch && !isReleased)
        this.scene.violated(
          'newest-epoch-shows',
          `${key}: epoch ${epoch} after ${before.epoch}, which lives`,
        );
      const isLiving = board.trust[slot] === TRUST_OK && nowMs - board.aliveMonotonicMs[slot]! < ALIVE_MS;
      this.shown.set(key, { epoch, isLiving });
    }
  }
}

interface Ownership {
  readonly scene: ClusterScene;
  readonly fences: FenceAuditor;
  readonly exchanges: readonly string[];
  readonly assets: readonly string[];
  /** Books that were trusted at some moment since nothing is wrong any more, by member and slot. */
  readonly trusted: Set<string>;
}

/**
 * I20: what the cluster should come to once nothing is wrong any more: everything owned once, and books trusted everywhere. A book
 * may be distrusted again a moment later, where an exchange shows a crossed one. Returns by name what is not so yet.
 */
export function notOwnedOnce({ scene, fences, exchanges, assets, trusted }: Ownership): Map<string, string> {
  const problems = new Map<string, string>();
  const members = scene.members.filter(({ isGone }) => !isGone);
  const silent = members.filter(({ isRunning }) => !isRunning);
  if (silent.length > 0) problems.set('all-running', silent.map(({ name }) => name).join());
  const holders = fences.holders();
  if (holders.length !== 1) problems.set('lease-held-once', holders.map(({ owner }) => owner.name).join());
  const ownersOf = (path: string): ClusterMember[] => members.filter((one) => one.actor(path) !== null);
  for (const exchange of exchanges) {
    const owners = ownersOf(`node/feeds/${exchange}`);
    const [only] = owners;
    const state = only?.actor(`node/feeds/${exchange}`)?.['state'];
    if (owners.length !== 1 || state !== 'live')
      problems.set(
        'feed-owned-once',
        `${exchange}: ${owners.map(({ name }) => name).join()} ${String(state)}`,
      );
  }
  for (const asset of assets) {
    const owners = members.filter((one) => assetsOf(one).includes(asset));
    if (owners.length !== 1)
      problems.set('detector-owned-once', `${asset}: ${owners.map(({ name }) => name).join()}`);
  }
  for (const path of ['node/watch/portfolio', 'node/trade/gate', 'node/trade/saga']) {
    const owners = ownersOf(path);
    if (owners.length !== 1)
      problems.set('singleton-owned-once', `${path}: ${owners.map(({ name }) => name).join()}`);
  }
  for (const member of members) {
    const missing = neverTrusted(member, trusted);
    if (missing.length > 0) problems.set('books-trusted', `${member.name}: slots ${missing.join()}`);
    const seen = member.process?.node?.member?.view.state.members.size ?? 0;
    if (seen !== members.length - 1) problems.set('members-known', `${member.name} sees ${seen} others`);
    const holds = (member.actor('node/trade/gate')?.['holds'] ?? []) as readonly string[];
    const ours = holds.filter((source) => source === 'lease' || source === 'membership');
    if (ours.length > 0) problems.set('gate-open', `${member.name}: ${ours.join()}`);
  }
  return problems;
}

/** Once the markets stand still: nothing is under way, and the ledger is what the exchanges hold. */
export function notAtRest(scene: ClusterScene, books: AccountBooks): Map<string, string> {
  const problems = new Map<string, string>();
  ordersUnderWay(scene, books, problems);
  differences(scene, books, problems);
  return problems;
}

const assetsOf = (member: ClusterMember): readonly string[] =>
  member.actor('node/detect/spatial') === null
    ? []
    : ((member.actor('node/cluster/placement')?.['assets'] ?? []) as readonly string[]);

function neverTrusted(member: ClusterMember, trusted: Set<string>): number[] {
  const board = member.process?.node?.board;
  if (board === undefined) return [];
  const slots = Array.from({ length: board.size }, (_, slot) => slot);
  for (const slot of slots) if (board.trust[slot] === TRUST_OK) trusted.add(`${member.name} ${slot}`);
  return slots.filter((slot) => !trusted.has(`${member.name} ${slot}`));
}

function ordersUnderWay(
  { database }: ClusterScene,
  books: AccountBooks,
  problems: Map<string, string>,
): void {
  const legs = [...database.legs.values()].map((body) => JSON.parse(body) as SubmitLeg);
  const isEnded = ({ arbitrageId }: SubmitLeg): boolean => database.arbitrages.has(arbitrageId);
  const open = legs.filter((leg) => !isEnded(leg));
  if (open.length > 0) problems.set('arbitrages-terminal', open.map((leg) => leg.arbitrageId).join());
  for (const [exchange, account] of books.accounts) {
    const resting = account.orders().filter(({ state }) => state === 'open');
    if (resting.length > 0)
      problems.set('orders-terminal', `${exchange}: ${resting.map((one) => one.clientOrderId).join()}`);
  }
}

/** Sums of the ledger's rows against what the exchanges themselves say. */
function differences({ database }: ClusterScene, books: AccountBooks, problems: Map<string, string>): void {
  const booked = new Map<string, Decimal>();
  for (const { body } of database.entries)
    for (const { account, asset, amount } of (JSON.parse(body) as LedgerEntry).postings) {
      if (!account.startsWith('exchange:')) continue;
      const key = `${account.slice('exchange:'.length)} ${asset}`;
      booked.set(key, (booked.get(key) ?? new Decimal(0)).plus(amount));
    }
  for (const [exchange, account] of books.accounts)
    for (const { asset, free, locked } of account.balances()) {
      const held = new Decimal(free).plus(locked);
      const known = booked.get(`${exchange} ${asset}`) ?? new Decimal(0);
      if (!held.eq(known))
        problems.set(
          'balance-is-ledger',
          `${exchange} ${asset}: holds ${held.toFixed()}, booked ${known.toFixed()}`,
        );
    }
}

export const outcomesOf = ({ database }: ClusterScene): string[] =>
  [...database.arbitrages.values()].map((body) => (JSON.parse(body) as ArbitrageClosed).outcome);
