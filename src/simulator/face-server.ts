import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { TimerHandle, Timers } from '../ports/time.js';
import type { FaceHttpRequest, FaceHttpResponse, FaceTransport } from './face-protocol.js';
import type { AnyFace } from './faces.js';
import type { SimulatedExchange } from './listings.js';

/** The client requests that are accepted at all; exchanges close with 1009 beyond. */
const MAX_CLIENT_FRAME_BYTES = 128 * 1_024;
/** A client that does not read is dropped at this backlog. */
const MAX_BACKLOG_BYTES = 16 * 1_024 * 1_024;
const MAX_CONNECTIONS_PER_EXCHANGE = 300;
/** Bodies of private calls are some hundred bytes. */
const MAX_BODY_BYTES = 64 * 1_024;
/** Roots without path: `ws://127.0.0.1:<port>` and `http://127.0.0.1:<port>`. The paths are the exchange's own. */
export interface Endpoint {
  readonly ws: string;
  readonly rest: string;
}

export interface FaceServerParts {
  readonly log: Logger;
  /** World time: answers that are late wait on it. */
  readonly timers: Timers;
}

/** One exchange on one port: REST and WebSocket upgrades. */
export class FaceServer {
  readonly exchange: SimulatedExchange;
  readonly endpoint: Endpoint;
  private readonly face: AnyFace;
  private readonly log: Logger;
  private readonly timers: Timers;
  private readonly http: Server;
  /** Answers that are to come. */
  private readonly late = new Set<TimerHandle>();
  private readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_CLIENT_FRAME_BYTES,
    perMessageDeflate: false,
    autoPong: false,
  });

  private constructor(face: AnyFace, http: Server, { log, timers }: FaceServerParts) {
    this.face = face;
    this.http = http;
    this.log = log;
    this.timers = timers;
    this.exchange = face.exchange;
    const { port } = http.address() as AddressInfo;
    this.endpoint = { ws: `ws://127.0.0.1:${port}`, rest: `http://127.0.0.1:${port}` };
    http.on('request', (request, answer) => this.answer(request, answer));
    http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  static async listen(face: AnyFace, parts: FaceServerParts): Promise<FaceServer> {
    const http = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 });
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(0, '127.0.0.1', () => {
        http.off('error', reject);
        resolve();
      });
    });
    http.on('error', (error) =>
      parts.log.error({ error: errorText(error) }, 'simulated exchange server failed'),
    );
    return new FaceServer(face, http, parts);
  }

  async close(): Promise<void> {
    for (const timer of this.late) this.timers.clearTimer(timer);
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => this.http.close(() => resolve()));
  }

  private answer(request: IncomingMessage, answer: ServerResponse): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      if (bytes > MAX_BODY_BYTES) return void answer.writeHead(413).end();
      const call = faceRequest(request, Buffer.concat(chunks).toString('utf8'));
      this.guarded(answer, () => this.respond(call, answer));
    });
  }

  /** A call that is never answered stays open until the client gives up, or the server closes. */
  private respond(request: FaceHttpRequest, answer: ServerResponse): void {
    const given = this.face.respond(request);
    if (!('kind' in given)) return this.send(given, answer);
    if (given.kind === 'silence') return this.face.flush();
    const timer = this.timers.setTimer(() => {
      this.late.delete(timer);
      this.guarded(answer, () => this.send(given.response(), answer));
    }, given.afterMs);
    this.late.add(timer);
  }

  /** A defect of the simulation ends one call, not the process. */
  private guarded(answer: ServerResponse, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.log.error({ exchange: this.exchange, error: errorText(error) }, 'a call failed: a defect');
      answer.destroy();
    }
  }

  private send({ status, headers, body }: FaceHttpResponse, answer: ServerResponse): void {
    if (!answer.destroyed) answer.writeHead(status, headers).end(body);
    this.face.flush();
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener off: a client that resets the line now would end the process.
    socket.on('error', (error) => this.lostClient(error));
    const full = this.sockets.clients.size >= MAX_CONNECTIONS_PER_EXCHANGE;
    if (full) return refuse(socket, { status: 429, headers: {}, body: '' });
    const link = new SocketLink(this.log);
    const accepted = this.face.onConnect(link, request.url ?? '/', headersOf(request));
    if (typeof accepted !== 'number') return refuse(socket, accepted);
    // A handshake that fails closes the raw socket, and then no WebSocket ever reports it.
    const lost = () => this.face.onClose(accepted);
    socket.once('close', lost);
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', lost);
      this.wire(webSocket, link, accepted);
    });
  }

  private wire(socket: WebSocket, link: SocketLink, id: number): void {
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (!isBinary) this.face.onClientFrame(id, (data as Buffer).toString('utf8'));
    });
    socket.on('ping', (payload: Buffer) => this.face.onClientPing(id, payload));
    socket.on('pong', (payload: Buffer) => this.face.onClientPong(id, payload.toString('utf8')));
    socket.on('close', () => this.face.onClose(id));
    socket.on('error', (error) => this.lostClient(error));
    link.attach(socket);
  }

  private lostClient(error: Error): void {
    this.log.debug({ exchange: this.exchange, error: errorText(error) }, 'simulated exchange lost a client');
  }
}

/** A face's view of one WebSocket. What it sends during the handshake waits until the socket is open. */
class SocketLink implements FaceTransport {
  private readonly log: Logger;
  private socket: WebSocket | null = null;
  private early: ((socket: WebSocket) => void)[] = [];

  constructor(log: Logger) {
    this.log = log;
  }

  attach(socket: WebSocket): void {
    this.socket = socket;
    for (const action of this.early) action(socket);
    this.early = [];
  }

  send(text: string, isBinary = false): void {
    this.do((socket) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(text, { binary: isBinary });
      if (socket.bufferedAmount <= MAX_BACKLOG_BYTES) return;
      this.log.warn({ bufferedBytes: socket.bufferedAmount }, 'a client that does not read is dropped');
      socket.terminate();
    });
  }

  ping(payload: string): void {
    this.do((socket) => {
      if (socket.readyState === socket.OPEN) socket.ping(payload);
    });
  }

  pong(payload: Uint8Array): void {
    this.do((socket) => {
      if (socket.readyState === socket.OPEN) socket.pong(payload);
    });
  }

  close(code: number, reason: string): void {
    this.do((socket) => socket.close(code, reason));
  }

  terminate(): void {
    this.do((socket) => socket.terminate());
  }

  private do(action: (socket: WebSocket) => void): void {
    if (this.socket === null) this.early.push(action);
    else action(this.socket);
  }
}

function faceRequest(request: IncomingMessage, body: string): FaceHttpRequest {
  return { method: request.method ?? '', url: request.url ?? '/', headers: headersOf(request), body };
}

/** Node has lower-case names already; a header that came twice counts once. */
function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

function refuse(socket: Duplex, answer: FaceHttpResponse): void {
  // Nobody reads this line any more, so that the other side's end of it would never be noticed.
  socket.once('finish', () => socket.destroy());
  const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${answer.status} Refused\r\nconnection: close\r\n${headers.join('')}\r\n${answer.body}`,
  );
}
