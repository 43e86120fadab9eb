import { Decimal } from 'decimal.js';
import type { ArbitrageClosed, LegResult, SubmitLeg } from '../../../src/messages/order.js';
import type { ApprovedVerdict, HaltChanged, Verdict } from '../../../src/messages/risk.js';
import { decodeKillSwitch, KILL_SWITCH_KEY } from '../../../src/risk/kill-switch.js';
import type { ExchangeOrder } from '../accounts.js';
import type { Auditor, Execution, Scene } from './scene.js';

/** A bus hop may take this long beyond what the world draws. */
const HOP_SLACK_MS = 100;
/** How long a recovery order may follow its verdict's expiry. */
const RECOVERY_MS = 90_000;
/** An order must have come to its end, or to a person, this long after it was journalled; where none expires it may take 75 s. */
const SETTLED_WITHIN_MS = 120_000;

interface Submission {
  readonly leg: SubmitLeg;
  readonly atMs: number;
  readonly wallMs: number;
}

/** I5, I6, I7, I9, I20: no order without its verdict and its journal row, none twice, none after the switch, none forgotten. */
export class OrderAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly mostHopMs: () => number;
  readonly verdicts = new Map<string, ApprovedVerdict>();
  readonly submissions = new Map<string, Submission>();
  private readonly uses = new Set<string>();
  private readonly recovered = new Set<string>();
  private readonly arrivedIds = new Set<string>();
  /** Carried out to their end. */
  private readonly executedIds = new Set<string>();
  private readonly finished = new Set<string>();
  /** When each journal row was first seen. */
  private readonly journalledMs = new Map<string, number>();
  private halted: { readonly sinceMs: number; readonly flattens: boolean } | null = null;
  /** When the word was given that counts; an older one that comes later does not. */
  private haltChangedMs = -Infinity;

  /** Verdicts that no gate has given: nothing of them may come to an exchange, and nothing is promised. */
  private readonly forged: ReadonlySet<string>;

  constructor(scene: Scene, mostHopMs: () => number, forged: ReadonlySet<string>) {
    this.scene = scene;
    this.forged = forged;
    this.mostHopMs = mostHopMs;
  }

  approved(verdict: ApprovedVerdict): void {
    if (this.verdicts.has(verdict.verdictId))
      this.scene.violated('verdict-is-new', `${verdict.verdictId} was approved twice`);
    this.verdicts.set(verdict.verdictId, verdict);
    this.checkHalt(`verdict ${verdict.verdictId} was approved`, this.scene.nowMs());
  }

  /** Of a process that was taken for dead: where nobody has taken its lease, it may acquire it anew and trade on. */
  knows(verdict: Verdict): void {
    if (verdict.decision === 'approved') this.verdicts.set(verdict.verdictId, verdict);
  }

  /** A person's word, seen when it leaves. */
  halt(halt: HaltChanged): void {
    if (halt.atMs < this.haltChangedMs) return;
    this.haltChangedMs = halt.atMs;
    const flattens = halt.policy === 'flatten';
    this.halted = halt.engaged ? { sinceMs: this.scene.nowMs(), flattens } : null;
  }

  /** A process that died before it stored the switch cannot know of it; the one that follows reads the row. */
  processEnded(): void {
    const row = this.scene.database.settings.get(KILL_SWITCH_KEY) ?? null;
    const { engaged, atMs } = decodeKillSwitch(row);
    this.haltChangedMs = atMs;
    if (!engaged) this.halted = null;
  }

  submitted(leg: SubmitLeg): void {
    if (this.scene.journal.of(leg.clientOrderId) === null)
      this.scene.violated('order-journalled', `${leg.clientOrderId} left before its journal row`);
    if (this.submissions.has(leg.clientOrderId))
      this.scene.violated('order-sent-once', `${leg.clientOrderId} was sent again`);
    const use = `${leg.verdictId}/${leg.legIndex}/${leg.attempt}`;
    if (this.uses.has(use)) this.scene.violated('verdict-used-once', `${use} was used again`);
    this.uses.add(use);
    this.checkVerdict(leg);
    const wallMs = this.scene.process()?.time.nowMs() ?? 0;
    this.submissions.set(leg.clientOrderId, { leg, atMs: this.scene.nowMs(), wallMs });
    if (leg.attempt > 0) this.recovers(leg);
  }

  /** Finishing the leg that is missing, or taking back the one that filled. */
  private recovers(leg: SubmitLeg): void {
    const planned = this.verdicts.get(leg.verdictId)?.signal.legs[leg.legIndex];
    this.scene.reached(`recovery ${planned?.side === leg.side ? 'complete' : 'reverse'}`);
    this.recovered.add(leg.arbitrageId);
  }

  executed({ leg, result }: Execution): void {
    this.arrived(leg);
    this.executedIds.add(leg.clientOrderId);
    this.scene.reached(`order ${result.status}`);
  }

  placed({ clientOrderId }: ExchangeOrder): void {
    const leg = this.scene.journal.of(clientOrderId)?.leg;
    if (leg !== undefined && !this.forged.has(leg.verdictId)) this.arrived(leg);
  }

  ended({ clientOrderId }: ExchangeOrder): void {
    this.executedIds.add(clientOrderId);
  }

  private arrived(leg: SubmitLeg): void {
    const submission = this.submissions.get(leg.clientOrderId);
    if (submission === undefined)
      return this.scene.violated('order-sent-once', `${leg.clientOrderId} was carried out and never sent`);
    if (this.arrivedIds.has(leg.clientOrderId))
      this.scene.violated('order-carried-out-once', `${leg.clientOrderId} reached the exchange twice`);
    this.arrivedIds.add(leg.clientOrderId);
    const verdict = this.verdicts.get(leg.verdictId);
    // After a restart a recovery order brings a permit of its own.
    const { permit } = submission.leg;
    const expiresAtMs = permit?.expiresAtMs ?? verdict?.expiresAtMs;
    const lateMs = expiresAtMs === undefined ? 0 : submission.wallMs - expiresAtMs;
    if (lateMs > (leg.attempt > 0 && permit === undefined ? RECOVERY_MS : 0))
      this.scene.violated('verdict-not-expired', `${leg.clientOrderId} was sent ${lateMs} ms after expiry`);
    this.checkHalt(`order ${leg.clientOrderId} was carried out`, submission.atMs, leg.attempt > 0);
  }

  afterStep(): void {
    const { legs } = this.scene.database;
    if (legs.size === this.journalledMs.size) return;
    for (const id of legs.keys())
      if (!this.journalledMs.has(id)) this.journalledMs.set(id, this.scene.nowMs());
  }

  audit(): void {
    const { database } = this.scene;
    const flagged = new Set<string>();
    for (const body of database.arbitrages.values()) {
      const { arbitrageId, outcome, residualBase } = JSON.parse(body) as ArbitrageClosed;
      this.scene.reached(`outcome ${outcome}`);
      if (outcome !== 'flagged') continue;
      flagged.add(arbitrageId);
      if (!new Decimal(residualBase).isZero() && !this.recovered.has(arbitrageId))
        this.scene.reached('recovery impossible');
    }
    for (const [id, body] of database.legs) {
      const leg = JSON.parse(body) as SubmitLeg;
      const ageMs = this.scene.nowMs() - (this.journalledMs.get(id) ?? 0);
      if (ageMs < SETTLED_WITHIN_MS || flagged.has(leg.arbitrageId)) continue;
      const row = database.results.get(id);
      const status = row === undefined ? 'open' : (JSON.parse(row) as LegResult).status;
      if (status === 'open' || status === 'unknown')
        this.scene.violated('orders-terminal', `${id} of ${leg.arbitrageId} is ${status} after ${ageMs} ms`);
      else if (!database.arbitrages.has(leg.arbitrageId))
        this.scene.violated('arbitrages-terminal', `${leg.arbitrageId} has ended orders and no end`);
    }
  }

  /** Journalled orders that no exchange has carried out and that have no known end. */
  openOrders(): SubmitLeg[] {
    const { database } = this.scene;
    return this.unfinished().flatMap(([id, body]) => {
      const row = database.results.get(id);
      if (row !== undefined && (JSON.parse(row) as LegResult).status !== 'unknown') return [];
      const leg = JSON.parse(body) as SubmitLeg;
      return this.forged.has(leg.verdictId) ? [] : [leg];
    });
  }

  /** Rows that were finished once stay so; only the others are read again. */
  private unfinished(): [string, string][] {
    const { legs, results } = this.scene.database;
    const open: [string, string][] = [];
    for (const [id, body] of legs) {
      if (this.executedIds.has(id) || this.finished.has(id)) continue;
      const row = results.get(id);
      if (row !== undefined && !row.includes('"unknown"')) this.finished.add(id);
      else open.push([id, body]);
    }
    return open;
  }

  private checkVerdict(leg: SubmitLeg): void {
    const verdict = this.verdicts.get(leg.verdictId);
    const fault = verdict === undefined ? 'its verdict was never approved' : mismatch(leg, verdict);
    if (fault !== null) this.scene.violated('order-within-verdict', `${leg.clientOrderId}: ${fault}`);
  }

  private checkHalt(what: string, atMs: number, isRecovery = false): void {
    if (this.halted === null || (isRecovery && this.halted.flattens)) return;
    const lateMs = atMs - this.halted.sinceMs;
    if (lateMs > HOP_SLACK_MS + this.mostHopMs())
      this.scene.violated('kill-switch-obeyed', `${what} ${lateMs.toFixed(0)} ms after the kill switch`);
  }
}

/** A recovery order may trade what was approved of the larger leg; of what it buys an exchange may keep its fee. */
function mostOf(leg: SubmitLeg, { signal }: ApprovedVerdict): Decimal {
  if (leg.attempt === 0) return new Decimal(signal.legs[leg.legIndex]?.quantity ?? 0);
  const largest = Decimal.max(...signal.legs.map(({ quantity }) => quantity));
  return leg.side === 'buy' ? largest.times(1.005) : largest;
}

function mismatch(leg: SubmitLeg, verdict: ApprovedVerdict): string | null {
  const planned = verdict.signal.legs[leg.legIndex];
  if (planned === undefined) return `the verdict has no leg ${leg.legIndex}`;
  if (verdict.nonce !== leg.nonce) return 'the nonce is another';
  const isHedge = leg.attempt > 0 && verdict.hedges?.includes(leg.instrument) === true;
  if (planned.instrument !== leg.instrument && !isHedge) return `${leg.instrument} was not approved`;
  if (new Decimal(leg.quantity).gt(mostOf(leg, verdict)))
    return `${leg.quantity} exceeds ${planned.quantity}`;
  if (leg.attempt === 0 && planned.side !== leg.side) return `${leg.side} was not approved`;
  return null;
}
