import type { ClusterConfig, TradingConfig } from '../../../src/config/index.js';
import type { NodeAnnounced } from '../../../src/messages/cluster.js';
import type { Verdict } from '../../../src/messages/risk.js';
import type { SupervisionEvent } from '../../../src/messages/supervision.js';
import { Prng } from '../../../src/simulator/prng.js';
import type { MemoryDatabase } from '../../../src/storage/memory/memory-database.js';
import { createMemoryTicks, type MemoryTicks } from '../../../src/storage/memory/memory-ticks.js';
import type { Clock } from '../../../src/ports/time.js';
import type { AccountBooks } from '../accounts.js';
import { SimulatedDisk } from '../disk.js';
import { JournalView } from '../journal-view.js';
import type { Knobs } from '../knobs.js';
import type { SimulatedNetwork } from '../network.js';
import { busDelays, SimulatedProcess } from '../process.js';
import type { Owner, Scheduler } from '../scheduler.js';
import { StoreSwitches } from '../stores.js';
import type { Trace } from '../trace.js';
import type { ActorWitness, BusWitness, HandlerFault } from '../witnesses.js';
import type { ClusterLinks } from './links.js';
import type { NodeName } from './plan.js';

/** What the members of a cluster world share. */
export interface ClusterSurroundings {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly trading: TradingConfig;
  readonly cluster: ClusterConfig;
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly links: ClusterLinks;
  readonly database: MemoryDatabase;
  /** By which the shared stores go. */
  readonly storeClock: Clock;
  readonly books: AccountBooks;
  readonly trace: Trace;
  violated(name: string, detail: string): void;
  reached(point: string): void;
  /** A process was born: whatever it does from now on is this member's. */
  born(owner: Owner, member: ClusterMember): void;
  supervised(member: ClusterMember, event: SupervisionEvent): void;
  /** A member has heard what another one says of itself. */
  announced(member: ClusterMember, body: NodeAnnounced): void;
  /** The gate of a member has approved something. */
  approved(member: ClusterMember, verdictId: string): void;
  /** A handler is about to throw as it was told to. */
  crashed(member: ClusterMember, path: string): void;
}

export const BUILD = 'aaaaaaaa';
export const OTHER_BUILD = 'bbbbbbbb';
const EMERGENCY_PATH = '/data/emergency.journal';
const RESTART_AFTER_MS = 2_000;
/** Errors that no fault may cause: a defect that something caught. */
const DEFECTS = /supervisor defect|listener of .* failed|bus handler failed|engine reported|nact reported/;

/** One node of a cluster from its first process to its last, and what outlives each: its disk, its way to the stores, its clock. */
export class ClusterMember {
  readonly name: NodeName;
  readonly switches: StoreSwitches;
  readonly journal: JournalView;
  /** Since when it cannot reach the stores; null = it can. */
  storeGoneSinceMs: number | null = null;
  /** It does not come back. */
  isGone = false;
  build = BUILD;
  process: SimulatedProcess | null = null;
  private boots = 0;
  private readonly armed = new Map<string, HandlerFault>();
  private readonly around: ClusterSurroundings;
  private readonly disk: SimulatedDisk;
  private readonly ticks: MemoryTicks = createMemoryTicks();
  private readonly tickSwitches: StoreSwitches;
  private readonly clock: Knobs['clocks'][number];

  constructor(name: NodeName, index: number, around: ClusterSurroundings) {
    const { seed, knobs, database } = around;
    this.name = name;
    this.around = around;
    this.clock = knobs.clocks[index]!;
    this.switches = new StoreSwitches(Prng.of(seed, `stores/${name}`), knobs.storeDelayMaxMs);
    this.tickSwitches = new StoreSwitches(Prng.of(seed, `tick store/${name}`), knobs.storeDelayMaxMs);
    this.disk = new SimulatedDisk(Prng.of(seed, `disk/${name}`));
    this.journal = new JournalView(database, this.disk, EMERGENCY_PATH);
  }

  /** It runs, and is neither starting nor stopping. */
  get isRunning(): boolean {
    return this.process?.state === 'running';
  }

  start(): void {
    if (this.isGone || this.process !== null) return;
    const { around, name } = this;
    const boot = ++this.boots;
    if (boot > 1) around.reached('process restarted');
    const { seed, knobs, trading, cluster, scheduler, network, database, storeClock } = around;
    const process: SimulatedProcess = new SimulatedProcess({
      ...{ seed, name, boot, scheduler, network, database, knobs, trading, cluster, storeClock },
      ...{ disk: this.disk, switches: this.switches, ticks: this.ticks, tickSwitches: this.tickSwitches },
      kind: 'complete',
      domain: 'cluster',
      nodeBus: around.links,
      build: this.build,
      accounts: around.books.signers(),
      clock: this.clock,
      busDelayMs: busDelays(seed * 31 + boot, knobs.busDelayMaxMs, () => 0),
      witness: this.witness(() => this.process === process),
      changes: {},
      told: { reached: () => undefined, violated: (rule, detail) => around.violated(rule, detail) },
      heard: (level, message, fields) => this.heard(level, message, fields),
      ended: (reason) => {
        if (this.process !== process) return;
        around.trace.add('process', `${name} ${reason}`);
        around.reached('process gave up');
        this.processGone(RESTART_AFTER_MS);
      },
    });
    this.process = process;
    around.born(process.owner, this);
    around.trace.add('process', `${name} start ${boot} ${this.build}`);
    process.start();
  }

  /** kill -9; null = it stays away. */
  kill(restartAfterMs: number | null): void {
    if (restartAfterMs === null) this.isGone = true;
    const { process } = this;
    if (process === null) return;
    process.kill();
    this.around.links.leave(process.owner);
    this.processGone(restartAfterMs);
  }

  /** SIGSTOP and SIGCONT: its clocks go on, nothing of it runs. */
  pause(forMs: number): void {
    const owner = this.process?.owner;
    if (owner === undefined) return;
    owner.pausedUntilMs = Math.max(owner.pausedUntilMs, this.around.scheduler.nowMs + forMs);
  }

  get isPaused(): boolean {
    return (this.process?.owner.pausedUntilMs ?? 0) > this.around.scheduler.nowMs;
  }

  /** The next message of this actor ends it. */
  arm(path: string, fault: HandlerFault): void {
    this.armed.set(path, fault);
  }

  /** What an actor that runs says of itself; null = it does not run. */
  actor(path: string): Readonly<Record<string, unknown>> | null {
    const found = this.process?.node?.system.inspect(path) ?? null;
    return found?.state === 'running' ? found.summary : null;
  }

  private processGone(restartAfterMs: number | null): void {
    this.process = null;
    this.armed.clear();
    const { scheduler } = this.around;
    if (restartAfterMs !== null) scheduler.plan(scheduler.world, restartAfterMs, () => this.start());
  }

  private witness(isCurrent: () => boolean): BusWitness & ActorWitness {
    const { trace } = this.around;
    return {
      mailboxOf: () => Infinity,
      timeoutShare: () => 1,
      nowMs: () => this.around.scheduler.nowMs,
      published: (subject, kind, body) => {
        if (kind === 'boardBatch') return trace.addQuietly('bus', `${this.name} ${subject}`);
        const line = `${this.name} ${subject} ${JSON.stringify(body)}`;
        if (kind === 'tradePrint') return trace.addQuietly('bus', line);
        trace.add('bus', line);
        if (kind === 'verdict' && isCurrent()) {
          const verdict = body as unknown as Verdict;
          if (verdict.decision === 'approved') this.around.approved(this, verdict.verdictId);
        }
        if (kind === 'supervisionEvent' && isCurrent())
          this.around.supervised(this, body as unknown as SupervisionEvent);
      },
      arrived: (kind, body) => {
        trace.addQuietly('way', `${this.name} ${kind}`);
        if (kind === 'nodeAnnounced' && isCurrent())
          this.around.announced(this, body as unknown as NodeAnnounced);
      },
      requested: (subject, _kind, body) => {
        trace.add('ask', `${this.name} ${subject} ${JSON.stringify(body)}`);
      },
      born: () => undefined,
      overlapped: ({ path }) => this.around.violated('one-message-at-a-time', `${this.name} ${path}`),
      takeFault: (path) => {
        const fault = isCurrent() ? (this.armed.get(path) ?? null) : null;
        if (fault === null) return null;
        this.armed.delete(path);
        trace.add('fault', `${fault} hits ${this.name} ${path}`);
        this.around.crashed(this, path);
        return fault;
      },
    };
  }

  private heard(level: 'warn' | 'error', message: string, fields: object): void {
    const text = `${this.name} ${message} ${JSON.stringify(fields)}`;
    this.around.trace.note(level, text.slice(0, 240));
    if (DEFECTS.test(message)) this.around.violated('no-defect', text);
  }
}
