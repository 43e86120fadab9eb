import type { Bus } from '../../ports/bus.js';
import type { Logger } from '../../ports/log.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { ActorSystem } from '../../runtime/system.js';

export interface RemoteOptions {
  /** This node's name. */
  readonly node: string;
  /** Of this process: a node that begins anew has another. */
  readonly nonce: string;
  /** The connection of orders, commands and events. */
  readonly bus: Bus;
  readonly system: ActorSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

export const REMOTE_TRACE = { traceId: 'actors' };
