import type { MessageKind, MessageOf } from '../messages/catalogue.js';
import { openMessage } from '../messages/codec.js';
import { ArbotError } from '../messages/errors.js';
import type { TimerHandle, Timers } from '../ports/time.js';

/** Requests that wait for their one reply. Each ends exactly once: answer, error reply, time-out, nobody there, or close. */

interface Pending {
  readonly timer: TimerHandle;
  answer(bytes: Uint8Array): void;
  reject(error: ArbotError): void;
}

export class PendingRequests {
  private readonly pending = new Map<string, Pending>();
  private readonly timers: Timers;
  private readonly limit: number;

  constructor(timers: Timers, limit: number) {
    this.timers = timers;
    this.limit = limit;
  }

  /**
   * Registers a request and sends it. Rejects with ARB_MAILBOX_FULL before sending when too many wait, with what `send` throws,
   * ARB_ASK_TIMEOUT, or what `answer` and `fail` bring.
   */
  open<R extends MessageKind>(
    id: string,
    request: { subject: string; replyKind: R; timeoutMs: number; send: () => void },
  ): Promise<MessageOf<R>> {
    const { subject, replyKind, timeoutMs, send } = request;
    if (this.pending.size >= this.limit) {
      const text = `${subject}: ${this.pending.size} requests wait already`;
      return Promise.reject(new ArbotError('ARB_MAILBOX_FULL', text, { retryable: true }));
    }
    return new Promise((resolve, reject) => {
      const expire = () => this.fail(id, timedOut(`${subject}: no answer within ${timeoutMs} ms`));
      this.pending.set(id, {
        timer: this.timers.setTimer(expire, timeoutMs),
        answer: (bytes) => resolve(readReply(bytes, replyKind, id)),
        reject,
      });
      try {
        send();
      } catch (error) {
        this.take(id);
        reject(error);
      }
    });
  }

  /** False when nobody waits for it any more. A reply that does not decode rejects the request. */
  answer(id: string, bytes: Uint8Array): boolean {
    const waiting = this.take(id);
    if (waiting === undefined) return false;
    try {
      waiting.answer(bytes);
    } catch (error) {
      waiting.reject(error as ArbotError);
    }
    return true;
  }

  fail(id: string, error: ArbotError): void {
    this.take(id)?.reject(error);
  }

  /** The requests were sent and no answer can come any more: their outcome is unknown. */
  failAll(reason: string): void {
    for (const id of [...this.pending.keys()]) this.fail(id, timedOut(reason));
  }

  private take(id: string): Pending | undefined {
    const waiting = this.pending.get(id);
    if (waiting === undefined) return undefined;
    this.pending.delete(id);
    this.timers.clearTimer(waiting.timer);
    return waiting;
  }
}

/** Nobody answers on a subject. */
export function noResponder(subject: string, why = 'nobody answers'): ArbotError {
  return new ArbotError('ARB_NO_RESPONDER', `${subject}: ${why}`, { retryable: true });
}

function timedOut(message: string): ArbotError {
  return new ArbotError('ARB_ASK_TIMEOUT', message);
}

function readReply<R extends MessageKind>(bytes: Uint8Array, kind: R, id: string): MessageOf<R> {
  const opened = openMessage(bytes, kind);
  if (opened.header.id !== id) throw new ArbotError('ARB_MESSAGE_INVALID', `${kind}: id: of another request`);
  return opened.body();
}
