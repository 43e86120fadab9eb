import { createFaces, type Faces } from '../../src/simulator/faces.js';
import type { FaceTransport } from '../../src/simulator/face-protocol.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { SimulatedWorld, type WorldOptions } from '../../src/simulator/world.js';

export const START_MS = 1_790_000_000_000;

/** A connection in memory: everything a face sends, in order. */
export class MemoryTransport implements FaceTransport {
  readonly frames: string[] = [];
  /** How many of all frames were binary. */
  binary = 0;
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  closedWith: number | null = null;

  send(text: string, isBinary = false): void {
    this.frames.push(text);
    if (isBinary) this.binary++;
  }
  ping(payload: string): void {
    this.pings.push(payload);
  }
  pong(payload: Uint8Array): void {
    this.pongs.push(Buffer.from(payload).toString());
  }
  close(code: number): void {
    this.closedWith = code;
  }
  terminate(): void {
    this.closedWith = 1006;
  }
  /** The frames since the last call. */
  take(): string[] {
    return this.frames.splice(0);
  }
}

export interface MemoryExchanges {
  readonly world: SimulatedWorld;
  readonly faces: Required<Faces>;
  /** World time goes on by `ms`. */
  run(ms: number): void;
}

export function memoryExchanges(options: Partial<WorldOptions> = {}): MemoryExchanges {
  const seed = options.seed ?? 7;
  const world = new SimulatedWorld({ seed, startMs: START_MS, plants: NO_PLANTS, ...options });
  const faces = createFaces({ world, seed }) as Required<Faces>;
  const run = (ms: number) => {
    const until = world.nowMs + ms;
    while (!world.advanceTo(until));
  };
  return { world, faces, run };
}

export const PATHS: Readonly<Record<SimulatedExchange, string>> = {
  binance: '/ws',
  okx: '/ws/v5/public',
  bybit: '/v5/public/spot',
  gate: '/ws/v4/',
  bitget: '/v2/ws/public',
  kucoin: '/',
  upbit: '/websocket/v1',
  bithumb: '/websocket/v1',
};

export interface Connection {
  readonly id: number;
  readonly transport: MemoryTransport;
  /** Answers the exchange's pings and sends the client's own, as a live client does. */
  heartbeat(): void;
  send(message: unknown): void;
}

/** Opens a connection that must be accepted. */
export function open(
  face: Required<Faces>[SimulatedExchange],
  url: string = PATHS[face.exchange],
): Connection {
  const transport = new MemoryTransport();
  const id = face.onConnect(transport, url);
  if (typeof id !== 'number') throw new Error(`refused with ${id.status}`);
  const send = (message: unknown) =>
    face.onClientFrame(id, typeof message === 'string' ? message : JSON.stringify(message));
  const heartbeat = () => {
    for (const ping of transport.pings.splice(0)) face.onClientPong(id, ping);
    if (face.exchange === 'okx' || face.exchange === 'bitget') send('ping');
    if (face.exchange === 'bybit') send({ op: 'ping' });
    if (face.exchange === 'kucoin') send({ id: 'p', type: 'ping' });
    if (face.exchange === 'upbit' || face.exchange === 'bithumb') face.onClientPing(id, Buffer.alloc(0));
  };
  return { id, transport, send, heartbeat };
}

/** Subscribes a connection to the books of all pairs of its exchange. */
export function subscribeBooks(
  exchange: SimulatedExchange,
  connection: Connection,
  symbols: readonly string[],
): void {
  if (exchange === 'binance') {
    connection.send({
      method: 'SUBSCRIBE',
      params: symbols.map((s) => `${s.toLowerCase()}@depth@100ms`),
      id: 1,
    });
  } else if (exchange === 'okx') {
    connection.send({ op: 'subscribe', args: symbols.map((instId) => ({ channel: 'books', instId })) });
  } else if (exchange === 'bitget') {
    const args = symbols.map((instId) => ({ instType: 'SPOT', channel: 'books', instId }));
    connection.send({ op: 'subscribe', args });
  } else if (exchange === 'kucoin') {
    for (const symbol of symbols) {
      const wanted = { channel: 'obu', tradeType: 'SPOT', symbol, depth: 'increment@10ms' };
      connection.send({ id: symbol, action: 'SUBSCRIBE', ...wanted });
    }
  } else if (exchange === 'upbit' || exchange === 'bithumb') {
    connection.send([{ ticket: 't' }, { type: 'orderbook', codes: symbols }, { format: 'DEFAULT' }]);
  } else {
    connection.send({ op: 'subscribe', args: symbols.map((s) => `orderbook.50.${s}`) });
  }
}
