import { createInbox, Events, type Msg, type NatsConnection } from 'nats';
import { MESSAGES, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { encodeMessage } from '../messages/codec.js';
import { ArbotError, errorText, invariant } from '../messages/errors.js';
import type { Bus, BusStatistics, Delivery, PublishOptions, Subscription } from '../ports/bus.js';
import type { NodeServices } from '../ports/node-services.js';
import { DEFAULT_PENDING_REQUESTS, RESPONDERS } from './bus-options.js';
import { inboxPrefixOf } from './inbox.js';
import { firstConnection, type NatsBusOptions } from './nats-connection.js';
import { NatsNodeServices } from './node-service.js';
import { NatsOutbound, type OutboundLimits } from './nats-outbound.js';
import { noResponder, PendingRequests } from './pending-requests.js';
import { Receiver } from './receiver.js';
import { checkPattern, checkSubject } from './subjects.js';

/**
 * The bus between nodes, over NATS core: at most once. The settings are for links that die silently: a ping each second,
 * reconnection without end, and the receiver judges the age of every message, because a healed link delivers what the
 * kernel had kept for seconds. Market data and orders use two buses, hence two connections.
 */

export type { NatsBusOptions } from './nats-connection.js';

const DEFAULT_LIMITS: OutboundLimits = { maxUnconfirmedBytes: 16 * 1024 * 1024, maxHeld: 10_000 };
const CLOSE_FLUSH_MS = 1_000;
/** Status of the empty message by which a server says that nobody is subscribed. */
const NO_RESPONDERS = 503;

export class NatsBus implements Bus {
  private readonly options: NatsBusOptions;
  private readonly connection: NatsConnection;
  private readonly outbound: NatsOutbound;
  private readonly receiver: Receiver;
  private readonly requests: PendingRequests;
  private readonly prefix: string;
  private readonly inbox: string;
  private state: BusStatistics['state'] = 'connected';

  private constructor(options: NatsBusOptions, connection: NatsConnection) {
    this.options = options;
    this.connection = connection;
    this.inbox = createInbox(inboxPrefixOf(options.sender));
    this.prefix = options.prefix === undefined ? '' : `${options.prefix}.`;
    this.outbound = new NatsOutbound(connection, { ...DEFAULT_LIMITS, ...options.limits }, options.log);
    this.receiver = new Receiver(options);
    this.requests = new PendingRequests(
      options.timers,
      options.maxPendingRequests ?? DEFAULT_PENDING_REQUESTS,
    );
    this.listen(`${this.inbox}.*`, {}, (message) => this.replied(message));
    void this.followStatus();
  }

  /** Waits until a server answers, for ever unless `signal` aborts: the order in which nodes and servers start does not matter. */
  static async connect(options: NatsBusOptions): Promise<NatsBus> {
    if (options.prefix !== undefined) checkSubject(options.prefix);
    invariant(options.servers.length > 0, 'a NATS bus needs at least one server');
    return new NatsBus(options, await firstConnection(options));
  }

  publish<K extends MessageKind>(
    subject: string,
    kind: K,
    body: MessageOf<K>,
    options: PublishOptions,
  ): void {
    checkSubject(subject);
    const message = { subject: this.prefix + subject, bytes: this.encode(kind, body, options) };
    const counters = this.receiver.counters;
    if (this.state === 'closed') counters.droppedFull++;
    else if (MESSAGES[kind].maxAgeMs === null) {
      this.outbound.put(message);
      counters.published++;
    } else if (this.outbound.offer(message)) counters.published++;
    else counters.droppedFull++;
  }

  subscribe<K extends MessageKind>(
    subject: string,
    kind: K,
    handler: (delivery: Delivery<K>) => void,
    options: { readonly queue?: string } = {},
  ): Subscription {
    checkPattern(subject);
    return this.listen(this.prefix + subject, options, (message) =>
      this.receiver.deliver(this.subjectOf(message), message.data, kind, handler),
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
      const bytes = this.encode(kind, body, options, id);
      // Held back until a reconnection, a command would be obeyed when nobody expects it any more.
      if (this.state !== 'connected') throw noResponder(subject, `NATS is ${this.state}`);
      if (!this.outbound.offer({ subject: this.prefix + subject, bytes, reply: `${this.inbox}.${id}` })) {
        throw new ArbotError('ARB_MAILBOX_FULL', `${subject}: NATS takes no more for now`, {
          retryable: true,
        });
      }
      this.receiver.counters.published++;
    };
    return this.requests.open(id, { subject, replyKind, timeoutMs: options.timeoutMs, send });
  }

  respond<K extends MessageKind, R extends MessageKind>(
    subject: string,
    kind: K,
    replyKind: R,
    handler: (delivery: Delivery<K>) => Promise<MessageOf<R>>,
  ): Subscription {
    checkPattern(subject);
    const answer = this.receiver.responder(kind, replyKind, handler);
    return this.listen(this.prefix + subject, { queue: RESPONDERS }, (message) => {
      const { reply } = message;
      if (reply === undefined || reply === '') {
        this.receiver.refused(
          this.subjectOf(message),
          kind,
          new Error('published where a request is expected'),
        );
      } else answer(this.subjectOf(message), message.data, (bytes) => this.sendReply(reply, bytes));
    });
  }

  /** Discovery and questions among nodes over the same connection. */
  services(): NodeServices {
    const { log, prefix } = this.options;
    return new NatsNodeServices({ connection: this.connection, prefix: prefix ?? 'arbot', log });
  }

  statistics(): BusStatistics {
    return { state: this.state, ...this.receiver.counters };
  }

  /** Resolves when the server has confirmed everything published so far; waits for a reconnection. Rejects when closed meanwhile. */
  async flush(): Promise<void> {
    for (;;) {
      if (this.state === 'closed') throw noResponder('flush', 'the bus is closed');
      if (this.state === 'connected' && (await this.confirmed()) && this.outbound.heldCount === 0) return;
      await new Promise<void>((resolve) => this.options.timers.setTimer(resolve, 20));
    }
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    if (this.state === 'connected') await this.flushWithin(CLOSE_FLUSH_MS);
    this.enter('closed');
    this.receiver.counters.droppedFull += this.outbound.abandon();
    this.requests.failAll('the bus was closed before an answer came');
    await this.connection.close();
  }

  private async confirmed(): Promise<boolean> {
    try {
      await this.connection.flush();
      return true;
    } catch (error) {
      this.options.log.debug({ error: errorText(error) }, 'NATS flush interrupted');
      return false;
    }
  }

  private async flushWithin(limitMs: number): Promise<void> {
    const { timers } = this.options;
    await new Promise<void>((resolve) => {
      const timer = timers.setTimer(resolve, limitMs);
      void this.confirmed().then(() => {
        timers.clearTimer(timer);
        resolve();
      });
    });
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

  /** A callback, not an iterator: a quarter faster, and no queue without a bound. It must not throw: that would stop the reader. */
  private listen(
    pattern: string,
    options: { readonly queue?: string },
    receive: (message: Msg) => void,
  ): Subscription {
    const subscription = this.connection.subscribe(pattern, {
      ...options,
      callback: (error, message) => {
        if (error === null) receive(message);
        else this.options.log.error({ pattern, error: errorText(error) }, 'NATS refused a subscription');
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  }

  private subjectOf(message: Msg): string {
    return message.subject.slice(this.prefix.length);
  }

  private replied(message: Msg): void {
    const id = message.subject.slice(this.inbox.length + 1);
    const nobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    if (nobody) this.requests.fail(id, noResponder('request'));
    else if (!this.requests.answer(id, message.data)) {
      this.options.log.debug({ id }, 'answer came too late');
    }
  }

  private sendReply(reply: string, bytes: Uint8Array): void {
    if (this.outbound.offer({ subject: reply, bytes })) return;
    // The requester finds out by its time-out: outcome unknown.
    this.receiver.counters.droppedFull++;
  }

  private async followStatus(): Promise<void> {
    for await (const { type, data } of this.connection.status()) {
      if (type === Events.Disconnect) this.enter('reconnecting');
      else if (type === Events.Reconnect) this.enter('connected');
      else if (type === Events.Error)
        this.options.log.warn({ error: JSON.stringify(data) }, 'NATS reported an error');
    }
    if (this.state === 'closed') return;
    // The client gave up although told never to: refused credentials do that.
    this.options.log.error({ servers: this.options.servers }, 'NATS connection closed');
    this.requests.failAll('the NATS connection was closed');
    this.enter('closed');
  }

  private enter(state: BusStatistics['state']): void {
    if (this.state === state) return;
    this.state = state;
    if (state === 'connected') this.outbound.reconnected();
    else this.outbound.disconnected();
    this.options.log.info({ state }, 'NATS connection state');
    try {
      this.options.onState?.(state);
    } catch (error) {
      this.receiver.counters.handlerErrors++;
      this.options.log.error({ state, error }, 'state listener failed');
    }
  }
}
