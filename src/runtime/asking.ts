import { ArbotError } from '../messages/errors.js';
import type { Timers } from '../ports/time.js';
import { LocalAddress } from './actor-record.js';
import type { Address, Reply, TellResult } from './actor.js';
import { PendingAsk } from './pending-ask.js';
import type { Scope } from './scope.js';
import { asError } from './services.js';

export interface AskOptions<Q, R> {
  readonly target: Address<Q>;
  readonly build: (reply: Reply<R>) => Q;
  readonly timeoutMs: number;
  readonly timers: Timers;
  /** Lifetime of the asking incarnation; null when the question comes from outside all actors. */
  readonly asker: Scope | null;
}

/**
 * Asks and waits. The answer is bound to both sides: it is dropped when it comes after the timeout or after the asker ended,
 * and the ask rejects at once when the incarnation that has the question ends; of an actor elsewhere its address says so. Errors: see ActorContext.ask.
 */
export function ask<Q, R>(options: AskOptions<Q, R>): Promise<R> {
  const { target, asker } = options;
  if (asker?.ended === true) return Promise.reject(asker.staleError());
  const pending = new PendingAsk<R>();
  const timeout = options.timers.setTimer(() => pending.reject(timedOut(options)), options.timeoutMs);
  pending.onSettled(() => options.timers.clearTimer(timeout));
  if (asker !== null) pending.onSettled(asker.add(() => pending.disown(asker.staleError())));
  try {
    refuseUnlessDelivered(pending, target, target.tell(options.build(pending)));
  } catch (error) {
    pending.reject(asError(error));
  }
  return pending.promise;
}

function refuseUnlessDelivered<R>(pending: PendingAsk<R>, target: Address<never>, result: TellResult): void {
  if (result === 'full')
    pending.reject(
      new ArbotError('ARB_MAILBOX_FULL', `the mailbox of ${target.path} is full`, { retryable: true }),
    );
  else if (result === 'dead')
    pending.reject(new ArbotError('ARB_ACTOR_STOPPED', `${target.path} is not running`, { retryable: true }));
  else bindToResponder(pending, target);
}

function bindToResponder<R>(pending: PendingAsk<R>, target: Address<never>): void {
  const responder = target instanceof LocalAddress ? target.record.current : null;
  if (responder === null) return;
  responder.owed.add(pending);
  pending.onSettled(() => responder.owed.delete(pending));
}

function timedOut(options: { readonly target: Address<never>; readonly timeoutMs: number }): ArbotError {
  return new ArbotError(
    'ARB_ASK_TIMEOUT',
    `${options.target.path} gave no answer within ${options.timeoutMs} ms`,
    {
      retryable: true,
    },
  );
}
