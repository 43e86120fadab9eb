import { MESSAGES, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { encodeError, encodeMessage, openMessage, type OpenedMessage } from '../messages/codec.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { BusStatistics, Delivery } from '../ports/bus.js';
import { MAX_REQUESTS_IN_HAND, type BusOptions } from './bus-options.js';

/**
 * The receiving half that both transports share: decode, drop what is stale or invalid, call the handler, answer requests.
 * Nothing here throws: a throw in a transport's callback would end the connection of every other subscriber.
 */

export type Counters = { -readonly [K in keyof Omit<BusStatistics, 'state'>]: number };

export class Receiver {
  readonly counters: Counters = {
    published: 0,
    delivered: 0,
    droppedStale: 0,
    droppedInvalid: 0,
    droppedFull: 0,
    handlerErrors: 0,
  };
  private readonly options: BusOptions;

  constructor(options: BusOptions) {
    this.options = options;
  }

  /** One published message to one subscriber. */
  deliver<K extends MessageKind>(
    subject: string,
    bytes: Uint8Array,
    kind: K,
    handler: (delivery: Delivery<K>) => void,
  ): void {
    const delivery = this.open(subject, bytes, kind);
    if (delivery === null) return;
    try {
      handler(delivery);
      this.counters.delivered++;
    } catch (error) {
      this.handlerFailed(subject, kind, error);
    }
  }

  /** Makes the function that answers the requests of one responder, whatever happens, at most once each. */
  responder<K extends MessageKind, R extends MessageKind>(
    kind: K,
    replyKind: R,
    handler: (delivery: Delivery<K>) => Promise<MessageOf<R>>,
  ): (subject: string, bytes: Uint8Array, reply: (bytes: Uint8Array) => void) => void {
    let inHand = 0;
    return (subject, bytes, reply) => {
      const opened = this.openRequest(subject, bytes, kind);
      if (opened === null) return;
      const { delivery, id } = opened;
      const answer = this.answerOf(replyKind, delivery, id, reply);
      if (inHand >= MAX_REQUESTS_IN_HAND) {
        this.counters.droppedFull++;
        answer.error(
          new ArbotError('ARB_MAILBOX_FULL', `${subject}: ${inHand} requests in hand`, { retryable: true }),
        );
        return;
      }
      inHand++;
      void called(handler, delivery)
        .then(
          (body) => {
            this.counters.delivered++;
            answer.body(body);
          },
          (error: unknown) => {
            this.handlerFailed(subject, kind, error);
            answer.error(responderError(error));
          },
        )
        .finally(() => inHand--);
    };
  }

  /** A message that its receiver refused: counted, and logged at the first, second, fourth, eighth … */
  refused(subject: string, kind: string, error: unknown): void {
    const total = ++this.counters.droppedInvalid;
    if (isPowerOfTwo(total)) {
      this.options.log.warn({ subject, kind, total, error: errorText(error) }, 'message refused');
    }
  }

  /** Age from the sender's stamp; a stamp from further in the future than the limit is as useless as an old one. */
  isStale(kind: MessageKind, sentAtMs: number): boolean {
    const maxAgeMs = MESSAGES[kind].maxAgeMs;
    if (maxAgeMs === null || Math.abs(this.options.clock.nowMs() - sentAtMs) <= maxAgeMs) return false;
    this.counters.droppedStale++;
    return true;
  }

  private open<K extends MessageKind>(subject: string, bytes: Uint8Array, kind: K): Delivery<K> | null {
    try {
      const opened = openMessage(bytes, kind);
      if (this.isStale(kind, opened.header.sentAtMs)) return null;
      return deliveryOf(subject, opened);
    } catch (error) {
      this.refused(subject, kind, error);
      return null;
    }
  }

  private openRequest<K extends MessageKind>(
    subject: string,
    bytes: Uint8Array,
    kind: K,
  ): { delivery: Delivery<K>; id: string } | null {
    try {
      const opened = openMessage(bytes, kind);
      const { id, sentAtMs } = opened.header;
      if (id === undefined)
        throw new ArbotError('ARB_MESSAGE_INVALID', `${kind}: id: a request must have one`);
      return this.isStale(kind, sentAtMs) ? null : { delivery: deliveryOf(subject, opened), id };
    } catch (error) {
      this.refused(subject, kind, error);
      return null;
    }
  }

  private answerOf<R extends MessageKind>(
    replyKind: R,
    request: Delivery<MessageKind>,
    id: string,
    reply: (bytes: Uint8Array) => void,
  ) {
    const header = () => ({
      traceId: request.traceId,
      sender: this.options.sender,
      sentAtMs: this.options.clock.nowMs(),
      id,
    });
    const error = (reason: ArbotError) => {
      try {
        reply(encodeError(replyKind, reason, header()));
      } catch (failure) {
        this.handlerFailed(request.subject, replyKind, failure);
      }
    };
    const body = (answer: MessageOf<R>) => {
      try {
        reply(encodeMessage(replyKind, answer, header()));
      } catch (failure) {
        this.handlerFailed(request.subject, replyKind, failure);
        error(responderError(failure));
      }
    };
    return { body, error };
  }

  private handlerFailed(subject: string, kind: string, error: unknown): void {
    const total = ++this.counters.handlerErrors;
    if (isPowerOfTwo(total)) this.options.log.error({ subject, kind, total, error }, 'bus handler failed');
  }
}

/** A handler that throws instead of rejecting is treated alike. */
async function called<K extends MessageKind, R>(
  handler: (delivery: Delivery<K>) => Promise<R>,
  delivery: Delivery<K>,
): Promise<R> {
  return await handler(delivery);
}

function deliveryOf<K extends MessageKind>(subject: string, opened: OpenedMessage<K>): Delivery<K> {
  const { sentAtMs, sender, traceId } = opened.header;
  return { subject, message: opened.body(), sentAtMs, sender, traceId };
}

function responderError(error: unknown): ArbotError {
  if (error instanceof ArbotError) return error;
  return new ArbotError('ARB_RESPONDER_FAILED', errorText(error));
}

function isPowerOfTwo(count: number): boolean {
  return (count & (count - 1)) === 0;
}
