import type { MessageKind, MessageOf } from '../../src/messages/catalogue.js';
import type { Bus, PublishOptions } from '../../src/ports/bus.js';
import type { Logger } from '../../src/ports/log.js';
import type { ActorBehaviour, ActorDefinition } from '../../src/runtime/actor.js';
import type { ActorSystem } from '../../src/runtime/system.js';

/** What the harness hears at the ports. Nothing here changes what passes, except where a fault is armed. */

export interface BusWitness {
  readonly timeoutShare: () => number;
  /** Called before the message leaves, in the publisher's own turn. */
  published<K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>): void;
  requested<K extends MessageKind>(subject: string, kind: K, body: MessageOf<K>): void;
  /** A message of another node has arrived on this node's bus. */
  arrived<K extends MessageKind>(kind: K, body: MessageOf<K>): void;
}

export function witnessedBus(inner: Bus, witness: BusWitness): Bus {
  return {
    publish: <K extends MessageKind>(
      subject: string,
      kind: K,
      body: MessageOf<K>,
      options: PublishOptions,
    ) => {
      witness.published(subject, kind, body);
      inner.publish(subject, kind, body, options);
    },
    request: (subject, kind, body, replyKind, options) => {
      witness.requested(subject, kind, body);
      const timeoutMs = Math.max(1, options.timeoutMs * witness.timeoutShare());
      return inner.request(subject, kind, body, replyKind, { ...options, timeoutMs });
    },
    subscribe: (subject, kind, handler, options) => inner.subscribe(subject, kind, handler, options),
    respond: (subject, kind, replyKind, handler) => inner.respond(subject, kind, replyKind, handler),
    statistics: () => inner.statistics(),
    flush: () => inner.flush(),
    close: () => inner.close(),
  };
}

/** One life of one actor. */
export interface Life {
  readonly path: string;
  readonly incarnation: number;
  readonly bornMs: number;
  endedMs: number | null;
  /** Handlers that have begun and not ended. */
  inHand: number;
  /** When the newest of them began. */
  handlingSinceMs: number;
}

export type HandlerFault = 'throw-before' | 'throw-after' | 'hang';
export const INJECTED = 'injected by the simulation';

export interface ActorWitness {
  /** Bound of an actor's mailbox; Infinity = its own. */
  readonly mailboxOf: (path: string) => number;
  /** What every timeout is multiplied by at the moment. */
  readonly timeoutShare: () => number;
  readonly nowMs: () => number;
  born(life: Life): void;
  /** A handler begins while another of the same life has not ended. */
  overlapped(life: Life): void;
  /** The fault armed for this actor, used up. */
  takeFault(path: string): HandlerFault | null;
}

/** Leads every start of this system through the witness. */
export function witnessActors(system: ActorSystem, witness: ActorWitness): void {
  const spawn: ActorSystem['spawn'] = system.spawn.bind(system);
  system.spawn = (path, definition, onEnded) => spawn(path, witnessed(path, definition, witness), onEnded);
}

function witnessed<M>(path: string, inner: ActorDefinition<M>, witness: ActorWitness): ActorDefinition<M> {
  const { mailbox } = inner;
  return {
    ...inner,
    mailbox: { ...mailbox, capacity: Math.min(mailbox.capacity, witness.mailboxOf(path)) },
    handlerTimeoutMs: Math.max(1, inner.handlerTimeoutMs * witness.timeoutShare()),
    create: (context) => {
      const life: Life = {
        path,
        incarnation: context.incarnation,
        bornMs: witness.nowMs(),
        endedMs: null,
        inHand: 0,
        handlingSinceMs: 0,
      };
      context.onEnd(() => (life.endedMs = witness.nowMs()));
      witness.born(life);
      const created = inner.create(context);
      return created instanceof Promise
        ? created.then((behaviour) => guarded(behaviour, life, witness))
        : guarded(created, life, witness);
    },
  };
}

function guarded<M>(inner: ActorBehaviour<M>, life: Life, witness: ActorWitness): ActorBehaviour<M> {
  const handle = (message: M): void | Promise<void> => {
    if (life.inHand > 0) witness.overlapped(life);
    life.inHand++;
    life.handlingSinceMs = witness.nowMs();
    let pending: void | Promise<void>;
    try {
      pending = withFault(inner, message, witness.takeFault(life.path));
    } finally {
      life.inHand--;
    }
    if (!(pending instanceof Promise)) return;
    life.inHand++;
    return pending.finally(() => life.inHand--);
  };
  return {
    handle,
    ...(inner.stopping !== undefined && { stopping: (reason) => inner.stopping?.(reason) }),
    ...(inner.summary !== undefined && { summary: () => inner.summary?.() ?? {} }),
  };
}

function withFault<M>(
  inner: ActorBehaviour<M>,
  message: M,
  fault: HandlerFault | null,
): void | Promise<void> {
  if (fault === 'hang') return new Promise(() => undefined);
  if (fault === 'throw-before') throw new Error(INJECTED);
  const result = inner.handle(message);
  if (fault === 'throw-after') throw new Error(INJECTED);
  return result;
}

/** Keeps what went wrong; the rest of the log is of no use here. */
export function witnessLog(
  heard: (level: 'warn' | 'error', message: string, fields: object) => void,
): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => heard('warn', message, fields),
    error: (fields, message) => heard('error', message, fields),
    child: () => logger,
  };
  return logger;
}
