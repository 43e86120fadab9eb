import type { ClusterConfig, TradingConfig } from '../../src/config/index.js';
import { subjectOf, type MessageKind, type MessageOf } from '../../src/messages/catalogue.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { HaltChanged, Verdict } from '../../src/messages/risk.js';
import type { Signal } from '../../src/messages/signal.js';
import type { SupervisionEvent } from '../../src/messages/supervision.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import { Prng } from '../../src/simulator/prng.js';
import type { SimulatedWorld } from '../../src/simulator/world.js';
import type { TradePrint } from '../../src/messages/feed.js';
import { createMemoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { createMemoryDatabase } from '../../src/storage/memory/memory-database.js';
import { badSignalOf } from './bad-signals.js';
import { SimulatedDisk } from './disk.js';
import type { NodeTarget } from './faults.js';
import { ApprovalAuditor } from './invariants/approvals.js';
import type { BookHistory } from './invariants/book-history.js';
import { BookAuditor } from './invariants/books.js';
import { ExposureAuditor } from './invariants/exposure.js';
import { FenceAuditor } from './invariants/fences.js';
import { HaltAuditor } from './invariants/halts.js';
import { MoneyAuditor } from './invariants/money.js';
import { OrderAuditor } from './invariants/orders.js';
import { RecordingAuditor } from './invariants/recordings.js';
import { ReservationAuditor } from './invariants/reservations.js';
import { RolloverAuditor } from './invariants/rollovers.js';
import { RuntimeAuditor } from './invariants/runtime.js';
import type { Auditor, Scene } from './invariants/scene.js';
import type { ExchangeClocks } from './exchanges.js';
import { TickAuditor } from './invariants/ticks.js';
import { clusterOf, type ActorPath, type Knobs } from './knobs.js';
import type { SimulatedNetwork } from './network.js';
import type { NodeBus } from './node-bus.js';
import { busDelays, SimulatedProcess, type PortChanges } from './process.js';
import type { Owner, Scheduler } from './scheduler.js';
import { StoreSwitches } from './stores.js';
import type { Trace } from './trace.js';
import type { ActorWitness, BusWitness, HandlerFault, Life } from './witnesses.js';

/** What all nodes of a world have in common. */
export interface Surroundings {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly trading: TradingConfig;
  readonly scheduler: Scheduler;
  readonly world: SimulatedWorld;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly network: SimulatedNetwork;
  readonly nodeBus: NodeBus;
  readonly history: BookHistory;
  readonly silentUntilMs: ReadonlyMap<string, number>;
  readonly haltedSinceMs: ReadonlyMap<string, number>;
  readonly clocks: ExchangeClocks;
  readonly isQuietFor: (ms: number) => boolean;
  readonly trace: Trace;
  readonly changes: PortChanges;
  readonly timeoutShare: () => number;
  /** Infinity once the world heals: what starts then has its own mailbox again. */
  readonly mailboxBoundOf: (path: string) => number;
  violated(name: string, detail: string): void;
  reached(point: string): void;
  /** A process was born; whatever it does from now on is this node's. */
  born(owner: Owner, node: SimulatedNode): void;
}

export interface NodePlan {
  readonly name: string;
  readonly kind: 'complete' | 'follower';
  readonly domain: string;
  readonly clock: Knobs['clocks'][number];
}

/** Sagas wait this long for an answer on top of the bus's own delays. */
const HOP_MS = 300;
const RESTART_AFTER_MS = 2_000;
const LOOK_EVERY_STEPS = 32;
const BAD_SIGNALS_EACH = 3;
/** Errors that no fault may cause: a defect that something caught. */
const DEFECTS = /supervisor defect|listener of .* failed|bus handler failed|engine reported|nact reported/;

/** One node from its first start to its last: its processes, what outlives them, and its auditors. */
export class SimulatedNode implements Scene, NodeTarget {
  readonly name: string;
  readonly kind: NodePlan['kind'];
  readonly database = createMemoryDatabase();
  readonly ticks = createMemoryTicks();
  readonly switches: StoreSwitches;
  readonly tickSwitches: StoreSwitches;
  readonly disk: SimulatedDisk;
  readonly lives = new Map<string, Life[]>();
  readonly armed = new Map<string, HandlerFault>();
  readonly recordings: RecordingAuditor;
  readonly halts: HaltAuditor;
  private readonly tickAuditor: TickAuditor;
  busExtraMs = 0;
  sendsBadSignals = false;
  private readonly around: Surroundings;
  private readonly domain: string;
  private readonly cluster: ClusterConfig;
  private readonly driftPpm: number;
  private readonly auditors: readonly Auditor[];
  private readonly orders: OrderAuditor;
  private readonly runtime: RuntimeAuditor;
  private readonly badSignals: Prng;
  private isSendingBadSignal = false;
  private current: SimulatedProcess | null = null;
  /** The paper venues live as long as their process. */
  private venue: { endedMs: number | null } = { endedMs: null };
  private starts = 0;
  private clockOffsetMs: number;
  private stepsToLook = LOOK_EVERY_STEPS;

  constructor(plan: NodePlan, around: Surroundings) {
    const { seed, knobs } = around;
    this.around = around;
    this.name = plan.name;
    this.kind = plan.kind;
    this.domain = plan.domain;
    this.cluster = clusterOf(plan.name, knobs.ticks);
    this.clockOffsetMs = plan.clock.offsetMs;
    this.driftPpm = plan.clock.driftPpm;
    this.switches = new StoreSwitches(Prng.of(seed, `stores/${plan.name}`), knobs.storeDelayMaxMs);
    this.tickSwitches = new StoreSwitches(Prng.of(seed, `tick store/${plan.name}`), knobs.storeDelayMaxMs);
    this.disk = new SimulatedDisk(Prng.of(seed, `disk/${plan.name}`));
    this.badSignals = Prng.of(seed, `bad signals/${plan.name}`);
    const money = new MoneyAuditor(this);
    this.orders = new OrderAuditor(this, () => knobs.busDelayMaxMs + HOP_MS);
    this.runtime = new RuntimeAuditor(this);
    this.recordings = new RecordingAuditor(this);
    const exposure = new ExposureAuditor(this, money, this.orders);
    this.tickAuditor = new TickAuditor(this, this.ticks);
    const approvals = [new ReservationAuditor(this), new ApprovalAuditor(this)];
    const trading = [money, this.orders, exposure, ...approvals, new FenceAuditor(this), this.tickAuditor];
    const books = new BookAuditor(this);
    this.halts = new HaltAuditor(this);
    // Classic worlds have neither halts nor connections that end by their age.
    const wide = knobs.markets.kind === 'wide' ? [this.halts, new RolloverAuditor(this)] : [];
    this.auditors = [...(plan.kind === 'complete' ? trading : []), books, this.runtime, ...wide];
  }

  readonly nowMs = (): number => this.around.scheduler.nowMs;
  readonly process = (): SimulatedProcess | null => this.current;
  readonly boots = (): number => this.starts;

  get world(): SimulatedWorld {
    return this.around.world;
  }
  get faces(): ReadonlyMap<string, AnyFace> {
    return this.around.faces;
  }
  get network(): SimulatedNetwork {
    return this.around.network;
  }
  get history(): BookHistory {
    return this.around.history;
  }
  get trading(): TradingConfig {
    return this.around.trading;
  }
  get knobs(): Knobs {
    return this.around.knobs;
  }
  get silentUntilMs(): ReadonlyMap<string, number> {
    return this.around.silentUntilMs;
  }
  get haltedSinceMs(): ReadonlyMap<string, number> {
    return this.around.haltedSinceMs;
  }
  get clocks(): ExchangeClocks {
    return this.around.clocks;
  }

  mailboxBoundOf(path: string): number {
    return this.around.mailboxBoundOf(path);
  }

  isQuietFor(ms: number): boolean {
    return this.around.isQuietFor(ms);
  }

  violated(name: string, detail: string): void {
    this.around.violated(name, `${this.name}: ${detail}`);
  }

  reached(point: string): void {
    this.around.reached(point);
  }

  get isRecorded(): boolean {
    return this.kind === 'follower' || this.knobs.records;
  }

  actorOr(path: ActorPath): string {
    if (this.kind === 'complete' || /^node\/(infra|feeds)\//.test(path)) return path;
    return path.includes('gateway-') ? `node/feeds/${path.split('gateway-')[1]}` : 'node/infra/clock-sync';
  }

  start(): void {
    this.starts++;
    if (this.starts > 1) this.reached('process restarted');
    this.lives.clear();
    this.venue = { endedMs: null };
    const { around, starts: boot, name, kind, domain, cluster, database, switches, disk } = this;
    const { seed, scheduler, network, knobs, trading, changes, nodeBus } = around;
    const delays = busDelays(seed + boot, knobs.busDelayMaxMs, () => this.busExtraMs);
    const { ticks, tickSwitches } = this;
    const own = { name, kind, domain, cluster, database, switches, ticks, tickSwitches, disk, boot };
    this.current = new SimulatedProcess({
      ...own,
      ...{ seed, scheduler, network, knobs, trading, changes, nodeBus },
      clock: { offsetMs: this.clockOffsetMs, driftPpm: this.driftPpm },
      busDelayMs: delays,
      witness: this.witness(),
      told: {
        reached: (point) => this.reached(point),
        violated: (name, detail) => this.violated(name, detail),
      },
      heard: (level, message, fields) => this.heard(level, message, fields),
      ended: (reason) => {
        around.trace.add('process', `${name} ${reason}`);
        this.reached('process gave up');
        this.processGone(RESTART_AFTER_MS);
      },
    });
    around.born(this.current.owner, this);
    around.trace.add('process', `${name} start ${boot}`);
    this.current.start();
  }

  killProcess(restartAfterMs: number): void {
    if (this.current === null) return;
    this.current.kill();
    this.processGone(restartAfterMs);
  }

  jumpClock(byMs: number): void {
    this.tickAuditor.jumped();
    this.clockOffsetMs += byMs;
    this.current?.time.jumpWallBy(byMs);
  }

  readonly willRot = (path: string, at: number): void => this.tickAuditor.willRot(path, at);

  /** After the ordered stop. */
  auditStopped(): void {
    if (this.kind === 'complete') this.tickAuditor.auditStopped();
  }

  /** A person releases what was quarantined; probes come as late as after ten minutes. */
  recoverByHand(): void {
    const process = this.current;
    if (process === null) return;
    process.within(async () => {
      const tree = process.node?.tree;
      const parked = this.world.exchanges.map((exchange) => `node/feeds/${exchange}`);
      for (const path of [...parked, 'node/watch/tick-recorder'])
        await tree?.releaseQuarantine(path).catch(() => undefined);
    });
  }

  afterStep(): void {
    for (const auditor of this.auditors) auditor.afterStep?.();
    if (--this.stepsToLook > 0) return;
    this.stepsToLook = LOOK_EVERY_STEPS;
    for (const auditor of this.auditors) auditor.sometimes?.();
  }

  audit(): void {
    for (const auditor of this.auditors) auditor.audit?.();
  }

  executed(leg: SubmitLeg, result: LegResult): void {
    const { venue } = this;
    for (const auditor of this.auditors) auditor.executed?.({ leg, result, atMs: this.nowMs(), venue });
  }

  private processGone(restartAfterMs: number): void {
    const nowMs = this.nowMs();
    for (const lives of this.lives.values())
      for (const life of lives) if (life.endedMs === null) life.endedMs = nowMs;
    this.venue.endedMs = nowMs;
    this.runtime.processEnded();
    this.tickAuditor.processEnded();
    this.halts.processEnded();
    this.orders.processEnded();
    this.armed.clear();
    this.switches.torn = null;
    this.current = null;
    const { scheduler } = this.around;
    const boot = this.starts;
    scheduler.plan(scheduler.world, restartAfterMs, () => {
      if (this.starts === boot) this.start();
    });
  }

  private witness(): BusWitness & ActorWitness {
    const { trace, timeoutShare } = this.around;
    return {
      mailboxOf: (path) => this.around.mailboxBoundOf(path),
      timeoutShare,
      nowMs: this.nowMs,
      published: (subject, kind, body) => this.published(subject, kind, body),
      // A person may turn the switch on one node and turn it back on another.
      arrived: (kind, body) => {
        if (kind === 'haltChanged') this.orders.halt(body as unknown as HaltChanged);
      },
      requested: (subject, kind, body) => {
        trace.add('ask', `${this.name} ${subject} ${JSON.stringify(body)}`);
        if (kind === 'submitLeg')
          for (const auditor of this.auditors) auditor.submitted?.(body as unknown as SubmitLeg);
      },
      born: (life) => {
        const lives = this.lives.get(life.path) ?? [];
        this.runtime.born(life, lives.at(-1));
        this.lives.set(life.path, [...lives, life]);
      },
      overlapped: (life) => this.runtime.overlapped(life),
      takeFault: (path) => {
        const fault = this.armed.get(path) ?? null;
        if (fault !== null) {
          this.armed.delete(path);
          trace.add('fault', `${fault} hits ${this.name} ${path}`);
        }
        return fault;
      },
    };
  }

  private published<K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>): void {
    const { trace } = this.around;
    const line = `${this.name} ${subject} ${JSON.stringify(body)}`;
    if (kind === 'tradePrint') {
      if (this.kind === 'complete') this.tickAuditor.heard(body as unknown as TradePrint);
      return trace.addQuietly('bus', line);
    }
    trace.add('bus', line);
    if (kind === 'supervisionEvent') return this.runtime.supervision(body as SupervisionEvent);
    if (kind === 'haltChanged') return this.orders.halt(body as HaltChanged);
    if (kind === 'signal' && this.sendsBadSignals) return this.sendBadSignals(body as unknown as Signal);
    if (kind === 'verdict') this.judged(body as unknown as Verdict);
  }

  private judged(verdict: Verdict): void {
    this.reached(`verdict ${verdict.decision}`);
    if (verdict.decision === 'approved') for (const auditor of this.auditors) auditor.approved?.(verdict);
    else for (const { rule } of verdict.refusals) this.reached(`refused ${rule}`);
  }

  /** For each signal of the real detector, over the same bus. */
  private sendBadSignals(overheard: Signal): void {
    const process = this.current;
    if (process === null || this.isSendingBadSignal) return;
    for (let sent = 0; sent < BAD_SIGNALS_EACH; sent++) {
      const { kind, signal, delayMs } = badSignalOf(overheard, this.badSignals, sent);
      this.around.scheduler.plan(process.owner, delayMs, () => {
        this.around.trace.add('fault', `${this.name} bad signal ${kind}`);
        this.reached(`bad signal ${kind}`);
        this.isSendingBadSignal = true;
        process.node?.bus.publish(subjectOf('signal', signal.strategy), 'signal', signal, { traceId: 'bad' });
        this.isSendingBadSignal = false;
      });
    }
  }

  private heard(level: 'warn' | 'error', message: string, fields: object): void {
    this.around.trace.note(level, `${this.name} ${message} ${JSON.stringify(fields).slice(0, 200)}`);
    if (DEFECTS.test(message)) this.violated('no-defect', `${message} ${JSON.stringify(fields)}`);
  }
}
