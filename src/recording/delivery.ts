import { invariant } from '../messages/errors.js';
import type { RowCounts } from '../ports/tick-spool.js';
import type { TickBatch, TickTable } from '../ports/tick-store.js';
import { noRows, TICK_TABLES, type TickQueue } from './tick-queue.js';

/** What is to be done outside. Each is answered by one result with its token. */
export type DeliveryEffect =
  | { readonly kind: 'insert'; readonly token: number; readonly batch: TickBatch }
  | { readonly kind: 'append'; readonly token: number; readonly batch: TickBatch }
  | { readonly kind: 'read'; readonly token: number }
  | { readonly kind: 'forget'; readonly token: number; readonly batchId: string };

export type DeliveryResult =
  | { readonly kind: 'inserted'; readonly token: number }
  /** The store will never take it as it is, and has stored nothing of it. */
  | { readonly kind: 'refused'; readonly token: number; readonly reason: string }
  /** Whether it is stored is not known. */
  | { readonly kind: 'unanswered'; readonly token: number; readonly reason: string }
  | { readonly kind: 'appended'; readonly token: number; readonly outcome: 'kept' | 'full' }
  | { readonly kind: 'notAppended'; readonly token: number; readonly reason: string }
  | {
      readonly kind: 'read';
      readonly token: number;
      readonly batch: TickBatch | null;
      readonly isCarried: boolean;
      /** Of the spool since its start. */
      readonly damaged: RowCounts;
    }
  | { readonly kind: 'notRead'; readonly token: number; readonly reason: string }
  | { readonly kind: 'forgotten'; readonly token: number };

export interface DeliveryPolicy {
  /** Pauses between two tries of the store, and of the spool, ms. */
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  /** An insert under way for longer makes what comes after it go to the spool, ms; and so does a ring that is half full. */
  readonly patienceMs: number;
  /** An insert under way for longer counts as unanswered, ms. */
  readonly timeoutMs: number;
}

/** `open`; or closing: what is left goes to the store while it answers, or only to the spool any more. */
export type DeliveryMode = 'open' | 'to-store' | 'to-spool';

/** Parts of one batch that are not settled; ids and rows of a part never change. */
interface Job {
  readonly origin: 'ring' | 'spool';
  readonly batchId: string;
  readonly parts: TickBatch[];
}

/** `token` 0 = to be asked for (again). */
interface Sending {
  readonly job: Job;
  readonly sinceMs: number;
  token: number;
}

interface Appending {
  readonly batch: TickBatch;
  token: number;
}

type Replay =
  | { readonly state: 'idle' }
  | { readonly state: 'reading'; token: number }
  | { readonly state: 'ready'; readonly job: Job }
  | { readonly state: 'sending' }
  | { readonly state: 'forgetting'; readonly batchId: string; token: number };

const IDLE: Replay = { state: 'idle' };

/**
 * Decides where batches go: to the store, one insert under way; to the spool while the store fails or is slow; from the spool to
 * the store, oldest first, in turn with new ones. Without I/O: results go in, effects come out. It counts every row from
 * the ring to its end. It outlives the actor that carries out its effects: `resume` asks again for what was under way, under the same
 * batch ids. Times are monotonic ms of the caller.
 */
export class Delivery {
  mode: DeliveryMode = 'open';
  readonly stored = noRows();
  readonly inSpool = noRows();
  readonly carried = noRows();
  readonly refused = noRows();
  readonly damaged = noRows();
  readonly counts = { inserts: 0, failures: 0, appends: 0, appendFailures: 0, timesFull: 0, replayed: 0 };
  lastError: string | null = null;
  private readonly queue: TickQueue;
  private readonly policy: DeliveryPolicy;
  private lastToken = 0;
  private sending: Sending | null = null;
  private appending: Appending | null = null;
  /** From the ring, and not taken by the store; at most one, and the one being appended. */
  private readonly unsent: Job[] = [];
  private replay: Replay = IDLE;
  private spoolMayHold = true;
  private replayedLast = false;
  private readonly store = { tries: 0, notBeforeMs: -Infinity };
  private readonly spool = { tries: 0, notBeforeMs: -Infinity };
  private readonly reading = { tries: 0, notBeforeMs: -Infinity };

  constructor(queue: TickQueue, policy: DeliveryPolicy) {
    this.queue = queue;
    this.policy = policy;
  }

  /** Whether the store answered last time. */
  get isStoreUp(): boolean {
    return this.store.tries === 0;
  }

  /** Rows that left their ring and are neither stored nor on the disk. */
  inHand(table: TickTable): number {
    const { sending, appending, unsent } = this;
    const jobs = sending?.job.origin === 'ring' ? [...unsent, sending.job] : unsent;
    const parts = jobs.flatMap((job) => job.parts);
    if (appending !== null) parts.push(appending.batch);
    return parts.reduce((sum, part) => sum + (part.table === table ? part.rows.length : 0), 0);
  }

  /** Nothing but what waits in the spool is left. */
  get isDone(): boolean {
    return this.sending === null && this.appending === null && this.unsent.length === 0;
  }

  /** Whoever carried out the effects is gone: what was under way is asked for again. */
  resume(): void {
    if (this.sending !== null) this.sending.token = 0;
    if (this.appending !== null) this.appending.token = 0;
    if (this.replay.state === 'reading' || this.replay.state === 'forgetting') this.replay.token = 0;
  }

  /** What to do now; each call tells an effect once. */
  next(nowMs: number): DeliveryEffect[] {
    const effects: DeliveryEffect[] = [];
    // The store first: with a broken disk, what is left would otherwise only go round there.
    this.nextInsert(nowMs, effects);
    this.nextAppend(nowMs, effects);
    this.nextReplay(nowMs, effects);
    return effects;
  }

  /** Takes a result; one whose effect was given up or asked for again changes nothing. */
  settle(result: DeliveryResult, nowMs: number): void {
    switch (result.kind) {
      case 'inserted':
      case 'refused':
      case 'unanswered':
        if (this.sending?.token === result.token) this.insertEnded(this.sending.job, result, nowMs);
        return;
      case 'appended':
      case 'notAppended':
        if (this.appending?.token === result.token) this.appendEnded(this.appending.batch, result, nowMs);
        return;
      case 'read':
        if (this.replay.state === 'reading' && this.replay.token === result.token) this.readEnded(result);
        return;
      case 'notRead':
        if (this.replay.state !== 'reading' || this.replay.token !== result.token) return;
        this.replay = IDLE;
        return this.failed(this.reading, result.reason, nowMs);
      case 'forgotten':
        if (this.replay.state === 'forgetting' && this.replay.token === result.token) this.replay = IDLE;
        return;
    }
  }

  private nextAppend(nowMs: number, effects: DeliveryEffect[]): void {
    if (this.appending === null && nowMs >= this.spool.notBeforeMs && this.isStoreAiling(nowMs)) {
      const batch = this.takePart() ?? this.queue.seal(nowMs, this.mode !== 'open');
      if (batch !== null) this.appending = { batch, token: 0 };
    }
    if (this.appending === null || this.appending.token !== 0) return;
    this.appending.token = ++this.lastToken;
    effects.push({ kind: 'append', token: this.lastToken, batch: this.appending.batch });
  }

  /** The first part that waits for the store. */
  private takePart(): TickBatch | null {
    const [job] = this.unsent;
    if (job === undefined) return null;
    const part = job.parts.shift()!;
    if (job.parts.length === 0) this.unsent.shift();
    return part;
  }

  private isStoreAiling(nowMs: number): boolean {
    if (this.mode === 'to-spool' || !this.isStoreUp) return true;
    if (this.sending === null) return false;
    return this.queue.isHalfFull || nowMs - this.sending.sinceMs > this.policy.patienceMs;
  }

  private nextInsert(nowMs: number, effects: DeliveryEffect[]): void {
    this.giveUpInsert(nowMs);
    if (this.sending === null && nowMs >= this.store.notBeforeMs && this.mode !== 'to-spool') {
      const job = this.jobToSend(nowMs);
      if (job !== null) this.sending = { job, sinceMs: nowMs, token: 0 };
    }
    if (this.sending === null || this.sending.token !== 0) return;
    this.sending.token = ++this.lastToken;
    effects.push({ kind: 'insert', token: this.lastToken, batch: this.sending.job.parts[0]! });
  }

  /** What takes too long, or can be waited for no more, has an unknown outcome. */
  private giveUpInsert(nowMs: number): void {
    if (this.sending === null) return;
    const { job, sinceMs } = this.sending;
    const reason = 'the tick store gave no answer in time';
    if (this.mode === 'to-spool' || nowMs - sinceMs > this.policy.timeoutMs)
      this.insertEnded(job, { kind: 'unanswered', token: 0, reason }, nowMs);
  }

  /** New batches and those of the spool take turns; a store that failed is tried with the oldest there is. */
  private jobToSend(nowMs: number): Job | null {
    const left = this.unsent.shift();
    if (left !== undefined) return left;
    const isReplayTurn = !this.replayedLast || !this.isStoreUp;
    if (isReplayTurn && this.replay.state === 'ready') return this.jobToReplay();
    const batch = this.queue.seal(nowMs, this.mode !== 'open');
    if (batch !== null) {
      this.replayedLast = false;
      return { origin: 'ring', batchId: batch.batchId, parts: [batch] };
    }
    return this.replay.state === 'ready' ? this.jobToReplay() : null;
  }

  private jobToReplay(): Job {
    invariant(this.replay.state === 'ready', 'only a batch that was read is replayed');
    const { job } = this.replay;
    this.replay = { state: 'sending' };
    this.replayedLast = true;
    return job;
  }

  private nextReplay(nowMs: number, effects: DeliveryEffect[]): void {
    const mayRead = this.mode === 'open' && this.spoolMayHold && nowMs >= this.reading.notBeforeMs;
    if (this.replay.state === 'idle' && mayRead) this.replay = { state: 'reading', token: 0 };
    const { replay } = this;
    if ((replay.state !== 'reading' && replay.state !== 'forgetting') || replay.token !== 0) return;
    const token = ++this.lastToken;
    replay.token = token;
    if (replay.state === 'reading') effects.push({ kind: 'read', token });
    else effects.push({ kind: 'forget', token, batchId: replay.batchId });
  }

  private insertEnded(
    job: Job,
    result: Extract<DeliveryResult, { kind: 'inserted' | 'refused' | 'unanswered' }>,
    nowMs: number,
  ): void {
    this.sending = null;
    if (result.kind === 'unanswered') {
      this.counts.failures++;
      this.failed(this.store, result.reason, nowMs);
      return this.putBack(job);
    }
    // A refusal is an answer too.
    this.store.tries = 0;
    this.store.notBeforeMs = -Infinity;
    const part = job.parts.shift()!;
    if (result.kind === 'inserted') {
      this.counts.inserts++;
      this.settled(job, part, this.stored);
    } else if (part.rows.length === 1) {
      this.lastError = result.reason;
      this.settled(job, part, this.refused);
    } else job.parts.unshift(...halvesOf(part));
    if (job.parts.length > 0) this.putBack(job);
    else if (job.origin === 'spool') {
      this.counts.replayed++;
      this.replay = { state: 'forgetting', batchId: job.batchId, token: 0 };
    }
  }

  private settled(job: Job, { table, rows }: TickBatch, as: Record<TickTable, number>): void {
    as[table] += rows.length;
    if (job.origin === 'spool') this.inSpool[table] -= rows.length;
  }

  private putBack(job: Job): void {
    if (job.origin === 'ring') this.unsent.unshift(job);
    else this.replay = { state: 'ready', job };
  }

  private appendEnded(
    batch: TickBatch,
    result: Extract<DeliveryResult, { kind: 'appended' | 'notAppended' }>,
    nowMs: number,
  ): void {
    this.appending = null;
    if (result.kind === 'appended' && result.outcome === 'kept') {
      this.counts.appends++;
      this.spool.tries = 0;
      this.inSpool[batch.table] += batch.rows.length;
      this.spoolMayHold = true;
      return;
    }
    this.unsent.unshift({ origin: 'ring', batchId: batch.batchId, parts: [batch] });
    if (result.kind === 'notAppended') {
      this.counts.appendFailures++;
      return this.failed(this.spool, result.reason, nowMs);
    }
    this.counts.timesFull++;
    this.failed(this.spool, 'the spool is full', nowMs);
  }

  private readEnded({ batch, isCarried, damaged }: Extract<DeliveryResult, { readonly kind: 'read' }>): void {
    this.reading.tries = 0;
    for (const table of TICK_TABLES) {
      const lost = damaged[table] - this.damaged[table];
      this.damaged[table] += lost;
      this.inSpool[table] -= lost;
    }
    this.spoolMayHold = batch !== null;
    if (batch === null) {
      this.replay = IDLE;
      return;
    }
    if (isCarried) {
      this.carried[batch.table] += batch.rows.length;
      this.inSpool[batch.table] += batch.rows.length;
    }
    this.replay = {
      state: 'ready',
      job: { origin: 'spool', batchId: batch.batchId, parts: [batch] },
    };
  }

  private failed(lane: { tries: number; notBeforeMs: number }, reason: string, nowMs: number): void {
    const { minMs, maxMs } = this.policy.retry;
    this.lastError = reason;
    lane.notBeforeMs = nowMs + Math.min(maxMs, minMs * 2 ** Math.min(lane.tries, 30));
    lane.tries++;
  }
}

/** Both halves under ids of their own, which follow from the batch's: a part that comes again has the same id. */
function halvesOf(batch: TickBatch): TickBatch[] {
  const { table, batchId, rows } = batch;
  const middle = Math.ceil(rows.length / 2);
  return [rows.slice(0, middle), rows.slice(middle)].map(
    (half, at) => ({ table, batchId: `${batchId}.${at}`, rows: half }) as TickBatch,
  );
}
