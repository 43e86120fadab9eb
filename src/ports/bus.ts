import type { MessageKind, MessageOf } from '../messages/catalogue.js';

/** What a subscriber gets beside the body. */
export interface Delivery<K extends MessageKind> {
  readonly subject: string;
  readonly message: MessageOf<K>;
  /** Wall time at which the sender handed the message to the bus, Unix ms. */
  readonly sentAtMs: number;
  readonly sender: string;
  readonly traceId: string;
}

export interface Subscription {
  unsubscribe(): void;
}

export interface PublishOptions {
  readonly traceId: string;
}

/**
 * The transport between actors: in-process by default, NATS between nodes, one contract suite for both. Every message is
 * encoded and decoded even in one process, so that nothing depends on shared references. At most once; subjects follow
 * NATS (`*` one token, `>` the rest). Messages older than their kind's maximum age are dropped by the receiver, counted.
 */
export interface Bus {
  /**
   * Nobody answers, and an absent receiver is no error. A full queue drops the oldest message of a kind that goes stale; for a
   * kind that must arrive it throws ARB_MAILBOX_FULL (retryable), and then nobody got it. Throws ARB_MESSAGE_INVALID for a
   * body its schema refuses, and ARB_MESSAGE_TOO_LARGE beyond what the server carries.
   */
  publish<K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>, options: PublishOptions): void;
  subscribe<K extends MessageKind>(
    subject: string,
    kind: K,
    handler: (delivery: Delivery<K>) => void,
    options?: { readonly queue?: string },
  ): Subscription;
  /** Request and one reply. Rejects with ARB_ASK_TIMEOUT or ARB_NO_RESPONDER: for an order both mean *unknown outcome*. */
  request<K extends MessageKind, R extends MessageKind>(
    subject: string,
    kind: K,
    body: MessageOf<K>,
    replyKind: R,
    options: PublishOptions & { readonly timeoutMs: number },
  ): Promise<MessageOf<R>>;
  /** Answers requests. The handler's rejection becomes an error reply, which the requester sees as ArbotError. */
  respond<K extends MessageKind, R extends MessageKind>(
    subject: string,
    kind: K,
    replyKind: R,
    handler: (delivery: Delivery<K>) => Promise<MessageOf<R>>,
  ): Subscription;
  /** Counters for inspection and metrics. */
  statistics(): BusStatistics;
  /** Resolves when everything published so far has left this process. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface BusStatistics {
  readonly state: 'connected' | 'reconnecting' | 'closed';
  readonly published: number;
  readonly delivered: number;
  /** Dropped because older than the kind's maximum age. */
  readonly droppedStale: number;
  /** Dropped because it did not decode or its schema refused it. */
  readonly droppedInvalid: number;
  /** Dropped because a bounded buffer was full. */
  readonly droppedFull: number;
  readonly handlerErrors: number;
}
