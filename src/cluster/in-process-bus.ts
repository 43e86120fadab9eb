import { MESSAGES, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { encodeMessage } from '../messages/codec.js';
import { ArbotError } from '../messages/errors.js';
import type { Bus, BusStatistics, Delivery, PublishOptions, Subscription } from '../ports/bus.js';
import { BoundedQueue } from './bounded-queue.js';
import { DEFAULT_PENDING_REQUESTS, RESPONDERS, type BusOptions } from './bus-options.js';
import { noResponder, PendingRequests } from './pending-requests.js';
import { Receiver } from './receiver.js';
import { checkPattern, checkSubject, SubjectTrie } from './subjects.js';

/**
 * The bus of a single process. Messages are encoded and decoded all the same, and arrive in a later turn of the event loop,
 * in order for each subscriber. A full queue of a kind that goes stale loses its oldest message; a kind that never goes
 * stale is never lost: the publisher gets ARB_MAILBOX_FULL, and then no subscriber got the message.
 */

const DEFAULT_QUEUE_LIMIT = 8_192;
/** Messages handed to one subscriber before the others and the event loop have their turn. */
const BATCH = 64;

export interface InProcessBusOptions extends BusOptions {
  /** Messages that may wait for one subscriber. */
  readonly queueLimit?: number;
}

interface Job {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** Where the answer goes; null for a published message. */
  readonly reply: ((bytes: Uint8Array) => void) | null;
}

interface Subscriber {
  readonly kind: MessageKind;
  readonly queue: string | null;
  readonly jobs: BoundedQueue<Job>;
  readonly receive: (job: Job) => void;
  /** A drain is due in a later turn. */
  scheduled: boolean;
  open: boolean;
}

export class InProcessBus implements Bus {
  private readonly options: InProcessBusOptions;
  private readonly subscribers = new SubjectTrie<Subscriber>();
  private readonly receiver: Receiver;
  private readonly requests: PendingRequests;
  /** Next member of each queue group, so that members take turns. */
  private readonly turns = new Map<string, number>();
  private waiting = 0;
  private readonly flushing: (() => void)[] = [];
  private closed = false;

  constructor(options: InProcessBusOptions) {
    this.options = options;
    this.receiver = new Receiver(options);
    this.requests = new PendingRequests(
      options.timers,
      options.maxPendingRequests ?? DEFAULT_PENDING_REQUESTS,
    );
  }

  publish<K extends MessageKind>(
    subject: string,
    kind: K,
    body: MessageOf<K>,
    options: PublishOptions,
  ): void {
    checkSubject(subject);
    const bytes = this.encode(kind, body, options);
    const counters = this.receiver.counters;
    if (this.closed) {
      counters.droppedFull++;
      return;
    }
    const targets = this.targetsOf(subject);
    const full = targets.find((target) => mustKeep(target.kind) && target.jobs.isFull);
    if (full !== undefined) throw queueFull(subject, full.jobs.length);
    counters.published++;
    for (const target of targets) this.enqueue(target, { subject, bytes, reply: null });
  }

  /** Hands on what another node published and encoded; a subscriber whose queue is full loses its oldest message. */
  relay(subject: string, bytes: Uint8Array): void {
    if (this.closed) return;
    for (const target of this.targetsOf(subject)) this.enqueue(target, { subject, bytes, reply: null });
  }

  subscribe<K extends MessageKind>(
    subject: string,
    kind: K,
    handler: (delivery: Delivery<K>) => void,
    options: { readonly queue?: string } = {},
  ): Subscription {
    return this.add(subject, kind, options.queue ?? null, (job) =>
      this.receiver.deliver(job.subject, job.bytes, kind, handler),
    );
  }

  request<K extends MessageKind, R extends MessageKind>(
    subject: string,
    kind: K,
    body: MessageOf<K>,
    replyKind: R,
    options: PublishOptions & { readonly timeoutMs: number },
  ): Promise<MessageOf<R>> {
    const id = this.options.ids.next('req');
    const send = () => {
      checkSubject(subject);
      this.sendRequest(subject, this.encode(kind, body, options, id), id);
    };
    return this.requests.open(id, { subject, replyKind, timeoutMs: options.timeoutMs, send });
  }

  respond<K extends MessageKind, R extends MessageKind>(
    subject: string,
    kind: K,
    replyKind: R,
    handler: (delivery: Delivery<K>) => Promise<MessageOf<R>>,
  ): Subscription {
    const answer = this.receiver.responder(kind, replyKind, handler);
    return this.add(subject, kind, RESPONDERS, (job) => {
      if (job.reply === null) {
        this.receiver.refused(job.subject, kind, new Error('published where a request is expected'));
      } else answer(job.subject, job.bytes, job.reply);
    });
  }

  statistics(): BusStatistics {
    return { state: this.closed ? 'closed' : 'connected', ...this.receiver.counters };
  }

  /** Resolves when no subscriber has a message waiting. */
  flush(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.flushing.push(resolve));
  }

  /** Drops what still waits, counted; requests without an answer reject as ARB_ASK_TIMEOUT. */
  close(): Promise<void> {
    this.closed = true;
    this.requests.failAll('the bus was closed before an answer came');
    this.receiver.counters.droppedFull += this.waiting;
    this.waiting = 0;
    this.settle();
    return Promise.resolve();
  }

  private encode<K extends MessageKind>(
    kind: K,
    body: MessageOf<K>,
    { traceId }: PublishOptions,
    id?: string,
  ): Uint8Array {
    const { sender, clock } = this.options;
    const header = { traceId, sender, sentAtMs: clock.nowMs() };
    return encodeMessage(kind, body, id === undefined ? header : { ...header, id });
  }

  private sendRequest(subject: string, bytes: Uint8Array, id: string): void {
    if (this.closed) throw noResponder(subject, 'the bus is closed');
    const targets = this.targetsOf(subject);
    if (targets.length === 0) throw noResponder(subject);
    const full = targets.find((target) => target.jobs.isFull);
    // A command that was pushed out of a queue would only be known by its silence: refuse it while it is certain.
    if (full !== undefined) throw queueFull(subject, full.jobs.length);
    this.receiver.counters.published++;
    const reply = (answer: Uint8Array) => this.requests.answer(id, answer);
    for (const target of targets) {
      this.enqueue(target, { subject, bytes, reply: (answer) => this.later(() => void reply(answer)) });
    }
  }

  private later(step: () => void): void {
    this.options.timers.setImmediate(step);
  }

  private add(
    pattern: string,
    kind: MessageKind,
    queue: string | null,
    receive: (job: Job) => void,
  ): Subscription {
    checkPattern(pattern);
    const jobs = new BoundedQueue<Job>(this.options.queueLimit ?? DEFAULT_QUEUE_LIMIT);
    const subscriber: Subscriber = { kind, queue, jobs, receive, scheduled: false, open: true };
    this.subscribers.add(pattern, subscriber);
    return {
      unsubscribe: () => {
        if (!subscriber.open) return;
        subscriber.open = false;
        this.subscribers.remove(pattern, subscriber);
        if (!this.closed) this.waiting -= jobs.length;
        jobs.clear();
        this.settle();
      },
    };
  }

  /** All plain subscribers, and one of each queue group. */
  private targetsOf(subject: string): Subscriber[] {
    const matching = this.subscribers.match(subject);
    const targets = matching.filter((subscriber) => subscriber.queue === null);
    if (targets.length === matching.length) return targets;
    const groups = new Map<string, Subscriber[]>();
    for (const member of matching) {
      if (member.queue !== null) groups.set(member.queue, [...(groups.get(member.queue) ?? []), member]);
    }
    for (const [name, members] of groups) targets.push(this.nextOf(name, members));
    return targets;
  }

  private nextOf(group: string, members: readonly Subscriber[]): Subscriber {
    const turn = (this.turns.get(group) ?? 0) % members.length;
    this.turns.set(group, turn + 1);
    return members[turn]!;
  }

  private enqueue(target: Subscriber, job: Job): void {
    if (target.jobs.isFull) {
      target.jobs.shift();
      this.receiver.counters.droppedFull++;
    } else this.waiting++;
    target.jobs.push(job);
    this.schedule(target);
  }

  /** With the last message that waited every flush is done. */
  private settle(): void {
    if (this.waiting > 0) return;
    for (const done of this.flushing.splice(0)) done();
  }

  private schedule(target: Subscriber): void {
    if (target.scheduled) return;
    target.scheduled = true;
    this.later(() => {
      target.scheduled = false;
      this.drain(target);
    });
  }

  private drain(target: Subscriber): void {
    for (let handed = 0; handed < BATCH && target.open && !this.closed; handed++) {
      const job = target.jobs.shift();
      if (job === undefined) return;
      this.waiting--;
      target.receive(job);
      this.settle();
    }
    if (target.jobs.length > 0 && target.open && !this.closed) this.schedule(target);
  }
}

/** Facts about money never go stale and are never dropped. */
function mustKeep(kind: MessageKind): boolean {
  return MESSAGES[kind].maxAgeMs === null;
}

function queueFull(subject: string, waiting: number): ArbotError {
  return new ArbotError('ARB_MAILBOX_FULL', `${subject}: ${waiting} messages wait for a subscriber`, {
    retryable: true,
  });
}
