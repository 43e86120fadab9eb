import { TradeFence } from '../../../src/actors/trade-fence.js';
import type { NodeAnnounced } from '../../../src/messages/cluster.js';
import type { SupervisionEvent } from '../../../src/messages/supervision.js';
import type { LeaseRow, MemoryDatabase } from '../../../src/storage/memory/memory-database.js';
import type { ExchangeOrder } from '../accounts.js';
import type { WireCall } from '../order-wire.js';
import type { Owner } from '../scheduler.js';
import { WORLD_START_MS } from '../virtual-time.js';
import { INJECTED } from '../witnesses.js';
import type { ClusterMember } from './member.js';

/** What the auditors of a cluster world look at: rows, wires and the fences that processes believe in. */
export interface ClusterScene {
  readonly database: MemoryDatabase;
  readonly members: readonly ClusterMember[];
  readonly nowMs: () => number;
  violated(name: string, detail: string): void;
  reached(point: string): void;
}

/** The lease of several nodes and what they put before a lost store. */
const LEASE_MS = 4_000;
/** Two clocks that drift, and a question under way. */
const SLACK_MS = 300;
/** Clocks that were compared, and the way to the exchange of what was stamped before. */
const LATE_SLACK_MS = 600;
/** That programs differ is known, and told to the gate, this long after the first word of it. */
const KNOWN_AFTER_MS = 2_000;
/** And counts until the other node has been silent for as long as this. */
const HEARD_MS = 1_500;

/**
 * I19: fences strictly grow, no row is accepted under an older one, at most one living process believes that it may spend, and none
 * does while requests of the one before may still be valid.
 */
export class FenceAuditor {
  private readonly scene: ClusterScene;
  private readonly beliefs = new Map<TradeFence, Owner>();
  private rowsSeen = 0;
  private known: LeaseRow | null = null;
  private highest = 0;
  /** Fence → virtual ms from which its holder may spend. */
  private readonly notBefore = new Map<number, number>();
  /** Fence → when another one was taken. */
  readonly supersededMs = new Map<number, number>();

  constructor(scene: ClusterScene) {
    this.scene = scene;
  }

  /** Learns which fence belongs to which process. Returns what ends it. */
  watch(owner: () => Owner): () => void {
    const real = Object.getOwnPropertyDescriptor(TradeFence.prototype, 'hold')!;
    const hold = real.value as TradeFence['hold'];
    const { beliefs } = this;
    TradeFence.prototype.hold = function (this: TradeFence, fence, from, until) {
      if (!beliefs.has(this)) beliefs.set(this, owner());
      hold.call(this, fence, from, until);
    };
    return () => Object.defineProperty(TradeFence.prototype, 'hold', real);
  }

  /** Processes that would journal an order at this moment, and the fence they would do it under. */
  holders(): { readonly owner: Owner; readonly fence: number }[] {
    const found = [];
    for (const [belief, owner] of this.beliefs) {
      if (!owner.alive) this.beliefs.delete(belief);
      const fence = owner.alive ? belief.current() : null;
      if (fence !== null) found.push({ owner, fence });
    }
    return found;
  }

  afterStep(): void {
    const { legFences, leases } = this.scene.database;
    const lease = leases.get('trade') ?? null;
    if (legFences.size !== this.rowsSeen) this.journalled(lease);
    if (lease !== this.known) this.changed(lease);
    this.known = lease;
    this.believed();
  }

  private believed(): void {
    const holders = this.holders();
    if (holders.length > 1)
      this.scene.violated(
        'one-may-spend',
        holders.map(({ owner, fence }) => `${owner.name} under fence ${fence}`).join(', '),
      );
    for (const { owner, fence } of holders) {
      const earliestMs = this.notBefore.get(fence) ?? 0;
      if (this.scene.nowMs() < earliestMs)
        this.scene.violated(
          'former-waited-out',
          `${owner.name} may spend ${(earliestMs - this.scene.nowMs()).toFixed(0)} ms too early`,
        );
    }
  }

  private nowWallMs(): number {
    return WORLD_START_MS + this.scene.nowMs();
  }

  private journalled(lease: LeaseRow | null): void {
    const rows = [...this.scene.database.legFences].slice(this.rowsSeen);
    this.rowsSeen += rows.length;
    for (const [id, fence] of rows) {
      this.scene.reached('order journalled');
      const isOver = lease === null || lease.nonce === null || lease.expiresAtMs <= this.nowWallMs();
      if (isOver || lease.fence !== fence || fence < this.highest)
        this.scene.violated(
          'journal-under-fence',
          `${id} stands under fence ${fence}, the lease is at ${lease?.fence}${isOver ? ' and over' : ''}`,
        );
    }
  }

  private changed(lease: LeaseRow | null): void {
    const { known } = this;
    if (lease === null) return;
    const isTaken = known === null || lease.fence !== known.fence || isOther(lease, known);
    if (!isTaken) return;
    if (lease.fence <= this.highest)
      this.scene.violated('fence-grows', `fence ${lease.fence} is given again after ${this.highest}`);
    this.highest = Math.max(this.highest, lease.fence);
    if (known === null) return this.scene.reached('lease taken first');
    this.supersededMs.set(known.fence, this.scene.nowMs());
    const isClean = known.nonce === null;
    this.scene.reached(
      isClean
        ? 'lease taken after a release'
        : known.holder === lease.holder
          ? 'lease taken by the same node'
          : 'lease taken over',
    );
    if (!isClean) this.notBefore.set(lease.fence, this.scene.nowMs() + known.maxExpiryMs);
  }
}

const isOther = (lease: LeaseRow, known: LeaseRow): boolean =>
  lease.nonce !== null && lease.nonce !== known.nonce;

interface OtherProgram {
  readonly owner: Owner;
  readonly nonce: string;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** F20, F22, F35, I5: what leaves for an exchange, and what it takes. */
export class WireAuditor {
  private readonly scene: ClusterScene;
  private readonly fences: FenceAuditor;
  /** By hearer and node: words of another program. */
  private readonly others = new Map<string, OtherProgram>();

  constructor(scene: ClusterScene, fences: FenceAuditor) {
    this.scene = scene;
    this.fences = fences;
  }

  called(member: ClusterMember, owner: Owner, exchange: string, wire: WireCall): void {
    if (wire.kind !== 'place') return;
    const name = `${exchange} ${wire.clientOrderId} of ${owner.name}`;
    const fence = member.journal.of(wire.clientOrderId)?.fence;
    if (fence === undefined) return this.scene.violated('order-journalled', `${name} has no row`);
    const lease = this.scene.database.leases.get('trade');
    if (lease?.fence !== fence || lease.expiresAtMs <= WORLD_START_MS + this.scene.nowMs())
      this.scene.violated('order-under-fence', `${name}: fence ${fence}, the lease is at ${lease?.fence}`);
    const goneMs = this.scene.nowMs() - (member.storeGoneSinceMs ?? Infinity);
    if (goneMs > LEASE_MS + SLACK_MS)
      this.scene.violated(
        'cut-off-is-silent',
        `${name} leaves ${goneMs.toFixed(0)} ms after the stores were gone`,
      );
    this.scene.reached('order written');
  }

  /** A node has heard what another one says of itself. */
  heard(member: ClusterMember, { node, nonce, build, leaving }: NodeAnnounced): void {
    const owner = member.process?.owner;
    if (owner === undefined) return;
    const key = `${owner.name} ${node}`;
    const known = this.others.get(key);
    if (build === member.build || leaving) return void this.others.delete(key);
    const sinceMs = known?.nonce === nonce ? known.sinceMs : this.scene.nowMs();
    this.others.set(key, { owner, nonce, sinceMs, lastMs: this.scene.nowMs() });
  }

  /** F35: nothing new is begun by who has heard of another program for a while and still hears of it. */
  approved(member: ClusterMember, name: string): void {
    const owner = member.process?.owner;
    const nowMs = this.scene.nowMs();
    for (const other of this.others.values())
      if (other.owner === owner && nowMs - other.sinceMs > KNOWN_AFTER_MS && nowMs - other.lastMs < HEARD_MS)
        this.scene.violated('mixed-programs-refuse', `${member.name} approves ${name} while programs differ`);
    this.scene.reached('approval');
  }

  placed({ exchange, clientOrderId, createdAtMs }: ExchangeOrder): void {
    const row = this.scene.members
      .map(({ journal }) => journal.of(clientOrderId))
      .find((one) => one !== null);
    const name = `${exchange} ${clientOrderId}`;
    this.scene.reached('order taken');
    if (row === undefined || row === null)
      return this.scene.violated('order-journalled', `${name} was taken and is in no journal`);
    const overMs = this.fences.supersededMs.get(row.fence);
    const lateMs = overMs === undefined ? 0 : createdAtMs - WORLD_START_MS - overMs;
    if (lateMs > 1_000 + LATE_SLACK_MS)
      this.scene.violated('no-late-order', `${name} of fence ${row.fence}, over for ${lateMs.toFixed(0)} ms`);
  }
}

interface Tally {
  injected: number;
  /** Ends of any kind that nobody asked for. */
  ends: number;
  injectedEnds: number;
  /** Restarts that were planned, parked ones among them, and escalations. */
  restarts: number;
  escalations: number;
}

/** A crash must have its consequence within this. */
const ANSWERED_WITHIN_MS = 30_000;
/** In a row, each before it ran for a stable minute. */
const MOST_CRASHES = 5;
const STABLE_MS = 60_000;
const ENDS = new Set<SupervisionEvent['kind']>(['crashed', 'hung', 'start_failed']);

/** I18: restarts equal crashes less escalations, in each process, and the intensity is never exceeded. */
export class SupervisionAuditor {
  private readonly scene: ClusterScene;
  private readonly tallies = new Map<Owner, Tally>();
  private readonly open = new Map<string, number>();
  private readonly runs = new Map<string, { readonly startedMs: number; readonly crashes: number }>();

  constructor(scene: ClusterScene) {
    this.scene = scene;
  }

  crashed(owner: Owner): void {
    this.tallyOf(owner).injected++;
  }

  heard(member: ClusterMember, { kind, path, reason }: SupervisionEvent): void {
    const owner = member.process?.owner;
    if (owner === undefined) return;
    const tally = this.tallyOf(owner);
    const key = `${owner.name} ${path}`;
    if (ENDS.has(kind)) {
      tally.ends++;
      if (reason.includes(INJECTED)) {
        tally.injectedEnds++;
        this.scene.reached(`crash of ${path.split('/').slice(0, 2).join('/')}`);
      }
      this.open.set(key, this.scene.nowMs());
      const run = this.runs.get(key);
      const isStable = run !== undefined && this.scene.nowMs() - run.startedMs >= STABLE_MS;
      this.runs.set(key, { startedMs: Infinity, crashes: isStable ? 1 : (run?.crashes ?? 0) + 1 });
    } else if (kind === 'restarting' || kind === 'quarantined') {
      tally.restarts++;
      this.open.delete(key);
      if (kind === 'restarting' && (this.runs.get(key)?.crashes ?? 0) > MOST_CRASHES)
        this.scene.violated(
          'intensity-kept',
          `${key} is started again after ${MOST_CRASHES} crashes in a row`,
        );
    } else if (kind === 'started' || kind === 'restarted') {
      const crashes = this.runs.get(key)?.crashes ?? 0;
      this.runs.set(key, { startedMs: this.scene.nowMs(), crashes });
    } else if (kind === 'escalated') {
      tally.escalations++;
      this.open.delete(key);
    } else if (kind === 'stopped') this.open.delete(key);
  }

  sometimes(): void {
    for (const [key, sinceMs] of this.open)
      if (this.scene.nowMs() - sinceMs > ANSWERED_WITHIN_MS && this.isOfLiving(key))
        this.scene.violated('every-crash-answered', key);
  }

  audit(): void {
    this.sometimes();
    for (const { process } of this.scene.members) {
      const tally = process === null ? undefined : this.tallies.get(process.owner);
      if (tally === undefined || process?.state !== 'running') continue;
      const { name } = process.owner;
      if (tally.injected !== tally.injectedEnds)
        this.scene.violated('every-crash-told', `${name}: ${JSON.stringify(tally)}`);
      if (tally.restarts !== tally.ends - tally.escalations)
        this.scene.violated('restarts-are-crashes', `${name}: ${JSON.stringify(tally)}`);
      if (tally.escalations > 0 && tally.ends <= MOST_CRASHES)
        this.scene.violated('intensity-kept', `${name} gave up early: ${JSON.stringify(tally)}`);
    }
  }

  private isOfLiving(key: string): boolean {
    return this.scene.members.some(
      ({ process }) => process !== null && key.startsWith(`${process.owner.name} `),
    );
  }

  private tallyOf(owner: Owner): Tally {
    const known = this.tallies.get(owner);
    if (known !== undefined) return known;
    const tally = { injected: 0, ends: 0, injectedEnds: 0, restarts: 0, escalations: 0 };
    this.tallies.set(owner, tally);
    return tally;
  }
}
