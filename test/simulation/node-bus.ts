import type { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { encodeMessage } from '../../src/messages/codec.js';
import type { Bus } from '../../src/ports/bus.js';
import type { Clock } from '../../src/ports/time.js';
import type { Owner, Scheduler } from './scheduler.js';
import type { BusWitness } from './witnesses.js';

export interface Station {
  readonly owner: Owner;
  /** Nodes of different domains do not hear each other, as with different bus prefixes. */
  readonly domain: string;
  readonly bus: InProcessBus;
  readonly witness: BusWitness;
}

/**
 * The bus between nodes: each process has its own in-process bus, and what one publishes reaches the others of its domain a
 * drawn delay later, or not at all. Messages of one sender may overtake each other, as over subjects of a real one.
 */
export class NodeBus {
  isCut = false;
  private readonly scheduler: Scheduler;
  private readonly delayMs: () => number;
  private stations: Station[] = [];
  carried = 0;

  constructor(scheduler: Scheduler, delayMs: () => number) {
    this.scheduler = scheduler;
    this.delayMs = delayMs;
  }

  /** The bus of a process whose own one is given. */
  join(station: Station, sender: string, clock: Clock): Bus {
    this.stations = [...this.stations.filter(({ owner }) => owner.alive), station];
    const { bus } = station;
    return {
      publish: (subject, kind, body, options) => {
        bus.publish(subject, kind, body, options);
        const others = this.othersOf(station);
        if (others.length === 0) return;
        const header = { traceId: options.traceId, sender, sentAtMs: clock.nowMs() };
        const bytes = encodeMessage(kind, body, header);
        const arrived = ({ witness }: Station) => witness.arrived(kind, body);
        for (const other of others) this.carry(other, subject, bytes, () => arrived(other));
      },
      subscribe: (subject, kind, handler, options) => bus.subscribe(subject, kind, handler, options),
      request: (subject, kind, body, replyKind, options) =>
        bus.request(subject, kind, body, replyKind, options),
      respond: (subject, kind, replyKind, handler) => bus.respond(subject, kind, replyKind, handler),
      statistics: () => bus.statistics(),
      flush: () => bus.flush(),
      close: () => {
        this.stations = this.stations.filter((one) => one !== station);
        return bus.close();
      },
    };
  }

  /** A process is heard by nobody any more, and hears nobody. */
  leave(owner: Owner): void {
    this.stations = this.stations.filter((one) => one.owner !== owner);
  }

  private othersOf({ owner, domain }: Station): Station[] {
    if (this.isCut) return [];
    if (!this.stations.some((one) => one.owner === owner)) return [];
    return this.stations.filter((one) => one.owner !== owner && one.domain === domain && one.owner.alive);
  }

  private carry({ owner, bus }: Station, subject: string, bytes: Uint8Array, arrived: () => void): void {
    this.scheduler.plan(owner, this.delayMs(), () => {
      this.carried++;
      arrived();
      bus.relay(subject, bytes);
    });
  }
}
