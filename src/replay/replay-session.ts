import { WebSocket } from 'ws';
import type { IncomingMessage } from 'node:http';
import type { RecordingDescription } from './describe.js';
import type { BookChange } from './book-change.js';
import type { Argument, FrameFacts, ReplayProtocol } from './protocol.js';
import { RebuiltBook } from './rebuilt-book.js';
import type { RecordedFrame, RestRecord } from './recording.js';

/** How captured acknowledgements are used: `auto` = sent as captured, own answers only where the capture has none. */
export type AckPolicy = 'auto' | 'always' | 'never';

export interface RestAnswer {
  readonly status: number;
  readonly body: string;
  /** True when the answer is not in the recording but was made from it. */
  readonly inferred: boolean;
}

interface Connection {
  readonly socket: WebSocket;
  readonly url: URL;
  readonly symbols: Map<string, Set<string>>;
  subscribed: boolean;
}

/** Level-by-level channels: those a late subscriber gets a snapshot of. */
const isDepthChannel = (channel: string): boolean =>
  /^(books(?!5$)|orderbook\.(?!1$)|depth)|\.obu\./.test(channel);
/** Unsent bytes above which the pump waits for the reader. */
const HIGH_WATER_BYTES = 1024 * 1024;

/**
 * One replayed exchange without its clock: who is connected and subscribed, which books the recording implies so far, which REST
 * snapshots were fetched. The pump of replay-server.ts feeds it frames when they are due.
 */
export class ReplaySession {
  readonly description: RecordingDescription;
  readonly protocol: ReplayProtocol;
  private readonly rest: readonly RestRecord[];
  private readonly acks: AckPolicy;
  private readonly connections = new Set<Connection>();
  private readonly books = new Map<string, RebuiltBook>();
  /** Acknowledgements still to come in the capture, by `channel:symbol`. */
  private readonly pendingAcks = new Map<string, number>();
  /** Depth snapshots of the recording that were served, by symbol. */
  private readonly served = new Set<string>();
  private readonly symbols: readonly string[];
  /** Recorded REST books, oldest first. */
  private readonly depths: { readonly symbol: string; readonly change: BookChange }[] = [];
  /** Called at each subscription, so that the replay can start. */
  onSubscribed: () => void = () => undefined;
  /** Recording time reached so far, Unix ms. */
  positionMs: number;
  sent = 0;

  constructor(
    description: RecordingDescription,
    protocol: ReplayProtocol,
    rest: readonly RestRecord[],
    acks: AckPolicy,
  ) {
    this.description = description;
    this.protocol = protocol;
    this.rest = rest;
    this.acks = acks;
    this.positionMs = description.firstTimeMs;
    this.symbols = description.symbols.map((one) => one.symbol);
    for (const ack of description.acks) this.pendingAcks.set(ack, (this.pendingAcks.get(ack) ?? 0) + 1);
    for (const record of rest) this.loadSnapshot(record);
  }

  get hasReader(): boolean {
    return [...this.connections].some((one) => one.subscribed);
  }

  /** True while some reader has not taken what was sent. */
  get isBackedUp(): boolean {
    return [...this.connections].some((one) => one.socket.bufferedAmount > HIGH_WATER_BYTES);
  }

  accept(socket: WebSocket, request: IncomingMessage): void {
    const url = new URL(request.url ?? '/', 'ws://replay');
    const connection: Connection = { socket, url, symbols: new Map(), subscribed: false };
    this.connections.add(connection);
    socket.on('close', () => this.connections.delete(connection));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data: Buffer) => this.onClientFrame(connection, data.toString()));
    const greeting = this.protocol.greeting?.(url);
    if (greeting !== undefined) this.send(connection, greeting);
    const named = this.protocol.argumentsOfUrl(url);
    if (named.length > 0) this.subscribe(connection, named);
  }

  private onClientFrame(connection: Connection, text: string): void {
    const request = this.protocol.readClient(text);
    for (const { argument, text: answer } of request.answers)
      if (request.kind !== 'subscribe' || this.mustAnswer(argument)) this.send(connection, answer);
    if (request.kind === 'unsubscribe')
      for (const { channel, symbol } of request.arguments) connection.symbols.get(symbol)?.delete(channel);
    if (request.kind !== 'subscribe') return;
    if (request.replaces === true) connection.symbols.clear();
    this.subscribe(connection, request.arguments);
    this.sendSnapshots(connection, request.arguments);
  }

  /** Own answer to a subscription, unless the capture still has one for it. */
  private mustAnswer(argument: Argument | null): boolean {
    if (this.acks !== 'auto') return this.acks === 'always';
    const key = argument === null ? '' : `${argument.channel}:${argument.symbol}`;
    return (this.pendingAcks.get(key) ?? 0) === 0;
  }

  private subscribe(connection: Connection, args: readonly Argument[]): void {
    connection.subscribed = true;
    for (const { channel, symbol } of args) {
      const channels = connection.symbols.get(symbol) ?? new Set();
      connection.symbols.set(symbol, channels.add(channel));
    }
    this.onSubscribed();
  }

  /** A client that subscribes after the capture's own snapshot gets one of the book as it is now. */
  private sendSnapshots(connection: Connection, args: readonly Argument[]): void {
    for (const { channel, symbol } of args) {
      const ofSymbol = [...this.books.values()].filter((book) => book.symbol === symbol && book.complete);
      const exact = ofSymbol.filter((book) => book.channel === channel);
      const meant = exact.length > 0 ? exact : isDepthChannel(channel) ? ofSymbol : [];
      for (const book of meant) {
        const frame = this.protocol.snapshotFrame(book, this.positionMs);
        if (frame !== null) this.send(connection, frame);
      }
    }
  }

  /** Takes a frame into the books, whether or not it is delivered. */
  advance(frame: RecordedFrame): FrameFacts {
    this.positionMs = frame.receiveTimeMs;
    const facts = this.protocol.read(frame.data.toString());
    if (facts.kind === 'ack') {
      const key = facts.symbol === null ? '' : `${facts.channel ?? ''}:${facts.symbol}`;
      this.pendingAcks.set(key, Math.max(0, (this.pendingAcks.get(key) ?? 0) - 1));
    }
    if (facts.book === null || facts.symbol === null) return facts;
    const book = this.bookOf(facts.book.key, facts.symbol, facts.channel ?? '');
    const { sequence } = facts.book;
    const inSnapshot =
      !facts.book.snapshot && sequence !== null && book.sequence !== null && sequence <= book.sequence;
    if (this.protocol.snapshots === 'socket' || !inSnapshot) book.apply(facts.book);
    if (!book.complete) this.bridgeGap(book);
    return facts;
  }

  /** After a hole in the recording its own client fetched a newer snapshot; the book goes on from that one. */
  private bridgeGap(book: RebuiltBook): void {
    const next = this.depths.find((one) => one.symbol === book.symbol && isNotOlder(one.change, book));
    if (next !== undefined) book.apply(next.change);
  }

  /** Sends a frame to every connection that subscribed to its symbol, in the form of that connection. */
  deliver(data: Buffer, isBinary: boolean, facts: FrameFacts): void {
    if (facts.kind === 'ack' && this.acks !== 'auto') return;
    if (facts.kind === 'greeting' && this.protocol.greeting !== undefined) return;
    this.sent++;
    for (const connection of this.connections) {
      if (!connection.subscribed || !wants(connection, facts.symbol)) continue;
      if (isBinary) connection.socket.send(data, { binary: true });
      else this.send(connection, this.protocol.shape(data.toString(), connection.url));
    }
  }

  private send(connection: Connection, text: string): void {
    if (connection.socket.readyState === WebSocket.OPEN) connection.socket.send(text);
  }

  /** Symbol whose recorded REST snapshot belongs before this frame and was not fetched yet by a client that wants it; null = go on. */
  awaitedSnapshot(frame: RecordedFrame): string | null {
    for (const record of this.rest) {
      const isDue =
        record.afterFrame === null ? record.timeMs <= frame.receiveTimeMs : record.afterFrame <= frame.index;
      if (!isDue) continue;
      const symbol = this.symbolOfSnapshot(record);
      if (symbol === null || this.served.has(symbol)) continue;
      if ([...this.connections].some((one) => one.subscribed && wants(one, symbol))) return symbol;
    }
    return null;
  }

  /** The client did not fetch this snapshot in time; the replay goes on without waiting for it again. */
  giveUpSnapshot(symbol: string): void {
    this.served.add(symbol);
  }

  answer(url: URL): RestAnswer | null {
    const question = this.protocol.question(url);
    if (question.kind === 'unknown') return this.recordedAnswer(url);
    if (question.kind === 'ticket') return made(this.protocol.ticketAnswer?.() ?? '{}');
    if (question.kind === 'time') return made(this.protocol.timeAnswer(this.positionMs));
    if (question.kind === 'details') return this.detailsAnswer(url, question.symbols);
    if (question.kind === 'depth') return this.depthAnswer(question.symbol, question.limit);
    const recorded = this.rest.find((one) => this.protocol.answers(one.url, question, this.symbols));
    if (recorded !== undefined) return { status: 200, body: recorded.body, inferred: false };
    return made(this.protocol.instrumentsAnswer(this.description.symbols));
  }

  /** The answer recorded for the very same markets, or one made from what the frames show. */
  private detailsAnswer(url: URL, symbols: readonly string[]): RestAnswer {
    const same = ({ url: recorded }: RestRecord) =>
      URL.canParse(recorded) && pathOf(new URL(recorded)) === pathOf(url);
    const record = this.rest.find(same);
    if (record !== undefined) return { status: 200, body: record.body, inferred: false };
    const facts = this.description.symbols.filter(({ symbol }) => symbols.includes(symbol));
    return made(this.protocol.detailsAnswer?.(facts) ?? '[]');
  }

  /** The recorded answer for the first question, so that the start is exactly as captured; the book as it is now for later ones. */
  private depthAnswer(symbol: string, limit: number): RestAnswer | null {
    const record = this.rest.find((one) =>
      this.protocol.answers(one.url, { kind: 'depth', symbol, limit }, this.symbols),
    );
    const again = this.served.has(symbol);
    this.served.add(symbol);
    if (record !== undefined && !again) return { status: 200, body: record.body, inferred: false };
    const book = [...this.books.values()].find((one) => one.symbol === symbol && one.complete);
    if (book === undefined || !Number.isInteger(limit) || limit < 1) return null;
    return made(this.protocol.depthAnswer(book, Math.min(limit, 5_000), this.positionMs));
  }

  /** For exchanges without a replay protocol: an answer recorded for the same path. */
  private recordedAnswer(url: URL): RestAnswer | null {
    const record = this.rest.find(
      (one) => URL.canParse(one.url) && new URL(one.url).pathname === url.pathname,
    );
    return record === undefined ? null : { status: 200, body: record.body, inferred: false };
  }

  private symbolOfSnapshot(record: RestRecord): string | null {
    const isFor = (symbol: string): boolean =>
      this.protocol.answers(record.url, { kind: 'depth', symbol, limit: 1 }, this.symbols);
    return this.symbols.find(isFor) ?? null;
  }

  private loadSnapshot(record: RestRecord): void {
    const symbol = this.symbolOfSnapshot(record);
    const depth = symbol === null ? null : this.protocol.readDepth(record.body);
    if (symbol === null || depth === null) return;
    this.depths.push({ symbol, change: depth });
    if (!this.books.has(symbol)) this.bookOf(symbol, symbol, 'depth').apply(depth);
  }

  private bookOf(key: string, symbol: string, channel: string): RebuiltBook {
    const known = this.books.get(key);
    if (known !== undefined) return known;
    const book = new RebuiltBook(key, symbol, channel);
    this.books.set(key, book);
    return book;
  }

  closeConnections(): void {
    for (const { socket } of this.connections) socket.close(1001, 'replay closed');
  }
}

const isNotOlder = (change: BookChange, book: RebuiltBook): boolean =>
  change.sequence !== null && change.sequence >= (book.sequence ?? 0);

const pathOf = (url: URL): string => url.pathname + url.search;

const made = (body: string): RestAnswer => ({ status: 200, body, inferred: true });

function wants(connection: Connection, symbol: string | null): boolean {
  if (symbol === null || connection.symbols.size === 0) return true;
  return (connection.symbols.get(symbol)?.size ?? 0) > 0;
}
