import { encodeMessage } from '../../../src/messages/codec.js';
import type { MessageKind, MessageOf } from '../../../src/messages/catalogue.js';
import type { Bus, PublishOptions } from '../../../src/ports/bus.js';
import type { Clock } from '../../../src/ports/time.js';
import type { Prng } from '../../../src/simulator/prng.js';
import type { Station } from '../node-bus.js';
import type { Owner, Scheduler } from '../scheduler.js';

/** What is wrong with one direction between two nodes at the moment. */
export interface LinkFaults {
  /** Nothing passes while above 0: faults may overlap. */
  cuts: number;
  /** Share of the messages that are lost. */
  loss: number;
  /** Added to the way, ms. */
  extraMs: number;
  /** Up to so much more, drawn for each message: later ones overtake earlier ones. Else a line keeps the order. */
  jitterMs: number;
  /** When the newest message arrives. */
  lastMs: number;
}

interface Joined extends Station {
  readonly name: string;
  /** Kinds that somebody in this process listens to, as a server would know. */
  readonly wanted: Map<MessageKind, number>;
}

const LEAST_MS = 0.1;
const MOST_MS = 2;
/** Ready tasks wait in no order, so no two messages of a line are due at once. */
const STEP_MS = 1e-3;

/**
 * The bus between the nodes of a cluster world: each process has its own in-process bus, and what one publishes reaches each of
 * the others over a line of its own, which may be cut in one direction, lose, delay and reorder. A node without a server hears
 * nobody and knows it.
 */
export class ClusterLinks {
  carried = 0;
  lost = 0;
  /** Nodes whose connection to the server is gone. */
  readonly withoutServer = new Set<string>();
  private readonly lines = new Map<string, LinkFaults>();
  private readonly scheduler: Scheduler;
  private readonly prng: Prng;
  private stations: Joined[] = [];

  constructor(scheduler: Scheduler, prng: Prng) {
    this.scheduler = scheduler;
    this.prng = prng;
  }

  /** One direction. */
  line(from: string, to: string): LinkFaults {
    const key = `${from}>${to}`;
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    const line = { cuts: 0, loss: 0, extraMs: 0, jitterMs: 0, lastMs: 0 };
    this.lines.set(key, line);
    return line;
  }

  /** The bus of a process whose own one is given. */
  join(station: Station, name: string, clock: Clock): Bus {
    const joined: Joined = { ...station, name, wanted: new Map() };
    this.stations = [...this.stations.filter(({ owner }) => owner.alive), joined];
    const { bus } = station;
    const want = (kind: MessageKind, by: number): void =>
      void joined.wanted.set(kind, (joined.wanted.get(kind) ?? 0) + by);
    return {
      publish: (subject, kind, body, options) => {
        bus.publish(subject, kind, body, options);
        this.publish(joined, { subject, kind, body, options, sentAtMs: clock.nowMs() });
      },
      subscribe: (subject, kind, handler, options) => {
        const inner = bus.subscribe(subject, kind, handler, options);
        let isOpen = true;
        want(kind, 1);
        const unsubscribe = (): void => {
          if (isOpen) want(kind, -1);
          isOpen = false;
          inner.unsubscribe();
        };
        return { unsubscribe };
      },
      request: (subject, kind, body, replyKind, options) =>
        bus.request(subject, kind, body, replyKind, options),
      respond: (subject, kind, replyKind, handler) => bus.respond(subject, kind, replyKind, handler),
      statistics: () => {
        const known = bus.statistics();
        const isGone = known.state === 'connected' && this.withoutServer.has(name);
        return isGone ? { ...known, state: 'reconnecting' } : known;
      },
      flush: () => bus.flush(),
      close: () => {
        this.leave(joined.owner);
        return bus.close();
      },
    };
  }

  leave(owner: Owner): void {
    this.stations = this.stations.filter((one) => one.owner !== owner);
  }

  private publish<K extends MessageKind>(from: Joined, message: Published<K>): void {
    if (this.withoutServer.has(from.name) || !this.stations.includes(from)) return;
    const { subject, kind, body, options, sentAtMs } = message;
    let bytes: Uint8Array | null = null;
    for (const to of this.stations) {
      if (to === from || !to.owner.alive || (to.wanted.get(kind) ?? 0) === 0) continue;
      bytes ??= encodeMessage(kind, body, { traceId: options.traceId, sender: from.name, sentAtMs });
      this.carry(from, to, { subject, bytes, arrived: () => to.witness.arrived(kind, body) });
    }
  }

  private carry(from: Joined, to: Joined, { subject, bytes, arrived }: Carried): void {
    const line = this.line(from.name, to.name);
    const { cuts, loss, extraMs, jitterMs } = line;
    if (cuts > 0 || this.withoutServer.has(to.name) || this.prng.next() < loss) {
      this.lost++;
      return;
    }
    const { nowMs } = this.scheduler;
    const drawnMs = nowMs + this.prng.between(LEAST_MS, MOST_MS + jitterMs) + extraMs;
    const arrivesMs = jitterMs > 0 ? drawnMs : Math.max(drawnMs, line.lastMs + STEP_MS);
    line.lastMs = arrivesMs;
    this.scheduler.plan(to.owner, arrivesMs - nowMs, () => {
      this.carried++;
      arrived();
      to.bus.relay(subject, bytes);
    });
  }
}

interface Published<K extends MessageKind> {
  readonly subject: string;
  readonly kind: K;
  readonly body: MessageOf<K>;
  readonly options: PublishOptions;
  readonly sentAtMs: number;
}

interface Carried {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly arrived: () => void;
}
