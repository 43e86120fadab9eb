import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import { createFaces, type AnyFace } from '../../src/simulator/faces.js';
import { Prng } from '../../src/simulator/prng.js';
import { SimulatedWorld } from '../../src/simulator/world.js';
import type { PlannedFault } from './fault-plan.js';
import { inflict, type FaultTargets } from './faults.js';
import { BookHistory } from './invariants/book-history.js';
import { CallAuditor } from './invariants/calls.js';
import { adjustFaces, endsConnections, ExchangeClocks, sendAtOnce } from './exchanges.js';
import { FasterTraders } from './faster-traders.js';
import { followedPairs, mailboxBound, plantsOf, tradingOf, type Knobs } from './knobs.js';
import { SimulatedNetwork, type LineWitness } from './network.js';
import { SimulatedNode, type NodePlan, type Surroundings } from './node.js';
import { NodeBus } from './node-bus.js';
import { AccountBooks } from './accounts.js';
import { watchExecutions } from './paper-exchanges.js';
import type { PortChanges } from './process.js';
import { Scheduler, type Owner } from './scheduler.js';
import { isTickFault } from './tick-faults.js';
import { Trace } from './trace.js';
import { VirtualTime, WORLD_START_MS } from './virtual-time.js';

export interface WorldPlan {
  readonly seed: number;
  readonly minutes: number;
  readonly knobs: Knobs;
  readonly faults: readonly PlannedFault[];
  readonly changes: PortChanges;
}

export interface Violation {
  readonly name: string;
  readonly detail: string;
  readonly atMs: number;
  readonly step: number;
  /** What was seen before it, oldest first. */
  readonly trace: readonly string[];
}

export interface WorldResult {
  readonly seed: number;
  readonly steps: number;
  readonly events: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  /** How often each `sometimes` point was reached. */
  readonly reached: ReadonlyMap<string, number>;
  readonly virtualMs: number;
}

const WARM_UP_MS = 20_000;
const HEALING_MS = 130_000;
/** The world stands still this long before the audit, so that every line is drained. */
const QUIET_MS = 3_000;
/** And it stops at a moment at which no exchange shows a wrong or an old book on purpose, within this. */
const PLANT_MS = 120_000;
const STOP_MS = 30_000;
const MAX_VIOLATIONS = 40;
const LOOK_EVERY_WORLD_STEPS = 5;
const FIRST_TRACE_LINES = 60;

/** When faults may happen in a run of so many minutes. */
export function faultWindow(minutes: number): { readonly fromMs: number; readonly untilMs: number } {
  const untilMs = Math.max(WARM_UP_MS + 30_000, minutes * 60_000 - HEALING_MS - QUIET_MS);
  return { fromMs: WARM_UP_MS, untilMs };
}

/** Who lives in a world of this topology. Nodes that share a domain hear each other on the bus. */
function nodePlans({ topology, clocks }: Knobs): NodePlan[] {
  const [first, second] = [clocks[0]!, clocks[1]!];
  const alone: NodePlan = { name: 'local', kind: 'complete', domain: 'first', clock: first };
  switch (topology) {
    case 'one':
      return [alone];
    case 'two':
      return [alone, { name: 'other', kind: 'complete', domain: 'second', clock: second }];
    case 'followed':
      return [alone, { name: 'follower', kind: 'follower', domain: 'first', clock: second }];
  }
}

/** One seed's world from its first to its last virtual millisecond. */
export class World implements FaultTargets {
  readonly scheduler: Scheduler;
  readonly world: SimulatedWorld;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly network: SimulatedNetwork;
  readonly nodeBus: NodeBus;
  readonly silentUntilMs = new Map<string, number>();
  readonly haltedSinceMs = new Map<string, number>();
  readonly clocks = new ExchangeClocks();
  readonly trace: Trace;
  readonly nodes: readonly SimulatedNode[];
  private readonly plan: WorldPlan;
  private readonly knobs: Knobs;
  private readonly history: BookHistory;
  private readonly calls: CallAuditor;
  readonly books: AccountBooks | null;
  private readonly others: FasterTraders | null;
  private readonly nodeOf = new Map<Owner, SimulatedNode>();
  private readonly violations: Violation[] = [];
  private readonly points = new Map<string, number>();
  private worldSteps = 0;
  private worldRuns = true;
  private isHealing = false;
  /** Faults under way, and since when there are none. */
  private disturbances = 0;
  private calmSinceMs = 0;

  constructor(plan: WorldPlan) {
    const { seed, knobs } = plan;
    this.plan = plan;
    this.knobs = knobs;
    this.scheduler = new Scheduler(seed);
    this.trace = new Trace(() => this.scheduler.nowMs);
    this.world = new SimulatedWorld({
      seed,
      startMs: WORLD_START_MS,
      exchanges: knobs.markets.exchanges,
      pairs: followedPairs(knobs),
      stepMs: knobs.stepMs,
      plants: plantsOf(knobs),
      ties: knobs.strategies?.ties ?? [],
    });
    const nowMs = (): number => WORLD_START_MS + this.scheduler.nowMs;
    const faces = createFaces({ world: this.world, seed, nowMs });
    adjustFaces(faces, knobs.markets);
    this.faces = new Map(Object.values(faces).map((face: AnyFace) => [face.exchange, face]));
    this.setClocks();
    this.history = new BookHistory(this.world, this.nowMs);
    this.calls = new CallAuditor(this);
    this.books =
      knobs.orderEntry === 'signed'
        ? new AccountBooks(this.faces.values(), tradingOf(knobs), () =>
            this.nodes.flatMap((node) => node.watching),
          )
        : null;
    this.others =
      this.books === null ? null : new FasterTraders(this.world, knobs.thinShare, Prng.of(seed, 'thin'));
    this.network = new SimulatedNetwork({
      scheduler: this.scheduler,
      faces: this.faces,
      prng: Prng.of(seed, 'network'),
      latency: { minMs: 0.2, maxMs: knobs.lineMaxMs },
      trace: this.trace,
      heard: this.lineWitness(),
      lifeMsOf: (exchange) => (endsConnections(exchange) ? knobs.markets.lifeMs : null),
    });
    const between = Prng.of(seed, 'between nodes');
    this.nodeBus = new NodeBus(this.scheduler, () => between.between(0.1, 2 + knobs.busDelayMaxMs));
    const around = this.surroundings();
    this.nodes = nodePlans(knobs).map((one) => new SimulatedNode(one, around));
  }

  readonly nowMs = (): number => this.scheduler.nowMs;

  violated(name: string, detail: string): void {
    this.trace.note('VIOLATION', `${name}: ${detail}`);
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const isFirst = this.violations.length === 0;
    const trace = isFirst ? this.trace.newest(FIRST_TRACE_LINES) : [];
    this.violations.push({ name, detail, atMs: this.nowMs(), step: this.scheduler.steps, trace });
  }

  reached(point: string): void {
    this.points.set(point, (this.points.get(point) ?? 0) + 1);
  }

  /** Runs all phases. Ends early at the first violation when asked to. */
  async run(stopAtViolation = false): Promise<WorldResult> {
    const forget = watchExecutions(
      { thinShare: this.knobs.thinShare, prng: Prng.of(this.plan.seed, 'thin') },
      (leg, result) => this.executed(leg, result),
    );
    try {
      await this.phases(() => stopAtViolation && this.violations.length > 0);
    } finally {
      forget();
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

  private surroundings(): Surroundings {
    const { plan, knobs, scheduler, world, faces, network, nodeBus, history, silentUntilMs, trace } = this;
    const { haltedSinceMs, clocks, books } = this;
    return {
      seed: plan.seed,
      changes: plan.changes,
      trading: tradingOf(knobs),
      timeoutShare: () => (this.isHealing ? 1 : knobs.timeoutShare),
      mailboxBoundOf: (path) => (this.isHealing ? Infinity : mailboxBound(knobs, path)),
      violated: (name, detail) => this.violated(name, detail),
      reached: (point) => this.reached(point),
      born: (owner, node) => this.nodeOf.set(owner, node),
      isQuietFor: (ms) => this.isQuietFor(ms),
      ...{ knobs, scheduler, world, faces, network, nodeBus, history, silentUntilMs, trace },
      ...{ haltedSinceMs, clocks, books },
    };
  }

  /** No fault was under way within the last so many ms. */
  private isQuietFor(ms: number): boolean {
    return this.disturbances === 0 && this.nowMs() - this.calmSinceMs >= ms;
  }

  private lineWitness(): LineWitness {
    return {
      called: (owner, exchange, wire) => {
        this.calls.called(owner, exchange);
        if (wire !== null) this.nodeOf.get(owner)?.called(owner, exchange, wire);
      },
      reaches: (exchange, wire) => this.others?.hurry(exchange, wire),
      reached: (owner, exchange, wire) => {
        this.books?.lookAt(exchange);
        this.nodeOf.get(owner)?.callReached(owner, wire);
      },
      arrived: (exchange, path) => this.calls.arrived(exchange, path, this.nodes.length),
      answered: (owner, { exchange, path, wire, answer, madeAtMs }) => {
        this.calls.answered(owner, exchange, answer);
        const node = this.nodeOf.get(owner);
        node?.halts.answered(exchange, path, answer, madeAtMs);
        if (wire !== null) node?.callAnswered(owner, exchange, wire, answer);
      },
      frame: (owner, exchange, text) => {
        const node = this.nodeOf.get(owner);
        if (node?.isRecorded === true) node.recordings.frame(owner, exchange, text);
        node?.halts.frame(exchange, text);
      },
      privateFrame: (owner) => this.nodeOf.get(owner)?.passes('push-heard', owner),
    };
  }

  private async phases(isOver: () => boolean): Promise<void> {
    const { untilMs } = faultWindow(this.plan.minutes);
    const between = (): void => this.nodeOf.get(this.scheduler.owner)?.afterStep();
    this.reachedKnobs();
    for (const node of this.nodes) node.start();
    this.moveWorld();
    const stillOn = this.planFaults();
    await this.scheduler.run(untilMs, between, isOver);
    for (const end of stillOn) end();
    this.isHealing = true;
    sendAtOnce(this.faces.values());
    for (const node of this.nodes) node.recoverByHand();
    await this.scheduler.run(untilMs + HEALING_MS, between, isOver);
    await this.scheduler.run(untilMs + HEALING_MS + PLANT_MS, between, () => isOver() || this.isHonest());
    this.worldRuns = false;
    await this.scheduler.run(this.nowMs() + QUIET_MS, between, isOver);
    // Orders that came after the last step have changed books, and no step will publish that.
    for (const face of this.faces.values()) face.onStep(this.world.nowMs);
    this.history.worldMoved();
    await this.scheduler.run(this.nowMs() + QUIET_MS, between, isOver);
    if (this.scheduler.standsStill) this.violated('time-moves-on', 'work makes work without end');
    if (isOver() || this.scheduler.standsStill) return;
    this.books?.look();
    for (const node of this.nodes) node.audit();
    if (this.nodeBus.carried > 0) this.reached('message between nodes');
    await this.stopAndCheck(between);
    for (const node of this.nodes) node.auditStopped();
    await this.readRecordings();
  }

  private setClocks(): void {
    for (const [exchange, skewMs] of Object.entries(this.knobs.markets.skewMs)) {
      if (skewMs === 0) continue;
      this.faces.get(exchange)!.faults.clockSkewMs = skewMs;
      this.clocks.set(exchange, skewMs, this.nowMs());
    }
  }

  private reachedKnobs(): void {
    const { topology, engine, mailbox, batch, timeoutShare, markets, orderEntry, strategies } = this.knobs;
    this.reached(`exchanges ${markets.kind}`);
    this.reached(`orders ${orderEntry}`);
    if (strategies !== null) this.reached(`strategies ${strategies.kind}`);
    for (const exchange of markets.exchanges) this.reached(`exchange ${exchange}`);
    this.reached(`topology ${topology}`);
    this.reached(`engine ${engine}`);
    if (mailbox?.bound === 1) this.reached('mailbox of 1');
    if (batch === 1) this.reached('batch of 1');
    if (timeoutShare < 1) this.reached('timeouts divided by 100');
  }

  /** No planted book is crossed, or held back and therefore old, and none was a moment ago. */
  private isHonest(): boolean {
    const nowMs = this.world.nowMs;
    return !this.world.oracle
      .all()
      .some(
        ({ kind, state, endMs }) =>
          (kind === 'crossed' || kind === 'stale') &&
          (state === 'active' || nowMs - endMs < 1_000) &&
          endMs < Infinity,
      );
  }

  /** Faults that last until the healing are returned; the others end by themselves. */
  private planFaults(): Set<() => void> {
    const stillOn = new Set<() => void>();
    const { scheduler } = this;
    for (const fault of this.plan.faults)
      scheduler.plan(scheduler.world, fault.atMs - scheduler.nowMs, () => {
        const { kind, exchange, actor, node } = fault;
        this.trace.add('fault', `${kind} ${node} ${exchange} ${actor} ${fault.forMs.toFixed(0)} ms`);
        this.reached(`fault ${kind}`);
        const undo = inflict(fault, this);
        // An announced end of a connection is no trouble: nothing may come of it. Nor of ticks that are not stored.
        const weight = kind === 'upgrade' || isTickFault(kind) ? 0 : 1;
        this.disturbances += weight;
        let isCounted = weight > 0;
        const end = (): void => {
          undo();
          // What lasted until the healing is told its end twice.
          if (isCounted) this.disturbances--;
          if (isCounted) this.calmSinceMs = this.nowMs();
          isCounted = false;
        };
        stillOn.add(end);
        scheduler.plan(scheduler.world, fault.forMs, () => {
          if (!stillOn.delete(end)) return;
          this.trace.add('fault', `${kind} ends`);
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
      this.history.worldMoved();
      this.lookAtBooks();
      this.moveWorld();
    });
  }

  /** Fills that an exchange makes by itself, some time after. */
  private lookAtBooks(): void {
    if (this.books === null || ++this.worldSteps % LOOK_EVERY_WORLD_STEPS !== 0) return;
    this.books.look();
  }

  /** Orders meet their paper exchange in the turn of the process that sent them. */
  private executed(leg: SubmitLeg, result: LegResult): void {
    const node = this.nodeOf.get(this.scheduler.owner);
    this.trace.add('exchange', `${node?.name} ${JSON.stringify(leg)} ${JSON.stringify(result)}`);
    node?.executed(leg, result);
  }

  /** I21: after an ordered stop nothing of any process is left. */
  private async stopAndCheck(between: () => void): Promise<void> {
    const running = this.nodes.flatMap((node) => node.process() ?? []);
    for (const process of running) process.stop();
    await this.scheduler.run(this.nowMs() + STOP_MS, between);
    for (const { owner, state, time } of running) {
      if (state !== 'stopped')
        this.violated('stops-in-order', `${owner.name} is still ${state} after ${STOP_MS} ms`);
      const { pendingTimers } = time;
      const links = [...this.network.links].filter((link) => link.owner === owner).length;
      if (pendingTimers + links + owner.pending > 0) {
        const left = `${pendingTimers} timers, ${links} sockets, ${owner.pending} tasks are left`;
        this.violated('nothing-leaked', `${owner.name}: ${left}`);
      }
    }
    const listeners = [...this.faces.values()].reduce((sum, face) => sum + face.connections.length, 0);
    if (listeners > 0) this.violated('nothing-leaked', `${listeners} connections are open at the exchanges`);
  }

  /** As an auditor of the next day would, on a machine of his own. */
  private async readRecordings(): Promise<void> {
    const { scheduler, nodes } = this;
    const time = new VirtualTime(scheduler, scheduler.world, { offsetMs: 0, driftPpm: 0 });
    let open = 0;
    for (const { isRecorded, recordings, disk } of nodes) {
      if (!isRecorded) continue;
      open++;
      disk.slowMs = 0;
      void recordings.audit(disk.files(time)).finally(() => open--);
    }
    if (open > 0)
      await scheduler.run(
        this.nowMs() + STOP_MS,
        () => undefined,
        () => open === 0,
      );
  }
}
