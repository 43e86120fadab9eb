import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { LOAD_EXCHANGES, LoadMarket, SMITHS, type FrameSmith, type LoadExchange } from './frame-smith.js';

/**
 * A process of its own that plays eight exchanges at a fixed rate, open loop: each frame has a moment at which it is due and
 * carries it as its stamp, so that a stall of either side shows as delay. Talks to its parent by messages:
 * `ports` when listening; `run` and `stop`; `fault` spoils one exchange; `done` with what was sent.
 */

/** A client that does not read gets nothing more above this backlog; its books then have a gap, as on a real exchange. */
const MAX_BACKLOG_BYTES = 8 << 20;
/** Frames are sent in portions of this length. */
const BEAT_MS = 2;

export type LoadFault = 'kill' | 'mute' | 'half-open' | 'garbage' | 'none';

export type LoadOrder =
  | { readonly kind: 'run'; readonly framesPerSecond: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'fault'; readonly exchange: LoadExchange; readonly fault: LoadFault };

export type LoadReport =
  | { readonly kind: 'ports'; readonly ports: Readonly<Record<LoadExchange, number>> }
  | { readonly kind: 'done'; readonly sent: number; readonly withheld: number; readonly lateMs: number };

class LoadServer {
  readonly exchange: LoadExchange;
  fault: LoadFault = 'none';
  sent = 0;
  withheld = 0;
  private readonly smith: FrameSmith;
  private readonly http = createServer((request, answer) => {
    answer.setHeader('content-type', 'application/json').end(this.rest(request));
  });
  private readonly sockets = new WebSocketServer({
    server: this.http,
    perMessageDeflate: false,
    autoPong: false,
  });
  private readonly markets = new Map<string, LoadMarket>();
  private streams: { readonly socket: WebSocket; readonly market: LoadMarket }[] = [];
  private next = 0;

  constructor(exchange: LoadExchange) {
    this.exchange = exchange;
    this.smith = SMITHS[exchange];
    this.sockets.on('connection', (socket) => this.connected(socket));
  }

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.http.listen(0, '127.0.0.1', () => resolve((this.http.address() as AddressInfo).port)),
    );
  }

  spoil(fault: LoadFault): void {
    this.fault = fault;
    if (fault === 'kill') for (const socket of this.sockets.clients) socket.terminate();
  }

  /** Sends the next market's frame, due at `stampMs`. */
  beat(stampMs: number): void {
    if (this.streams.length === 0) return;
    const { socket, market } = this.streams[this.next++ % this.streams.length]!;
    if (socket.readyState !== socket.OPEN || this.fault === 'mute' || this.fault === 'half-open') return;
    const text = this.fault === 'garbage' ? '{"no":[frame' : this.smith.change(market, stampMs);
    if (socket.bufferedAmount > MAX_BACKLOG_BYTES) {
      this.withheld++;
      return;
    }
    socket.send(text, { binary: this.smith.binary });
    this.sent++;
  }

  close(): void {
    for (const socket of this.sockets.clients) socket.terminate();
    this.http.closeAllConnections();
    this.http.close();
  }

  private connected(socket: WebSocket): void {
    if (this.fault === 'kill') return socket.terminate();
    if (this.exchange === 'kucoin')
      socket.send(JSON.stringify({ sessionId: 'load', message: 'welcome', pingInterval: 18_000 }));
    socket.on('ping', (data: Buffer) => {
      if (this.fault !== 'half-open') socket.pong(data);
    });
    socket.on('message', (data: Buffer) => this.asked(socket, data.toString('utf8')));
    socket.on('close', () => (this.streams = this.streams.filter((one) => one.socket !== socket)));
    socket.on('error', () => socket.terminate());
  }

  /** Any mention of a market subscribes it; what a client says besides is answered as a ping. */
  private asked(socket: WebSocket, text: string): void {
    if (this.fault === 'half-open') return;
    const named = [...text.toUpperCase().matchAll(/A(\d{3})(?![0-9A-F-]{8})/g)].map((match) =>
      Number(match[1]),
    );
    if (named.length === 0) return this.pong(socket, text);
    for (const index of new Set(named)) this.subscribe(socket, this.marketOf(index));
  }

  private subscribe(socket: WebSocket, market: LoadMarket): void {
    this.streams = this.streams.filter((one) => one.market !== market);
    const snapshot = this.smith.snapshot(market, Date.now());
    if (snapshot !== null) socket.send(snapshot, { binary: this.smith.binary });
    this.streams.push({ socket, market });
  }

  private marketOf(index: number): LoadMarket {
    const symbol = this.smith.symbol(index);
    const market = this.markets.get(symbol) ?? new LoadMarket(symbol);
    this.markets.set(symbol, market);
    return market;
  }

  private pong(socket: WebSocket, text: string): void {
    if (text === 'ping') return socket.send('pong');
    if (text === 'PING') return socket.send('{"status":"UP"}', { binary: true });
    if (text.includes('"op":"ping"'))
      socket.send('{"success":true,"ret_msg":"pong","conn_id":"load","op":"ping"}');
  }

  private rest({ url = '' }: IncomingMessage): string {
    const index = /A(\d{3})/.exec(url)?.[1];
    const answer = index === undefined ? null : this.smith.rest(this.marketOf(Number(index)), Date.now());
    return answer ?? '{}';
  }
}

const servers = LOAD_EXCHANGES.map((exchange) => new LoadServer(exchange));
const report = (message: LoadReport) => process.send!(message);

let timer: NodeJS.Timeout | undefined;
let lateMs = 0;

/** Sends `framesPerSecond` in turn over all exchanges, on a fixed timetable. */
function run(framesPerSecond: number): void {
  const startMs = Date.now();
  let beat = 0;
  timer = setInterval(() => {
    const due = Math.floor(((Date.now() - startMs) * framesPerSecond) / 1_000);
    // Never more than a tenth of a second in one turn: a sender that stalled would otherwise starve its sockets.
    const until = Math.min(due, beat + framesPerSecond / 10);
    for (; beat < until; beat++)
      servers[beat % servers.length]!.beat(startMs + Math.floor((beat * 1_000) / framesPerSecond));
    lateMs = Math.max(lateMs, ((due - beat) * 1_000) / framesPerSecond);
  }, BEAT_MS);
}

function stop(): void {
  clearInterval(timer);
  const sum = (count: (server: LoadServer) => number) => servers.reduce((all, one) => all + count(one), 0);
  report({ kind: 'done', sent: sum((one) => one.sent), withheld: sum((one) => one.withheld), lateMs });
}

process.on('message', (order: LoadOrder) => {
  if (order.kind === 'run') run(order.framesPerSecond);
  else if (order.kind === 'stop') stop();
  else servers.find(({ exchange }) => exchange === order.exchange)!.spoil(order.fault);
});
process.on('disconnect', () => {
  for (const server of servers) server.close();
  process.exit(0);
});

const ports = await Promise.all(servers.map((server) => server.listen()));
report({
  kind: 'ports',
  ports: Object.fromEntries(servers.map(({ exchange }, at) => [exchange, ports[at]!])) as Record<
    LoadExchange,
    number
  >,
});
