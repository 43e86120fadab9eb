import { ArbotError } from '../../src/messages/errors.js';
import { FrameError } from '../../src/connectors/frame-error.js';
import type {
  ExchangeAnswer,
  FillsQuery,
  NoAnswer,
  OrderEntry,
  OrderReference,
  OrderReport,
  PrivateCall,
  PrivateSink,
  TradeReport,
} from '../../src/connectors/order-entry.js';
import type { OrderWord, TradeWord } from '../../src/execution/gateway/words.js';
import type {
  HttpClient,
  HttpRequest,
  HttpResponse,
  Socket,
  SocketHandlers,
  Sockets,
} from '../../src/ports/network.js';
import { ModelExchange, type ModelTicket } from '../execution/model-exchange.js';
import type { ManualTime } from '../runtime/manual-time.js';

/** An exchange of a made-up protocol: JSON calls over HTTP, JSON frames on a socket, the model behind both. */

export const SYMBOLS: Readonly<Record<string, string>> = {
  BTCUSDT: 'alpha:BTC-USDT',
  ETHUSDT: 'alpha:ETH-USDT',
};
const symbolOf = (instrument: string | null) =>
  Object.entries(SYMBOLS).find(([, id]) => id === instrument)?.[0] ?? 'X';

const call = (
  method: PrivateCall['method'],
  path: string,
  parameters: Record<string, string | number> = {},
): PrivateCall => ({
  method,
  path,
  parameters: Object.entries(parameters),
  expires: method === 'POST' && path === '/order',
  costs: method === 'GET' ? { reads: 1 } : { orders: 1 },
  timeoutMs: 1_000,
  maxBodyBytes: 65_536,
});

const reportOf = (word: OrderWord): OrderReport => ({
  ...word,
  symbol: symbolOf(word.instrument),
  trades: word.trades.map(tradeOf),
  updatedAtMs: 0,
});
const tradeOf = ({ instrument, feeAsset, ...word }: TradeWord): TradeReport => ({
  ...word,
  symbol: symbolOf(instrument),
  feeTicker: feeAsset,
});

function read(answer: ExchangeAnswer): Record<string, unknown> | NoAnswer {
  if (answer.status === 429) return { kind: 'limited', code: '429', pauseMs: 5_000 };
  if (answer.status >= 500) return { kind: 'unknown', code: String(answer.status), reason: 'server error' };
  return JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
}

/** The made-up protocol is the values themselves. */
const values = (answer: ExchangeAnswer) => read(answer) as never;

/** Signed by writing key and moment into headers. */
export const scriptedEntry: OrderEntry = {
  limits: [
    { kind: 'window', name: 'orders', capacity: 50, windowMs: 10_000 },
    { kind: 'window', name: 'reads', capacity: 500, windowMs: 10_000 },
  ],
  sign: ({ method, path, parameters }, credentials, moment) => ({
    method,
    path,
    headers: {
      key: credentials.apiKey,
      time: String(moment.timeMs),
      valid: String(moment.validForMs),
      nonce: moment.nonce,
    },
    body: JSON.stringify(Object.fromEntries(parameters)),
  }),
  place: (ticket) => call('POST', '/order', { ...ticket }),
  parsePlace: values,
  cancel: ({ clientOrderId }) => call('DELETE', '/order', { clientOrderId }),
  parseCancel: values,
  lookups: ({ clientOrderId }: OrderReference) => [
    call('GET', '/order', { clientOrderId }),
    call('GET', '/history', { clientOrderId }),
  ],
  parseLookup: values,
  openOrders: () => call('GET', '/open'),
  parseOpenOrders: values,
  fills: ({ symbol, exchangeOrderId }: FillsQuery) =>
    call('GET', '/fills', { symbol, ...(exchangeOrderId !== null && { exchangeOrderId }) }),
  parseFills: values,
  balances: () => call('GET', '/balances'),
  parseBalances: values,
  transfers: () => [call('GET', '/transfers')],
  parseTransfers: values,
  feeRates: () => call('GET', '/fees'),
  parseFeeRates: values,
  deadMan: { call: (timeoutMs) => call('POST', '/dead-man', { timeoutMs }), parse: values },
  stream: {
    url: ({ privateUrl }) => privateUrl ?? '',
    handshakeHeaders: () => ({}),
    login: ({ apiKey }) => [JSON.stringify({ login: apiKey })],
    subscribe: (symbols) => [JSON.stringify({ subscribe: symbols })],
    acknowledgements: 2,
    heartbeat: {
      everyMs: null,
      probe: { kind: 'ping' },
      probeAfterSilenceMs: 3_000,
      deadAfterSilenceMs: 8_000,
    },
    maxFrameBytes: 65_536,
    lifetimeMs: null,
    isOpenAuthorised: false,
    decode(data: Buffer, sink: PrivateSink) {
      const text = data.toString('utf8');
      if (text === 'garbage') throw new FrameError('frame', 'JSON', text);
      const frame = JSON.parse(text) as Record<string, unknown>;
      if ('authorised' in frame) sink.authorised();
      if ('subscribed' in frame) sink.subscribed();
      if ('order' in frame) sink.order(frame['order'] as OrderReport);
      if ('trade' in frame) sink.trade(frame['trade'] as TradeReport);
      if ('moved' in frame) sink.transferred(String(frame['moved']), 0);
    },
  },
};

/** What to do with the next request of a path instead of answering it well. */
export type Fault =
  /** Carried out, and no answer comes. */
  | 'swallow-answer'
  /** Neither carried out nor answered. */
  | 'lose'
  | 'error-placed'
  | 'error-not-placed'
  | 'late'
  | 'ban';

export interface SeenRequest {
  readonly atMs: number;
  readonly what: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, string>;
}

export class ScriptedAccount implements HttpClient, Sockets {
  readonly time: ManualTime;
  readonly model: ModelExchange;
  readonly seen: SeenRequest[] = [];
  /** By method and path; the first entry is used up by the next request of that name. */
  readonly faults = new Map<string, Fault[]>();
  /** What placing does in the model. */
  fill: { share?: number; pieces?: number; leaveOpen?: boolean } = {};
  /** Whether the answer to placing tells what became of the order. */
  answersInFull = true;
  /** Whether fills are pushed. */
  pushes = true;
  isDown = false;
  rejects: { code: string; reason: string; fault: string } | null = null;
  /** Calls that came although they were banned. */
  duringBan = 0;
  private bannedUntilMs = -Infinity;
  private lines: SocketHandlers[] = [];

  constructor(time: ManualTime, model: ModelExchange) {
    this.time = time;
    this.model = model;
  }

  fault(what: string, ...kinds: Fault[]): void {
    this.faults.set(what, [...(this.faults.get(what) ?? []), ...kinds]);
  }

  requests(what: string): SeenRequest[] {
    return this.seen.filter((one) => one.what === what);
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const what = `${request.method} ${new URL(request.url).pathname}`;
    const body = JSON.parse(request.body ?? '{}') as Record<string, string>;
    this.seen.push({ atMs: this.time.nowMs(), what, headers: request.headers ?? {}, body });
    if (this.time.monotonicMs() < this.bannedUntilMs) this.duringBan++;
    const fault = this.faults.get(what)?.shift();
    await this.pause(10);
    if (this.isDown || fault === 'lose') return this.silence(request);
    if (fault === 'ban') {
      this.bannedUntilMs = this.time.monotonicMs() + 5_000;
      return { status: 429, headers: { 'retry-after': '5' }, body: Buffer.from('{}') };
    }
    if (fault === 'error-not-placed') return { status: 503, headers: {}, body: Buffer.from('oops') };
    if (fault === 'late') {
      void this.pause(700).then(() => this.answerTo(what, body));
      return this.silence(request);
    }
    const answer = this.answerTo(what, body);
    if (fault === 'swallow-answer') return this.silence(request);
    if (fault === 'error-placed') return { status: 502, headers: {}, body: Buffer.from('oops') };
    await this.pause(10);
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answer)) };
  }

  private async silence({ timeoutMs, url }: HttpRequest): Promise<HttpResponse> {
    await this.pause(timeoutMs);
    throw new ArbotError('ARB_HTTP_TIMEOUT', `no answer from ${url}`);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.setTimer(resolve, ms));
  }

  private answerTo(what: string, body: Record<string, string>): unknown {
    const { model } = this;
    const nowMs = this.time.nowMs();
    switch (what) {
      case 'POST /order':
        return this.place(body);
      case 'DELETE /order':
        return { kind: model.cancel(body['clientOrderId']!), code: 'gone' };
      case 'GET /order':
      case 'GET /history': {
        const order = model.orders.get(body['clientOrderId']!);
        return order === undefined
          ? { kind: 'notFound', code: '-2013' }
          : { kind: 'found', order: reportOf(model.wordOf(order)) };
      }
      case 'GET /open':
        return { kind: 'rows', rows: model.openOrders().map(reportOf), next: [] };
      case 'GET /fills': {
        const instrument = SYMBOLS[body['symbol']!]!;
        const rows = model.tradesOf(instrument, body['exchangeOrderId'] ?? null).map(tradeOf);
        return { kind: 'rows', rows, next: [] };
      }
      case 'GET /balances': {
        const rows = model
          .balanceWords()
          .map(({ asset, total, borrowed }) => ({ ticker: asset, free: total, locked: '0', borrowed }));
        return { kind: 'rows', rows, next: [] };
      }
      case 'GET /transfers': {
        const rows = model.transfers.map(({ asset, ...one }) => ({ ...one, ticker: asset, isSettled: true }));
        return { kind: 'rows', rows, next: [] };
      }
      default:
        return { kind: 'accepted', code: '', at: nowMs };
    }
  }

  private place(body: Record<string, string>): unknown {
    if (this.rejects !== null) return { kind: 'rejected', ...this.rejects };
    const ticket: ModelTicket = {
      clientOrderId: body['clientOrderId']!,
      instrument: SYMBOLS[body['symbol']!]!,
      side: body['side'] === 'buy' ? 'buy' : 'sell',
      quantity: body['quantity']!,
      limitPrice: body['limitPrice']!,
    };
    const order = this.model.place(ticket, this.time.nowMs(), this.fill);
    if (this.pushes) {
      for (const trade of order.trades) this.push({ trade: tradeOf(trade) });
      this.push({ order: reportOf(this.model.wordOf(order, false)) });
    }
    const { exchangeOrderId } = order;
    const report = this.answersInFull ? reportOf(this.model.wordOf(order)) : null;
    return { kind: 'accepted', exchangeOrderId, report };
  }

  connect(_url: string, _options: unknown, handlers: SocketHandlers): Socket {
    const open = () => this.lines.includes(handlers);
    this.time.setTimer(() => {
      if (this.isDown) return handlers.onClose(1006, 'refused');
      this.lines.push(handlers);
      handlers.onOpen();
    }, 10);
    const say = (value: unknown) =>
      void this.time.setTimer(() => open() && handlers.onFrame(Buffer.from(JSON.stringify(value)), false), 5);
    return {
      send: (text) => {
        const asked = JSON.parse(String(text)) as Record<string, unknown>;
        if ('login' in asked) say({ authorised: true });
        else [1, 2].forEach(() => say({ subscribed: true }));
      },
      ping: () => void this.time.setTimer(() => open() && handlers.onPong?.(Buffer.alloc(0)), 5),
      close: () => this.forget(handlers),
      terminate: () => this.forget(handlers),
      bufferedBytes: () => 0,
    };
  }

  push(frame: unknown): void {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    for (const line of this.lines)
      this.time.setTimer(() => this.lines.includes(line) && line.onFrame(Buffer.from(text), false), 5);
  }

  pushTrade(trade: TradeWord): void {
    this.push({ trade: tradeOf(trade) });
  }

  /** The private stream breaks. */
  disconnect(): void {
    const lines = this.lines;
    this.lines = [];
    for (const line of lines) line.onClose(1006, 'gone');
  }

  private forget(handlers: SocketHandlers): void {
    this.lines = this.lines.filter((one) => one !== handlers);
  }
}
