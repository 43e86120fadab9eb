import type { MessageKind, MessageOf } from '../../src/messages/catalogue.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import type { HaltChanged, Verdict } from '../../src/messages/risk.js';
import type { SupervisionEvent } from '../../src/messages/supervision.js';
import { createFaces, type AnyFace } from '../../src/simulator/faces.js';
import { DEFAULT_EXCHANGES } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';
import { SimulatedWorld } from '../../src/simulator/world.js';
import { createMemoryDatabase } from '../../src/storage/memory/memory-database.js';
import type { PlannedFault } from './fault-plan.js';
import { inflict, type FaultTargets } from './faults.js';
import { BookAuditor } from './invariants/books.js';
import { ExposureAuditor } from './invariants/exposure.js';
import { MoneyAuditor } from './invariants/money.js';
import { OrderAuditor } from './invariants/orders.js';
import { RuntimeAuditor } from './invariants/runtime.js';
import type { Auditor, Execution, Scene } from './invariants/scene.js';
import { clusterOf, PLANTS, tradingOf, type Knobs } from './knobs.js';
import { SimulatedNetwork } from './network.js';
import { watchExecutions } from './paper-exchanges.js';
import { busDelays, SimulatedProcess, type PortChanges } from './process.js';
import { Scheduler } from './scheduler.js';
import { StoreSwitches } from './stores.js';
import { Trace } from './trace.js';
import { WORLD_START_MS } from './virtual-time.js';
import type { HandlerFault, Life } from './witnesses.js';

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
const PLANT_MS = 20_000;
const STOP_MS = 30_000;
const LOOK_EVERY_STEPS = 64;
const MAX_VIOLATIONS = 40;
const FIRST_TRACE_LINES = 60;
/** Errors that no fault may cause: a defect that something caught. */
const DEFECTS = /supervisor defect|listener of .* failed|bus handler failed|engine reported|nact reported/;

/** When faults may happen in a run of so many minutes. */
export function faultWindow(minutes: number): { readonly fromMs: number; readonly untilMs: number } {
  const untilMs = Math.max(WARM_UP_MS + 30_000, minutes * 60_000 - HEALING_MS - QUIET_MS);
  return { fromMs: WARM_UP_MS, untilMs };
}

/** One seed's world from its first to its last virtual millisecond. */
export class World implements Scene, FaultTargets {
  readonly scheduler: Scheduler;
  readonly world: SimulatedWorld;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly network: SimulatedNetwork;
  readonly database = createMemoryDatabase();
  readonly switches: StoreSwitches;
  readonly trading;
  readonly knobs: Knobs;
  readonly lives = new Map<string, Life[]>();
  readonly silentUntilMs = new Map<string, number>();
  readonly armed = new Map<string, HandlerFault>();
  readonly trace: Trace;
  busExtraMs = 0;
  private readonly plan: WorldPlan;
  private readonly cluster = clusterOf();
  private readonly violations: Violation[] = [];
  private readonly points = new Map<string, number>();
  private readonly money: MoneyAuditor;
  private readonly orders: OrderAuditor;
  private readonly books: BookAuditor;
  private readonly runtime: RuntimeAuditor;
  private readonly auditors: readonly Auditor[];
  private current: SimulatedProcess | null = null;
  /** The paper venues live as long as their process. */
  private venue: { endedMs: number | null } = { endedMs: null };
  private boots = 0;
  private clockOffsetMs: number;
  private mostHopMs: number;
  private nextLook = 0;
  private worldRuns = true;

  constructor(plan: WorldPlan) {
    const { seed, knobs } = plan;
    this.plan = plan;
    this.knobs = knobs;
    this.scheduler = new Scheduler(seed);
    this.trace = new Trace(() => this.scheduler.nowMs);
    this.world = new SimulatedWorld({
      seed,
      startMs: WORLD_START_MS,
      exchanges: DEFAULT_EXCHANGES,
      pairs: knobs.pairs,
      stepMs: knobs.stepMs,
      plants: PLANTS,
    });
    const faces = createFaces({
      world: this.world,
      seed,
      nowMs: () => WORLD_START_MS + this.scheduler.nowMs,
    });
    this.faces = new Map(Object.values(faces).map((face: AnyFace) => [face.exchange, face]));
    const latency = { minMs: 0.2, maxMs: knobs.lineMaxMs };
    const prng = Prng.of(seed, 'network');
    this.network = new SimulatedNetwork(this.scheduler, this.faces, prng, latency, this.trace);
    this.switches = new StoreSwitches(Prng.of(seed, 'stores'), knobs.storeDelayMaxMs);
    this.trading = tradingOf(knobs);
    this.clockOffsetMs = knobs.clock.offsetMs;
    this.mostHopMs = knobs.busDelayMaxMs;
    this.money = new MoneyAuditor(this);
    this.orders = new OrderAuditor(this, () => this.mostHopMs + 300);
    this.books = new BookAuditor(this);
    this.runtime = new RuntimeAuditor(this);
    const exposure = new ExposureAuditor(this, this.money, this.orders);
    this.auditors = [this.money, this.orders, exposure, this.books, this.runtime];
  }

  readonly nowMs = (): number => this.scheduler.nowMs;
  readonly process = (): SimulatedProcess | null => this.current;

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

  killProcess(restartAfterMs: number): void {
    this.current?.kill();
    this.processGone(restartAfterMs);
  }

  jumpClock(byMs: number): void {
    this.clockOffsetMs += byMs;
    this.current?.time.jumpWallBy(byMs);
  }

  private async phases(isOver: () => boolean): Promise<void> {
    const { fromMs: _, untilMs } = faultWindow(this.plan.minutes);
    const between = (): void => this.afterStep();
    this.startProcess();
    this.moveWorld();
    const stillOn = this.planFaults();
    await this.scheduler.run(untilMs, between, isOver);
    for (const end of stillOn) end();
    this.recoverByHand();
    await this.scheduler.run(untilMs + HEALING_MS, between, isOver);
    await this.scheduler.run(untilMs + HEALING_MS + PLANT_MS, between, () => isOver() || this.isHonest());
    this.worldRuns = false;
    await this.scheduler.run(this.nowMs() + QUIET_MS, between, isOver);
    if (isOver()) return;
    for (const auditor of this.auditors) auditor.audit?.();
    await this.stopAndCheck(between);
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
        const { kind, exchange, actor } = fault;
        this.trace.add('fault', `${kind} ${exchange} ${actor} ${fault.forMs.toFixed(0)} ms`);
        this.reached(`fault ${kind}`);
        const end = inflict(fault, this);
        stillOn.add(end);
        scheduler.plan(scheduler.world, fault.forMs, () => {
          if (!stillOn.delete(end)) return;
          this.trace.add('fault', `${kind} ends`);
          end();
        });
      });
    return stillOn;
  }

  /** A person releases what was quarantined; probes come as late as after ten minutes. */
  private recoverByHand(): void {
    const process = this.current;
    if (process === null) return;
    process.within(async () => {
      const tree = process.node?.tree;
      for (const exchange of this.world.exchanges)
        await tree?.releaseQuarantine(`node/feeds/${exchange}`).catch(() => undefined);
    });
  }

  private startProcess(): void {
    this.boots++;
    const boot = this.boots;
    if (boot > 1) this.reached('process restarted');
    this.lives.clear();
    this.venue = { endedMs: null };
    const { plan, scheduler, network, database, switches, knobs, trading, cluster } = this;
    const { seed, changes } = plan;
    const clock = { offsetMs: this.clockOffsetMs, driftPpm: knobs.clock.driftPpm };
    const busDelayMs = busDelays(seed + boot, knobs.busDelayMaxMs, () => this.busExtraMs);
    const parts = { seed, boot, scheduler, network, database, switches, knobs, trading, cluster, changes };
    this.current = new SimulatedProcess({
      ...parts,
      clock,
      busDelayMs,
      witness: this.witness(),
      heard: (level, message, fields) => this.heard(level, message, fields),
      ended: (reason) => {
        this.trace.add('process', reason);
        this.reached('process gave up');
        this.processGone(2_000);
      },
    });
    this.trace.add('process', `start ${boot}`);
    this.current.start();
  }

  private processGone(restartAfterMs: number): void {
    const nowMs = this.nowMs();
    for (const lives of this.lives.values())
      for (const life of lives) if (life.endedMs === null) life.endedMs = nowMs;
    this.venue.endedMs = nowMs;
    this.runtime.processEnded();
    this.orders.processEnded();
    this.armed.clear();
    this.current = null;
    const boots = this.boots;
    this.scheduler.plan(this.scheduler.world, restartAfterMs, () => {
      if (this.boots === boots) this.startProcess();
    });
  }

  private moveWorld(): void {
    const { scheduler, world } = this;
    scheduler.plan(scheduler.world, world.stepMs, () => {
      if (!this.worldRuns) return;
      world.advanceTo(WORLD_START_MS + scheduler.nowMs + 1e-3);
      this.books.worldMoved();
      this.moveWorld();
    });
  }

  private afterStep(): void {
    for (const auditor of this.auditors) auditor.afterStep?.();
    if (this.scheduler.steps < this.nextLook) return;
    this.nextLook = this.scheduler.steps + LOOK_EVERY_STEPS;
    for (const auditor of this.auditors) auditor.sometimes?.();
  }

  private witness() {
    return {
      mailbox: this.knobs.mailbox,
      nowMs: this.nowMs,
      published: <K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>) =>
        this.published(subject, kind, body),
      requested: <K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>) => {
        this.trace.add('ask', `${subject} ${JSON.stringify(body)}`);
        if (kind === 'submitLeg')
          for (const auditor of this.auditors) auditor.submitted?.(body as unknown as SubmitLeg);
      },
      born: (life: Life) => {
        const lives = this.lives.get(life.path) ?? [];
        this.runtime.born(life, lives.at(-1));
        this.lives.set(life.path, [...lives, life]);
      },
      overlapped: (life: Life) => this.runtime.overlapped(life),
      takeFault: (path: string) => {
        const fault = this.armed.get(path) ?? null;
        if (fault !== null) {
          this.armed.delete(path);
          this.trace.add('fault', `${fault} hits ${path}`);
        }
        return fault;
      },
    };
  }

  private published(subject: string, kind: MessageKind, body: unknown): void {
    if (kind === 'tradePrint') return this.trace.addQuietly('bus', `${subject} ${JSON.stringify(body)}`);
    this.trace.add('bus', `${subject} ${JSON.stringify(body)}`);
    if (kind === 'supervisionEvent') return this.runtime.supervision(body as SupervisionEvent);
    if (kind === 'haltChanged') return this.orders.halt(body as HaltChanged);
    if (kind !== 'verdict') return;
    const verdict = body as Verdict;
    this.reached(`verdict ${verdict.decision}`);
    if (verdict.decision === 'approved') for (const auditor of this.auditors) auditor.approved?.(verdict);
    else for (const { rule } of verdict.refusals) this.reached(`refused ${rule}`);
  }

  private executed(leg: SubmitLeg, result: Execution['result']): void {
    this.trace.add('exchange', `${JSON.stringify(leg)} ${JSON.stringify(result)}`);
    const { venue } = this;
    for (const auditor of this.auditors) auditor.executed?.({ leg, result, atMs: this.nowMs(), venue });
  }

  private heard(level: 'warn' | 'error', message: string, fields: object): void {
    this.trace.note(level, `${message} ${JSON.stringify(fields).slice(0, 200)}`);
    if (DEFECTS.test(message)) this.violated('no-defect', `${message} ${JSON.stringify(fields)}`);
  }

  /** I21: after an ordered stop nothing of the process is left. */
  private async stopAndCheck(between: () => void): Promise<void> {
    const process = this.current;
    if (process === null) return;
    process.stop();
    const untilMs = this.nowMs() + STOP_MS;
    await this.scheduler.run(untilMs, between);
    if (process.state !== 'stopped')
      this.violated('stops-in-order', `still ${process.state} after ${STOP_MS} ms`);
    const { pendingTimers } = process.time;
    const links = [...this.network.links].filter((link) => link.owner === process.owner).length;
    const { pending } = process.owner;
    if (pendingTimers + links + pending > 0)
      this.violated('nothing-leaked', `${pendingTimers} timers, ${links} sockets, ${pending} tasks are left`);
    const listeners = [...this.faces.values()].reduce((sum, face) => sum + face.connections.length, 0);
    if (listeners > 0) this.violated('nothing-leaked', `${listeners} connections are open at the exchanges`);
  }
}
