import { ArbotError } from '../../src/messages/errors.js';
import type {
  HttpClient,
  HttpRequest,
  HttpResponse,
  Socket,
  SocketHandlers,
  Sockets,
} from '../../src/ports/network.js';
import type { FaceHttpResponse, FaceTransport } from '../../src/simulator/face-protocol.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import type { Prng } from '../../src/simulator/prng.js';
import { isPrivateSocket, lowerCase, wireCallOf, type WireCall } from './order-wire.js';
import type { Owner, Scheduler } from './scheduler.js';
import type { Trace } from './trace.js';

/** One way, virtual ms. */
export interface Latency {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What is wrong with the lines to one exchange at the moment. */
export interface LineFaults {
  extraMs: number;
  /** HTTP requests vanish. */
  blackHole: boolean;
  /** A market whose name is misspelt in what clients send; null = none. */
  unknown: string | null;
}

/** What passes on the lines, for those who audit. */
export interface LineWitness {
  /** A process makes a REST call; `wire` is null for a public one, here and below. */
  called(owner: Owner, exchange: string, wire: WireCall | null): void;
  /** A private call is about to reach the exchange. */
  reaches(exchange: string, wire: WireCall): void;
  /** A private call has reached the exchange, which has acted on it or will later. */
  reached(owner: Owner, exchange: string, wire: WireCall): void;
  /** A REST call has reached the exchange and was answered so. */
  arrived(exchange: string, path: string, status: number): void;
  /** The answer has reached the process; `madeAtMs` = when the exchange gave it. */
  answered(owner: Owner, heard: HeardAnswer): void;
  /** A frame has reached the process. */
  frame(owner: Owner, exchange: string, text: string): void;
  /** The same of the private stream of an account. */
  privateFrame(owner: Owner, exchange: string): void;
}

/** An answer as it reaches a process. */
export interface HeardAnswer {
  readonly exchange: string;
  readonly path: string;
  readonly wire: WireCall | null;
  readonly answer: FaceHttpResponse;
  readonly madeAtMs: number;
}

export interface NetworkParts {
  readonly scheduler: Scheduler;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly prng: Prng;
  readonly latency: Latency;
  readonly trace: Trace;
  readonly heard: LineWitness;
  /** Age at which an exchange ends a connection, ms; null = it does not. */
  readonly lifeMsOf: (exchange: string) => number | null;
}

/** The lines between the simulated exchanges and the nodes: real bytes, in order per connection, each after a drawn latency. */
export class SimulatedNetwork {
  readonly links = new Set<Link>();
  readonly lines = new Map<string, LineFaults>();
  private readonly scheduler: Scheduler;
  private readonly faces: ReadonlyMap<string, AnyFace>;
  private readonly prng: Prng;
  private readonly latency: Latency;
  private readonly trace: Trace;
  private readonly heard: LineWitness;
  private readonly lifeMsOf: NetworkParts['lifeMsOf'];

  constructor(parts: NetworkParts) {
    this.scheduler = parts.scheduler;
    this.faces = parts.faces;
    this.prng = parts.prng;
    this.latency = parts.latency;
    this.trace = parts.trace;
    this.heard = parts.heard;
    this.lifeMsOf = parts.lifeMsOf;
    for (const exchange of this.faces.keys())
      this.lines.set(exchange, { extraMs: 0, blackHole: false, unknown: null });
  }

  /** Socket port of one process. */
  sockets(owner: Owner): Sockets {
    return {
      connect: (url, options, handlers) => {
        const { exchange, face, path } = this.site(url);
        return new Link({
          scheduler: this.scheduler,
          owner,
          exchange,
          face,
          path,
          headers: lowerCase(options.headers ?? {}),
          handlers,
          delayMs: () => this.drawMs(exchange),
          spelled: (text) => misspelt(text, this.lines.get(exchange)!.unknown),
          lifeMs: this.lifeMsOf(exchange),
          links: this.links,
          trace: this.trace,
          heard: this.heard,
        });
      },
    };
  }

  /** HTTP port of one process. */
  http(owner: Owner, timeoutShare: () => number): HttpClient {
    return {
      request: (request, signal) => {
        const { exchange } = this.site(request.url);
        this.heard.called(owner, exchange, wireCallOf(exchange, request));
        const timeoutMs = Math.max(1, request.timeoutMs * timeoutShare());
        return this.request(owner, { ...request, timeoutMs }, signal);
      },
    };
  }

  /** The process is gone: its kernel closes what it had open, and the exchanges notice. */
  processDied(owner: Owner): void {
    for (const link of [...this.links]) if (link.owner === owner) link.abandon();
  }

  openLinks(exchange: string): Link[] {
    return [...this.links].filter((link) => link.exchange === exchange && link.isOpen);
  }

  hasOpenLink(owner: Owner, exchange: string): boolean {
    return this.openCount(owner, exchange) > 0;
  }

  /** Open connections of a process to an exchange's market data: two while one replaces the other. */
  openCount(owner: Owner, exchange: string): number {
    let count = 0;
    for (const link of this.links)
      if (link.owner === owner && link.exchange === exchange && link.isOpen && !link.isPrivate) count++;
    return count;
  }

  private request(owner: Owner, request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    const { exchange, face, path } = this.site(request.url);
    const wire = wireCallOf(exchange, request);
    return new Promise((resolve, reject) => {
      const fail = (code: 'ARB_HTTP_TIMEOUT' | 'ARB_HTTP_FAILED', text: string): void => {
        this.scheduler.cancel(limit);
        signal?.removeEventListener('abort', aborted);
        reject(new ArbotError(code, `${exchange}: ${text}`, { retryable: true }));
      };
      const limit = this.scheduler.plan(owner, request.timeoutMs, () =>
        fail('ARB_HTTP_TIMEOUT', 'no answer in time'),
      );
      const aborted = (): void => fail('ARB_HTTP_FAILED', 'aborted');
      if (signal?.aborted === true) return aborted();
      signal?.addEventListener('abort', aborted);
      if (this.lines.get(exchange)!.blackHole) return;
      const answered = (answer: FaceHttpResponse): void => {
        this.trace.addQuietly('http', `${exchange} ${path} ${answer.status} ${answer.body}`);
        this.heard.arrived(exchange, path, answer.status);
        const madeAtMs = this.scheduler.nowMs;
        this.scheduler.plan(owner, this.drawMs(exchange), () => {
          if (limit.state !== 'planned') return;
          this.scheduler.cancel(limit);
          signal?.removeEventListener('abort', aborted);
          this.heard.answered(owner, { exchange, path, wire, answer, madeAtMs });
          resolve({
            status: answer.status,
            headers: { ...answer.headers },
            body: Buffer.from(answer.body, 'utf8'),
          });
        });
        face.flush();
      };
      this.scheduler.plan(this.scheduler.world, this.drawMs(exchange), () => {
        const { method, headers = {}, body = '' } = request;
        if (wire !== null) this.heard.reaches(exchange, wire);
        const given = face.respond({ method, url: path, headers: lowerCase(headers), body });
        if (wire !== null) this.heard.reached(owner, exchange, wire);
        if (!('kind' in given)) return answered(given);
        if (given.kind === 'silence') return face.flush();
        this.scheduler.plan(this.scheduler.world, given.afterMs, () => answered(given.response()));
      });
    });
  }

  private site(url: string): { exchange: string; face: AnyFace; path: string } {
    const { hostname, pathname, search } = new URL(url);
    const exchange = hostname.replace(/\.sim$/, '');
    const face = this.faces.get(exchange);
    if (face === undefined) throw new Error(`no simulated exchange at ${url}`);
    return { exchange, face, path: pathname + search };
  }

  private drawMs(exchange: string): number {
    return this.prng.between(this.latency.minMs, this.latency.maxMs) + this.lines.get(exchange)!.extraMs;
  }
}

interface LinkParts {
  readonly scheduler: Scheduler;
  readonly owner: Owner;
  readonly exchange: string;
  readonly face: AnyFace;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly handlers: SocketHandlers;
  readonly delayMs: () => number;
  readonly spelled: (text: string) => string;
  readonly lifeMs: number | null;
  readonly links: Set<Link>;
  readonly trace: Trace;
  readonly heard: LineWitness;
}

/** One WebSocket: two directions, each in order. */
export class Link implements Socket {
  readonly owner: Owner;
  readonly exchange: string;
  private readonly parts: LinkParts;
  private readonly toClient: (() => void)[] = [];
  private readonly toServer: (() => void)[] = [];
  private clientDueMs = 0;
  private serverDueMs = 0;
  private faceId: number | null = null;
  private state: 'connecting' | 'open' | 'closed' = 'connecting';
  private serverGone = false;
  /** Neither side hears the other any more, and neither is told. */
  halfOpen = false;

  constructor(parts: LinkParts) {
    this.parts = parts;
    this.owner = parts.owner;
    this.exchange = parts.exchange;
    parts.links.add(this);
    this.atServer(() => this.arrive());
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** Of an account, not of its markets. */
  get isPrivate(): boolean {
    return isPrivateSocket(this.parts.path);
  }

  /** Id of the connection at the exchange, null before it was accepted. */
  get connectionId(): number | null {
    return this.faceId;
  }

  send(data: string | Uint8Array): void {
    const text = this.parts.spelled(typeof data === 'string' ? data : Buffer.from(data).toString('utf8'));
    this.parts.trace.addQuietly('up', `${this.exchange} ${text}`);
    this.atServer(() => this.parts.face.onClientFrame(this.faceId!, text));
  }

  ping(data?: Uint8Array): void {
    const bytes = Buffer.from(data ?? []);
    this.atServer(() => this.parts.face.onClientPing(this.faceId!, bytes));
  }

  close(code = 1000, reason = ''): void {
    this.leave(code, reason);
  }

  terminate(): void {
    this.leave(1006, '');
  }

  bufferedBytes(): number {
    return 0;
  }

  /** The line breaks: both sides are told. */
  drop(): void {
    if (this.state === 'closed') return;
    this.tellServerClosed();
    this.serverClosed(1006, 'line dropped');
  }

  /** The client's process is gone. */
  abandon(): void {
    this.end();
    this.tellServerClosed();
  }

  private arrive(): void {
    if (this.state === 'closed') return;
    const { face, path, headers } = this.parts;
    const accepted = face.onConnect(this.transport(), path, headers);
    if (typeof accepted !== 'number') return this.serverClosed(1006, `HTTP ${accepted.status}`);
    this.faceId = accepted;
    const { scheduler, lifeMs } = this.parts;
    if (lifeMs !== null) scheduler.plan(scheduler.world, lifeMs, () => face.disconnect(1001, accepted));
  }

  /** The same connection as the exchange sees it. */
  private transport(): FaceTransport {
    return {
      send: (text, isBinary) => this.serverSend(text, isBinary === true),
      ping: (payload) => this.serverPing(Buffer.from(payload)),
      pong: (payload) => {
        const bytes = Buffer.from(payload);
        this.atClient(() => this.parts.handlers.onPong?.(bytes));
      },
      close: (code, reason) => this.serverClosed(code, reason),
      terminate: () => this.serverClosed(1006, ''),
    };
  }

  private opened(): void {
    if (this.state !== 'connecting') return;
    this.state = 'open';
    this.parts.handlers.onOpen();
  }

  private serverSend(text: string, isBinary: boolean): void {
    this.atClient(() => {
      this.parts.trace.addQuietly('down', `${this.exchange} ${text}`);
      if (this.isPrivate) this.parts.heard.privateFrame(this.owner, this.exchange);
      else this.parts.heard.frame(this.owner, this.exchange, text);
      this.parts.handlers.onFrame(Buffer.from(text, 'utf8'), isBinary);
    });
  }

  /** A client library answers by itself. */
  private serverPing(bytes: Buffer): void {
    this.atClient(() => {
      this.parts.handlers.onPing?.(bytes);
      this.atServer(() => this.parts.face.onClientPong(this.faceId!, bytes.toString()));
    });
  }

  private serverClosed(code: number, reason: string): void {
    this.serverGone = true;
    this.queue('client', () => {
      if (this.state === 'closed') return;
      this.end();
      this.parts.handlers.onClose(code, reason);
    });
  }

  /** The client closes: it hears the end at once, the exchange a latency later. */
  private leave(code: number, reason: string): void {
    if (this.state === 'closed') return;
    this.end();
    this.tellServerClosed();
    this.parts.scheduler.plan(this.owner, 0, () => this.parts.handlers.onClose(code, reason));
  }

  private end(): void {
    this.state = 'closed';
    this.parts.links.delete(this);
  }

  private tellServerClosed(): void {
    this.queue('server', () => {
      if (this.faceId !== null) this.parts.face.onClose(this.faceId);
      this.serverGone = true;
    });
  }

  /** Something for the exchange, unless nothing gets through. */
  private atServer(event: () => void): void {
    this.queue('server', () => {
      if (this.halfOpen || this.serverGone) return;
      const first = this.faceId === null;
      event();
      if (first && this.faceId !== null) this.announce();
    });
  }

  /** The handshake's answer leaves before anything else. */
  private announce(): void {
    this.toClient.unshift(() => this.opened());
    this.pumpClient();
  }

  private atClient(event: () => void): void {
    this.queue('client', () => {
      if (!this.halfOpen && this.state === 'open') event();
    });
  }

  private queue(side: 'client' | 'server', event: () => void): void {
    if (side === 'client') {
      this.toClient.push(event);
      this.pumpClient();
      return;
    }
    this.toServer.push(event);
    const { scheduler } = this.parts;
    this.serverDueMs = Math.max(this.serverDueMs, scheduler.nowMs + this.parts.delayMs());
    const waitMs = this.serverDueMs - scheduler.nowMs;
    scheduler.plan(scheduler.world, waitMs, () => this.toServer.shift()?.());
  }

  /** Each turn takes the oldest, so that equal due times never swap two frames. */
  private pumpClient(): void {
    const { scheduler } = this.parts;
    this.clientDueMs = Math.max(this.clientDueMs, scheduler.nowMs + this.parts.delayMs());
    const waitMs = this.clientDueMs - scheduler.nowMs;
    scheduler.plan(this.owner, waitMs, () => this.toClient.shift()?.());
  }
}

/** No exchange lists this asset. */
const NO_ASSET = 'NIX';

/** The same request about a market that does not exist, in the letters of the exchange. */
function misspelt(text: string, symbol: string | null): string {
  if (symbol === null) return text;
  const [base = ''] = /[A-Z]+(?=USDT$)|[A-Z]+(?=[-_]USDT$)|(?<=KRW-)[A-Z]+/.exec(symbol) ?? [];
  const wrong = symbol.replace(base, NO_ASSET);
  return text.replaceAll(symbol, wrong).replaceAll(symbol.toLowerCase(), wrong.toLowerCase());
}
