import { Mailbox } from '../../../src/runtime/mailbox.js';
import { Scope } from '../../../src/runtime/scope.js';
import { TurnLoop } from '../../../src/runtime/turn-loop.js';
import { Slot } from '../../../src/supervisors/slot.js';
import { replaceMethod, type PlantedBug } from './planted-bug.js';

export const RUNTIME_BUGS: readonly PlantedBug[] = [
  {
    name: 'delivered-twice',
    area: 'runtime',
    what: 'one message in fifty is put into the mailbox twice',
    plant: () =>
      replaceMethod(Mailbox.prototype, 'offer', (real) => {
        let offered = 0;
        return function (this: Mailbox<unknown>, message, nowMs) {
          if (++offered % 50 === 0) real.call(this, message, nowMs);
          return real.call(this, message, nowMs);
        };
      }),
  },
  {
    name: 'left-over-uncounted',
    area: 'runtime',
    what: 'what waits in the mailbox of a crashed actor vanishes without a dead letter',
    plant: () =>
      replaceMethod(Mailbox.prototype, 'drain', (real) => {
        return function (this: Mailbox<unknown>) {
          real.call(this, () => undefined);
        };
      }),
  },
  {
    name: 'scope-leaks',
    area: 'runtime',
    what: 'the end of an incarnation releases only every second of its sockets, timers and subscriptions',
    plant: () =>
      replaceMethod(Scope.prototype, 'add', (real) => {
        let added = 0;
        return function (this: Scope, cleanup) {
          return real.call(this, ++added % 2 === 0 ? cleanup : () => undefined);
        };
      }),
  },
  {
    name: 'turns-overlap',
    area: 'runtime',
    what: 'the next message is handed over while a handler waits for something',
    plant: () =>
      replaceMethod(
        TurnLoop.prototype as unknown as { awaitHandler(pending: Promise<void>): Promise<void> },
        'awaitHandler',
        () => (pending) => {
          pending.catch(() => undefined);
          return Promise.resolve();
        },
      ),
  },
  {
    name: 'mailbox-unbounded',
    area: 'runtime',
    what: 'a full mailbox goes on taking messages',
    plant: () =>
      replaceMethod(Mailbox.prototype as unknown as { makeRoom(): boolean }, 'makeRoom', () => () => true),
  },
  {
    name: 'restart-forgotten',
    area: 'runtime',
    what: 'a supervisor announces a restart and plans none',
    plant: () => replaceMethod(Slot.prototype, 'planStart', () => () => undefined),
  },
  {
    name: 'hang-unnoticed',
    area: 'runtime',
    what: 'nobody watches how long a handler takes',
    plant: () =>
      replaceMethod(
        TurnLoop.prototype as unknown as { armWatchdog(delayMs: number): void },
        'armWatchdog',
        () => () => undefined,
      ),
  },
];
