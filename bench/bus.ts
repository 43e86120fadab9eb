import { EventEmitter, once } from 'node:events';
import { InProcessBus } from '../src/cluster/in-process-bus.js';
import { NatsBus } from '../src/cluster/nats-bus.js';
import { subjectOf, type MessageKind, type MessageOf } from '../src/messages/catalogue.js';
import type { Bus } from '../src/ports/bus.js';
import { SystemClock, SystemTimers } from '../src/runtime/platform/clock.js';
import { SeededRandom, TimeOrderedIds } from '../src/runtime/platform/random.js';
import { SAMPLES } from '../test/messages/samples.js';
import { KeptLog } from '../test/runtime/harness.js';
import { available, startNats } from '../test/servers/nats.js';
import type { Candidate, Series } from './harness.js';

export interface BusSize {
  /** Messages published before the first is handled. */
  readonly burst: number;
  readonly questions: number;
  readonly nats: boolean;
}

const FULL_SIZE: BusSize = { burst: 200, questions: 100, nats: true };
const TRACE = { traceId: 'tr-1' };
const KINDS = ['bookTop', 'tradePrint', 'signal', 'fill'] as const;
type Kind = (typeof KINDS)[number];

export async function* busSeries(size: BusSize = FULL_SIZE): AsyncGenerator<Series> {
  yield await publishSeries('bus in process', size, () => Promise.resolve(inProcess()));
  yield await requestSeries('bus in process', size, () => Promise.resolve(inProcess()));
  if (!size.nats) return;
  const missing = available();
  if (missing !== null) {
    console.log(`## bus over NATS\nskipped: ${missing}\n`);
    return;
  }
  const server = await startNats();
  try {
    const connect = async () => {
      const options = {
        ...parts(),
        servers: [server.url],
        random: new SeededRandom('bench'),
        prefix: 'bench',
      };
      const bus = await NatsBus.connect(options);
      return { bus, close: () => bus.close() };
    };
    yield await publishSeries('bus over NATS (one loopback server)', size, connect);
    yield await requestSeries('bus over NATS (one loopback server)', size, connect);
  } finally {
    await server.stop();
  }
}

interface Opened {
  readonly bus: Bus;
  close(): Promise<void>;
}

function parts() {
  const clock = new SystemClock();
  const ids = new TimeOrderedIds(clock, new SeededRandom('bench ids'));
  return { clock, timers: new SystemTimers(), ids, log: new KeptLog(), sender: 'bench' };
}

function inProcess(): Opened {
  const bus = new InProcessBus(parts());
  return { bus, close: () => bus.close() };
}

/** Samples with the time of now, since stale messages are dropped. */
function sampleOf<K extends Kind>(kind: K): MessageOf<K> {
  return SAMPLES[kind];
}

/** Publish → handler of each kind, in bursts, over an open bus. */
async function publishSeries(
  title: string,
  { burst }: BusSize,
  open: () => Promise<Opened>,
): Promise<Series> {
  const { bus, close } = await open();
  const lines = KINDS.map((kind) => new Line(bus, kind, burst));
  await bus.flush();
  return {
    title: `${title}: publish → handler`,
    input: `bursts of ${burst} sample messages to one subscriber; encoded, decoded and checked against their schemas`,
    unit: 'message',
    candidates: [
      copyThrough('signal', burst),
      ...lines.map((line): Candidate => ({ name: line.kind, units: burst, run: () => line.pass() })),
    ],
    check: async () => {
      for (const line of lines) await line.check();
    },
    close,
  };
}

/** The least that a copy costs: JSON text and back, through an emitter. */
function copyThrough(kind: Kind, burst: number): Candidate {
  const events = new EventEmitter();
  let handled = 0;
  events.on('message', (text: string) => {
    handled += typeof JSON.parse(text) === 'object' ? 1 : 0;
  });
  return {
    name: `JSON copy of a ${kind} through an EventEmitter`,
    units: burst,
    run: () => {
      for (let i = 0; i < burst; i++) events.emit('message', JSON.stringify(sampleOf(kind)));
      return handled;
    },
  };
}

/** One kind on one bus, from publish to handler. */
class Line {
  readonly kind: Kind;
  private readonly bus: Bus;
  private readonly burst: number;
  private readonly events = new EventEmitter();
  private readonly subject: string;
  private received = 0;
  private last: unknown = null;

  constructor(bus: Bus, kind: Kind, burst: number) {
    this.bus = bus;
    this.kind = kind;
    this.burst = burst;
    this.subject = subjectOf(kind, 'bench', 'BTC-USDT');
    bus.subscribe(this.subject, kind, ({ message }) => {
      this.received++;
      this.last = message;
      if (this.received % this.burst === 0) this.events.emit('complete');
    });
  }

  async pass(): Promise<number> {
    const complete = once(this.events, 'complete');
    const body = sampleOf(this.kind);
    for (let i = 0; i < this.burst; i++) this.bus.publish(this.subject, this.kind, body, TRACE);
    await complete;
    return this.received;
  }

  /** All arrive, equal to what was sent and no shared object. */
  async check(): Promise<void> {
    const before = this.received;
    await this.pass();
    const sent: unknown = sampleOf(this.kind);
    const equal = JSON.stringify(sorted(this.last)) === JSON.stringify(sorted(sent));
    if (this.received !== before + this.burst || !equal || this.last === sent) {
      throw new Error(`${this.kind}: ${this.received - before} of ${this.burst} arrived, equal: ${equal}`);
    }
  }
}

/** Members in the order of their names, all the way down. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, sorted(member)]));
}

/** submitLeg → legResult, one at a time. */
async function requestSeries(title: string, size: BusSize, open: () => Promise<Opened>): Promise<Series> {
  const { bus, close } = await open();
  const ask: MessageKind = 'submitLeg';
  const subject = subjectOf(ask, 'bench');
  bus.respond(subject, 'submitLeg', 'legResult', () => Promise.resolve(SAMPLES.legResult));
  await bus.flush();
  const questions = async () => {
    let answered = 0;
    for (let i = 0; i < size.questions; i++) {
      const options = { ...TRACE, timeoutMs: 5_000 };
      const answer = await bus.request(subject, 'submitLeg', SAMPLES.submitLeg, 'legResult', options);
      if (answer.arbitrageId === SAMPLES.legResult.arbitrageId) answered++;
    }
    return answered;
  };
  return {
    title: `${title}: request → reply, one at a time`,
    input: `${size.questions} submitLeg requests per pass`,
    unit: 'request',
    candidates: [
      copyThrough('signal', size.questions),
      { name: 'submitLeg → legResult', units: size.questions, run: questions },
    ],
    check: async () => {
      if ((await questions()) !== size.questions) throw new Error('a request was answered wrongly');
    },
    close,
  };
}
