import type { ClusterConfig, TradingConfig } from '../../src/config/index.js';
import { subjectOf, type MessageKind, type MessageOf } from '../../src/messages/catalogue.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { ApprovedVerdict, HaltChanged, RiskHold, Verdict } from '../../src/messages/risk.js';
import type { Signal } from '../../src/messages/signal.js';
import type { SupervisionEvent } from '../../src/messages/supervision.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import { Prng } from '../../src/simulator/prng.js';
import type { SimulatedWorld } from '../../src/simulator/world.js';
import type { TradePrint } from '../../src/messages/feed.js';
import { createMemoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { createMemoryDatabase } from '../../src/storage/memory/memory-database.js';
import { badSignalOf } from './bad-signals.js';
import type { FaceHttpResponse } from '../../src/simulator/face-protocol.js';
import type { AccountBooks } from './accounts.js';
import { storePointOf, type CrashPoint, type HeardPoint } from './crash-points.js';
import { SimulatedDisk } from './disk.js';
import type { ArmedFor, NodeTarget } from './faults.js';
import { AccountAuditor } from './invariants/accounts.js';
import { ApprovalAuditor } from './invariants/approvals.js';
import type { BookHistory } from './invariants/book-history.js';
import { BookAuditor } from './invariants/books.js';
import { CycleAuditor } from './invariants/cycles.js';
import { EndAuditor } from './invariants/ends.js';
import { ExposureAuditor } from './invariants/exposure.js';
import { FenceAuditor } from './invariants/fences.js';
import { FoundAuditor } from './invariants/found.js';
import { HaltAuditor } from './invariants/halts.js';
import { MoneyAuditor } from './invariants/money.js';
import { OrderAuditor } from './invariants/orders.js';
import { OrderStateAuditor } from './invariants/order-states.js';
import { PairAuditor } from './invariants/pairs.js';
import { RecordingAuditor } from './invariants/recordings.js';
import { ReservationAuditor } from './invariants/reservations.js';
import { RolloverAuditor } from './invariants/rollovers.js';
import { RuntimeAuditor } from './invariants/runtime.js';
import type { Auditor, Scene } from './invariants/scene.js';
import type { ExchangeClocks } from './exchanges.js';
import { SignalAuditor } from './invariants/signals.js';
import { TickAuditor } from './invariants/ticks.js';
import { JournalView } from './journal-view.js';
import { clusterOf, type ActorPath, type Knobs } from './knobs.js';
import type { SimulatedNetwork } from './network.js';
import type { NodeBus } from './node-bus.js';
import type { PrivateCallKind, WireCall } from './order-wire.js';
import { busDelays, SimulatedProcess, type PortChanges } from './process.js';
import type { Owner, Scheduler } from './scheduler.js';
import { StoreSwitches, type ArmedWrite } from './stores.js';
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
  readonly books: AccountBooks | null;
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
/** Where orders that reduce risk are journalled while the stores are away. */
const EMERGENCY_PATH = '/data/emergency.journal';
const RESTART_AFTER_MS = 2_000;
const LOOK_EVERY_STEPS = 32;
const BAD_SIGNALS_EACH = 3;
/** Errors that no fault may cause: a defect that something caught. */
/** How long a process that woke up too late goes on beside its successor. */
const BESIDE_MS = 6_000;
const CALL_POINTS: Partial<Record<PrivateCallKind, HeardPoint>> = {
  place: 'order-written',
  'look-up': 'look-up-written',
  cancel: 'cancel-written',
  fills: 'fills-written',
  balances: 'balances-written',
};
const TOLD_POINTS: Partial<Record<MessageKind, HeardPoint>> = {
  legResult: 'result-told',
  fill: 'fill-told',
  ledgerEntry: 'entry-told',
  arbitrageClosed: 'end-told',
  submitLeg: 'order-asked',
  queryOrder: 'order-queried',
};
const DEFECTS = /supervisor defect|listener of .* failed|bus handler failed|engine reported|nact reported/;

interface ArmedPoint {
  readonly point: CrashPoint;
  readonly act: () => void;
  left: number;
  readonly outlives: boolean;
  /** Where the stores come to it. */
  write: ArmedWrite | null;
}

/** One node from its first start to its last: its processes, what outlives them, and its auditors. */
export class SimulatedNode implements Scene, NodeTarget {
  readonly name: string;
  readonly kind: NodePlan['kind'];
  readonly database = createMemoryDatabase();
  readonly ticks = createMemoryTicks();
  readonly switches: StoreSwitches;
  readonly tickSwitches: StoreSwitches;
  readonly disk: SimulatedDisk;
  readonly journal: JournalView;
  readonly lives = new Map<string, Life[]>();
  readonly armed = new Map<string, HandlerFault>();
  readonly recordings: RecordingAuditor;
  readonly halts: HaltAuditor;
  private readonly tickAuditor: TickAuditor;
  busExtraMs = 0;
  sendsBadSignals = false;
  forgesApprovals = false;
  private readonly around: Surroundings;
  private readonly domain: string;
  private cluster: ClusterConfig;
  private readonly driftPpm: number;
  private readonly auditors: readonly Auditor[];
  private readonly orders: OrderAuditor;
  private readonly runtime: RuntimeAuditor;
  private readonly badSignals: Prng;
  private isSendingBadSignal = false;
  /** Of approvals that no gate has given. */
  private readonly forged = new Set<string>();
  private readonly accounts: AccountAuditor | null;
  /** What happens at moments of an order's life. */
  private readonly armedPoints = new Set<ArmedPoint>();
  /** Processes that were taken for dead and go on. */
  private readonly beside = new Map<Owner, SimulatedProcess>();
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
    this.journal = new JournalView(this.database, this.disk, EMERGENCY_PATH);
    this.badSignals = Prng.of(seed, `bad signals/${plan.name}`);
    const money = new MoneyAuditor(this);
    this.orders = new OrderAuditor(this, () => knobs.busDelayMaxMs + HOP_MS, this.forged);
    this.runtime = new RuntimeAuditor(this);
    this.recordings = new RecordingAuditor(this);
    const exposure = new ExposureAuditor(this, money, this.orders);
    this.tickAuditor = new TickAuditor(this, this.ticks);
    const approvals = [new ReservationAuditor(this, this.forged), new ApprovalAuditor(this)];
    const ends = [new EndAuditor(this, money), new OrderStateAuditor(this)];
    const trading = [money, this.orders, exposure, ...approvals, ...ends];
    this.accounts = around.books === null ? null : new AccountAuditor(this, money, this.forged);
    const signed = this.accounts === null ? [] : [this.accounts];
    const books = new BookAuditor(this);
    this.halts = new HaltAuditor(this);
    // Classic worlds have neither halts nor connections that end by their age.
    const detectors =
      knobs.strategies === null
        ? []
        : [
            new SignalAuditor(this, books),
            new CycleAuditor(this),
            new FoundAuditor(this),
            new PairAuditor(this, money),
          ];
    const wide = knobs.markets.kind === 'wide' ? [this.halts, new RolloverAuditor(this)] : [];
    this.auditors = [
      ...(plan.kind === 'complete' ? [...trading, new FenceAuditor(this), this.tickAuditor, ...signed] : []),
      books,
      this.runtime,
      ...wide,
      ...detectors,
    ];
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
  get books(): AccountBooks | null {
    return this.around.books;
  }
  /** Whoever wants to know what the exchanges remember. */
  get watching(): readonly Auditor[] {
    return this.kind === 'complete' ? this.auditors : [];
  }

  arm(point: CrashPoint, act: () => void, when: ArmedFor = { passage: 1, outlives: false }): () => void {
    const { passage, outlives } = when;
    const write = storePointOf(point);
    const armed: ArmedPoint = { point, act, left: passage, outlives, write: null };
    if (write !== null) armed.write = { ...write, left: passage, die: () => this.come(armed) };
    this.armedPoints.add(armed);
    if (armed.write !== null) this.switches.armed.add(armed.write);
    return () => this.disarm(armed);
  }

  private disarm(armed: ArmedPoint): void {
    this.armedPoints.delete(armed);
    if (armed.write !== null) this.switches.armed.delete(armed.write);
  }

  crashAt(point: CrashPoint, restartAfterMs: number): void {
    this.reached(`point ${point}`);
    this.killProcess(restartAfterMs);
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
    const accounts = around.books?.signers() ?? new Map<string, never>();
    const process: SimulatedProcess = new SimulatedProcess({
      ...own,
      ...{ seed, scheduler, network, knobs, trading, changes, nodeBus, accounts },
      clock: { offsetMs: this.clockOffsetMs, driftPpm: this.driftPpm },
      busDelayMs: delays,
      witness: this.witness(() => this.current === process),
      told: {
        reached: (point) => this.reached(point),
        violated: (name, detail) => this.violated(name, detail),
      },
      heard: (level, message, fields) => this.heard(level, message, fields),
      ended: (reason) => {
        if (this.current !== process) return;
        around.trace.add('process', `${name} ${reason}`);
        this.reached('process gave up');
        this.processGone(RESTART_AFTER_MS);
      },
    });
    this.current = process;
    around.born(process.owner, this);
    around.trace.add('process', `${name} start ${boot}`);
    process.start();
  }

  killProcess(restartAfterMs: number): void {
    if (this.current === null) return;
    this.current.kill();
    this.processGone(restartAfterMs);
  }

  pausePastLease(forMs: number): void {
    const process = this.current;
    if (process?.state !== 'running') return;
    const { scheduler, nodeBus } = this.around;
    process.owner.pausedUntilMs = scheduler.nowMs + forMs;
    process.setBeside();
    nodeBus.leave(process.owner);
    this.beside.set(process.owner, process);
    // Another machine of the same trader: it has to wait until the lease has run out.
    const other = this.cluster.nodes[0]!.name === this.name ? `${this.name}-b` : this.name;
    this.cluster = clusterOf(other, this.knobs.ticks);
    this.processGone(500 + forMs * 0.2);
    scheduler.plan(scheduler.world, forMs + BESIDE_MS, () => {
      process.kill();
      this.beside.delete(process.owner);
    });
  }

  /** A signed call leaves a process of this node. */
  called(owner: Owner, exchange: string, wire: WireCall): void {
    const process = this.processOf(owner);
    if (process === undefined) return;
    if (process !== this.current) this.reached(`late process: ${wire.kind}`);
    for (const auditor of this.watching) auditor.called?.(process, exchange, wire);
    const point = CALL_POINTS[wire.kind];
    if (point !== undefined) this.passes(point, owner);
  }

  callReached(owner: Owner, { kind }: WireCall): void {
    if (kind === 'place') this.passes('order-reached', owner);
  }

  callAnswered(owner: Owner, exchange: string, wire: WireCall, answer: FaceHttpResponse): void {
    const process = this.processOf(owner);
    if (process !== undefined) this.accounts?.answered(process, exchange, wire, answer);
    if (wire.kind === 'place') this.passes('order-answered', owner);
  }

  /** A moment of an order's life is passed; perhaps it is the last of the process. */
  passes(point: HeardPoint, owner: Owner): void {
    if (owner !== this.current?.owner) return;
    this.reached(`passed ${point}`);
    for (const armed of [...this.armedPoints])
      if (armed.point === point && --armed.left <= 0) return this.come(armed);
  }

  private come(armed: ArmedPoint): void {
    this.disarm(armed);
    this.around.trace.add('fault', `${this.name} has come to ${armed.point}`);
    armed.act();
  }

  private processOf(owner: Owner): SimulatedProcess | undefined {
    return this.current?.owner === owner ? this.current : this.beside.get(owner);
  }

  jumpClock(byMs: number): void {
    this.tickAuditor.jumped();
    this.clockOffsetMs += byMs;
    this.current?.time.jumpWallBy(byMs);
    for (const process of this.beside.values()) process.time.jumpWallBy(byMs);
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
    if (this.kind === 'follower') this.tickAuditor.processEnded();
    if (!this.auditors.includes(this.halts)) this.halts.processEnded();
    for (const auditor of this.auditors) auditor.processEnded?.();
    this.armed.clear();
    for (const armed of [...this.armedPoints]) if (!armed.outlives) this.disarm(armed);
    this.switches.torn = null;
    this.current = null;
    const { scheduler } = this.around;
    const boot = this.starts;
    scheduler.plan(scheduler.world, restartAfterMs, () => {
      if (this.starts === boot) this.start();
    });
  }

  private witness(isCurrent: () => boolean): BusWitness & ActorWitness {
    const { trace, timeoutShare } = this.around;
    return {
      mailboxOf: (path) => this.around.mailboxBoundOf(path),
      timeoutShare,
      nowMs: this.nowMs,
      published: (subject, kind, body) => {
        if (isCurrent()) this.published(subject, kind, body);
        else if (kind === 'verdict') this.orders.knows(body as unknown as Verdict);
      },
      // A person may turn the switch on one node and turn it back on another.
      arrived: (kind, body) => {
        if (kind === 'haltChanged' && isCurrent()) this.orders.halt(body as unknown as HaltChanged);
      },
      requested: (subject, kind, body) => {
        trace.add('ask', `${this.name} ${subject} ${JSON.stringify(body)}`);
        if (kind === 'submitLeg') this.submitted(body as unknown as SubmitLeg);
        if (isCurrent()) this.told(kind);
      },
      born: (life) => {
        if (!isCurrent()) return;
        const lives = this.lives.get(life.path) ?? [];
        this.runtime.born(life, lives.at(-1));
        this.lives.set(life.path, [...lives, life]);
      },
      overlapped: (life) => this.runtime.overlapped(life),
      takeFault: (path) => {
        if (!isCurrent()) return null;
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
    this.told(kind, body);
    // A strategy with defects is not a detector.
    if (!(kind === 'signal' && this.isSendingBadSignal))
      for (const auditor of this.watching) auditor.told?.(kind, body);
    const line = `${this.name} ${subject} ${JSON.stringify(body)}`;
    if (kind === 'tradePrint') {
      if (this.kind === 'complete') this.tickAuditor.heard(body as unknown as TradePrint);
      return trace.addQuietly('bus', line);
    }
    trace.add('bus', line);
    if (kind === 'riskHold') this.accounts?.held(body as unknown as RiskHold);
    if (kind === 'supervisionEvent') return this.runtime.supervision(body as SupervisionEvent);
    if (kind === 'haltChanged') return this.orders.halt(body as HaltChanged);
    if (kind === 'signal' && this.sendsBadSignals) return this.sendBadSignals(body as unknown as Signal);
    if (kind === 'verdict') this.judged(body as unknown as Verdict);
  }

  private submitted(leg: SubmitLeg): void {
    if (this.forged.has(leg.verdictId)) return this.reached('order under a forged approval');
    for (const auditor of this.auditors) auditor.submitted?.(leg);
  }

  /** What the order path tells and asks over the bus. */
  private told(kind: MessageKind, body?: unknown): void {
    const owner = this.current?.owner;
    if (owner === undefined) return;
    const isApproval = kind === 'verdict' && (body as Verdict).decision === 'approved';
    const point = isApproval ? 'approved' : TOLD_POINTS[kind];
    if (point !== undefined) this.passes(point, owner);
  }

  private judged(verdict: Verdict): void {
    if (this.forged.has(verdict.verdictId)) return;
    this.reached(`verdict ${verdict.decision}`);
    if (verdict.decision === 'approved') {
      for (const auditor of this.auditors) auditor.approved?.(verdict);
      if (this.forgesApprovals) this.forge(verdict);
    } else for (const { rule } of verdict.refusals) this.reached(`refused ${rule}`);
  }

  /** Somebody who can publish and has no key: the same approval under other names, with the seal of the old ones. */
  private forge(verdict: ApprovedVerdict): void {
    const process = this.current;
    if (process === null) return;
    const verdictId = `${verdict.verdictId}-forged`;
    this.forged.add(verdictId);
    this.around.scheduler.plan(process.owner, 0, () => {
      this.reached('approval forged');
      const forged = { ...verdict, verdictId, nonce: [...verdict.nonce].reverse().join('') };
      process.node?.bus.publish('risk.verdict.approved', 'verdict', forged, { traceId: 'forged' });
    });
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
    // Whom a seed leaves next to no mailbox may have to turn somebody away, who hears it and asks again.
    const isTurnedAway =
      this.knobs.mailbox !== null && /"code":"ARB_MAILBOX_FULL"/.test(JSON.stringify(fields));
    if (DEFECTS.test(message) && !isTurnedAway)
      this.violated('no-defect', `${message} ${JSON.stringify(fields)}`);
  }
}
