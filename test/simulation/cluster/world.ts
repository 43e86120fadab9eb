import type { SupervisionEvent } from '../../../src/messages/supervision.js';
import { createFaces, type AnyFace } from '../../../src/simulator/faces.js';
import { Prng } from '../../../src/simulator/prng.js';
import { SimulatedWorld } from '../../../src/simulator/world.js';
import { createMemoryDatabase } from '../../../src/storage/memory/memory-database.js';
import { AccountBooks } from '../accounts.js';
import { adjustFaces, sendAtOnce } from '../exchanges.js';
import { FasterTraders } from '../faster-traders.js';
import { followedPairs, PLANTS, tradingOf, type Knobs } from '../knobs.js';
import { SimulatedNetwork } from '../network.js';
import { Scheduler, type Owner } from '../scheduler.js';
import { Trace } from '../trace.js';
import { VirtualTime, WORLD_START_MS } from '../virtual-time.js';
import type { Violation, WorldResult } from '../world.js';
import { FenceAuditor, SupervisionAuditor, WireAuditor, type ClusterScene } from './auditors.js';
import { inflictOn } from './faults.js';
import { ClusterLinks } from './links.js';
import { ClusterMember, type ClusterSurroundings } from './member.js';
import {
  clusterFile,
  FAULTS_MS,
  NODE_NAMES,
  SETTLED_WITHIN_MS,
  WARM_UP_MS,
  type ClusterFault,
  type NodeName,
} from './plan.js';
import { EpochAuditor, notAtRest, notOwnedOnce, outcomesOf } from './settled.js';

export interface ClusterPlan {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly faults: readonly ClusterFault[];
}

interface Settling {
  readonly withinMs: number;
  readonly staysMs: number;
  readonly isOver: () => boolean;
}

const LOOK_MS = 500;
/** What is settled stays so. */
const STAYS_MS = 3_000;
const MAX_VIOLATIONS = 40;
const TRACE_LINES = 60;
const LOOK_EVERY_WORLD_STEPS = 5;

/** Three whole nodes that share the stores and the accounts at the exchanges, on one virtual time. */
export class ClusterWorld implements ClusterScene {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly database = createMemoryDatabase();
  readonly links: ClusterLinks;
  readonly members: readonly ClusterMember[];
  private readonly plan: ClusterPlan;
  private readonly world: SimulatedWorld;
  private readonly network: SimulatedNetwork;
  private readonly faces: readonly AnyFace[];
  private readonly books: AccountBooks;
  private readonly fences: FenceAuditor;
  private readonly wires: WireAuditor;
  private readonly supervision: SupervisionAuditor;
  private readonly epochs: EpochAuditor;
  private readonly memberOf = new Map<Owner, ClusterMember>();
  private readonly violations: Violation[] = [];
  private readonly points = new Map<string, number>();
  private worldSteps = 0;
  private worldRuns = true;

  constructor(plan: ClusterPlan) {
    const { seed, knobs } = plan;
    this.plan = plan;
    this.scheduler = new Scheduler(seed);
    this.trace = new Trace(this.nowMs);
    this.world = new SimulatedWorld({
      seed,
      startMs: WORLD_START_MS,
      exchanges: knobs.markets.exchanges,
      pairs: followedPairs(knobs),
      stepMs: knobs.stepMs,
      plants: PLANTS,
    });
    const nowMs = (): number => WORLD_START_MS + this.scheduler.nowMs;
    const faces = createFaces({ world: this.world, seed, nowMs });
    adjustFaces(faces, knobs.markets);
    this.faces = Object.values(faces);
    this.fences = new FenceAuditor(this);
    this.wires = new WireAuditor(this, this.fences);
    this.supervision = new SupervisionAuditor(this);
    this.epochs = new EpochAuditor(this);
    this.books = new AccountBooks(this.faces, tradingOf(knobs), () => [
      { placed: (order) => this.wires.placed(order) },
    ]);
    const others = new FasterTraders(this.world, knobs.thinShare, Prng.of(seed, 'thin'));
    this.network = new SimulatedNetwork({
      scheduler: this.scheduler,
      faces: new Map(this.faces.map((face) => [face.exchange, face])),
      prng: Prng.of(seed, 'network'),
      latency: { minMs: 0.2, maxMs: knobs.lineMaxMs },
      trace: this.trace,
      heard: {
        called: (owner, exchange, wire) => {
          const member = this.memberOf.get(owner);
          if (wire !== null && member !== undefined) this.wires.called(member, owner, exchange, wire);
        },
        reaches: (exchange, wire) => others.hurry(exchange, wire),
        reached: (_owner, exchange) => this.books.lookAt(exchange),
        arrived: () => undefined,
        answered: () => undefined,
        frame: () => undefined,
        privateFrame: () => undefined,
      },
      lifeMsOf: () => null,
    });
    this.links = new ClusterLinks(this.scheduler, Prng.of(seed, 'links'));
    const around = this.surroundings();
    this.members = NODE_NAMES.map((name, index) => new ClusterMember(name, index, around));
  }

  readonly nowMs = (): number => this.scheduler.nowMs;

  member(name: NodeName): ClusterMember {
    return this.members.find((one) => one.name === name)!;
  }

  violated(name: string, detail: string): void {
    this.trace.note('VIOLATION', `${name}: ${detail}`);
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const trace = this.violations.length === 0 ? this.trace.newest(TRACE_LINES) : [];
    this.violations.push({ name, detail, atMs: this.nowMs(), step: this.scheduler.steps, trace });
  }

  reached(point: string): void {
    this.points.set(point, (this.points.get(point) ?? 0) + 1);
  }

  /** Warm-up, faults, and then as long as it takes to settle, within the bound of I20. */
  async run(stopAtViolation: boolean): Promise<WorldResult> {
    const owner = (): Owner => this.scheduler.owner;
    const forget = [this.fences.watch(owner), this.epochs.watch(owner)];
    try {
      await this.phases(() => stopAtViolation && this.violations.length > 0);
    } finally {
      for (const end of forget) end();
    }
    return {
      seed: this.plan.seed,
      steps: this.scheduler.steps,
      events: this.trace.events,
      hash: this.trace.digest(),
      violations: this.violations,
      reached: this.points,
      virtualMs: this.nowMs(),
    };
  }

  private surroundings(): ClusterSurroundings {
    const { plan, scheduler, network, links, database, books, trace } = this;
    return {
      seed: plan.seed,
      knobs: plan.knobs,
      trading: tradingOf(plan.knobs),
      cluster: clusterFile(),
      storeClock: new VirtualTime(scheduler, scheduler.world, { offsetMs: 0, driftPpm: 0 }),
      ...{ scheduler, network, links, database, books, trace },
      violated: (name, detail) => this.violated(name, detail),
      reached: (point) => this.reached(point),
      born: (owner, member) => this.memberOf.set(owner, member),
      supervised: (member, event) => this.supervised(member, event),
      announced: (member, body) => this.wires.heard(member, body),
      approved: (member, verdictId) => this.wires.approved(member, verdictId),
      crashed: (member) => this.supervision.crashed(member.process!.owner),
    };
  }

  private supervised(member: ClusterMember, event: SupervisionEvent): void {
    this.reached(`supervision ${event.kind}`);
    this.supervision.heard(member, event);
  }

  private async phases(isOver: () => boolean): Promise<void> {
    const between = (): void => this.afterStep();
    for (const member of this.members) member.start();
    this.moveWorld();
    const stillOn = this.planFaults();
    const healMs = WARM_UP_MS + FAULTS_MS;
    await this.scheduler.run(healMs, between, isOver);
    if (isOver()) return;
    for (const end of stillOn) end();
    sendAtOnce(this.faces);
    const { markets, pairs } = this.plan.knobs;
    const assets = pairs.map((pair) => pair.split('-')[0]!);
    const owned = {
      scene: this,
      fences: this.fences,
      exchanges: markets.exchanges,
      assets,
      trusted: new Set<string>(),
    };
    const settled = { withinMs: SETTLED_WITHIN_MS, staysMs: STAYS_MS, isOver };
    await this.settle(() => notOwnedOnce(owned), settled);
    this.worldRuns = false;
    for (const face of this.faces) face.onStep(this.world.nowMs);
    await this.settle(() => notAtRest(this, this.books), settled);
    if (this.scheduler.standsStill) this.violated('time-moves-on', 'work makes work without end');
    if (isOver()) return;
    this.supervision.audit();
    for (const outcome of outcomesOf(this)) this.reached(`outcome ${outcome}`);
    if (this.links.carried > 0) this.reached('message between nodes');
    if (this.links.lost > 0) this.reached('message lost between nodes');
  }

  private afterStep(): void {
    this.fences.afterStep();
    const member = this.memberOf.get(this.scheduler.owner);
    if (member !== undefined) this.epochs.afterStep(member);
  }

  /** Looks again and again until nothing is missing, and nothing is for a while. */
  private async settle(
    look: () => Map<string, string>,
    { withinMs, staysMs, isOver }: Settling,
  ): Promise<void> {
    const startedMs = this.nowMs();
    let sinceMs: number | null = null;
    for (;;) {
      await this.scheduler.run(this.nowMs() + LOOK_MS, () => this.afterStep(), isOver);
      if (isOver() || this.scheduler.standsStill) return;
      this.books.look();
      this.supervision.sometimes();
      const problems = look();
      sinceMs = problems.size > 0 ? null : (sinceMs ?? this.nowMs());
      if (sinceMs !== null && this.nowMs() - sinceMs >= staysMs) return;
      if (this.nowMs() - startedMs < withinMs) continue;
      for (const [name, detail] of problems)
        this.violated(name, `${detail}, ${withinMs} ms after it was healed`);
      return;
    }
  }

  /** Faults that last until the healing are returned; the others end by themselves. */
  private planFaults(): Set<() => void> {
    const stillOn = new Set<() => void>();
    const { scheduler } = this;
    for (const fault of this.plan.faults)
      scheduler.plan(scheduler.world, fault.atMs - scheduler.nowMs, () => {
        const { kind, node, other, forMs } = fault;
        this.trace.add('fault', `${kind} ${node} ${other} ${forMs.toFixed(0)} ms`);
        this.reached(`fault ${kind}`);
        const end = inflictOn(fault, this);
        stillOn.add(end);
        scheduler.plan(scheduler.world, forMs, () => {
          if (!stillOn.delete(end)) return;
          this.trace.add('fault', `${kind} ${node} ends`);
          end();
        });
      });
    return stillOn;
  }

  private moveWorld(): void {
    const { scheduler, world } = this;
    scheduler.plan(scheduler.world, world.stepMs, () => {
      if (!this.worldRuns) return;
      world.advanceTo(WORLD_START_MS + scheduler.nowMs + 1e-3);
      if (++this.worldSteps % LOOK_EVERY_WORLD_STEPS === 0) this.books.look();
      this.moveWorld();
    });
  }
}
