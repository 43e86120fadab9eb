import type { Connector } from '../../../src/connectors/base.js';
import type {
  Credentials,
  ExchangeAnswer,
  OrderAnswer,
  OrderEntry,
  OrderReference,
  OrderTicket,
  PlaceAnswer,
  PrivateCall,
  RowsAnswer,
  SigningMoment,
} from '../../../src/connectors/order-entry.js';
import { connectorOf } from '../../../src/modes/connectors.js';
import { plainText } from '../../../src/simulator/exact-units.js';
import { CollectingSink } from '../../connectors/fixtures-orders.js';
import { memoryExchanges, MemoryTransport, type MemoryExchanges } from '../../simulator/memory-client.js';

/** One connector's order entry at the trading side of its simulated exchange, in memory. */

export const TRADING = ['binance', 'okx', 'bybit', 'upbit', 'kucoin', 'gate', 'bithumb', 'bitget'] as const;
export type Trading = (typeof TRADING)[number];
const WON: readonly Trading[] = ['upbit', 'bithumb'];
const quoteOf = (name: Trading) => (WON.includes(name) ? 'KRW' : 'USDT');
const pairOf = (name: Trading) => `BTC-${quoteOf(name)}`;
const WARM_UP_MS = 3000;

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

export class TraderDesk {
  readonly connector: Connector;
  readonly orders: OrderEntry;
  readonly exchanges: MemoryExchanges;
  private readonly name: Trading;
  private nonces = 0;
  private tickets = 0;

  constructor(name: Trading) {
    this.name = name;
    this.connector = connectorOf(name, {});
    this.orders = this.connector.orders!;
    this.exchanges = memoryExchanges({ exchanges: [name], pairs: [pairOf(name)] });
    this.account.open([
      { asset: quoteOf(name), amount: '1000000000' },
      { asset: 'BTC', amount: '10' },
    ]);
    this.exchanges.run(WARM_UP_MS);
  }

  /** The stream of KuCoin tells how much of an order is filled, and not what the fills cost. */
  get tellsTrades(): boolean {
    return this.name !== 'kucoin';
  }

  get account() {
    return this.face.account!;
  }

  private get face() {
    return this.exchanges.faces[this.name];
  }

  moment(): SigningMoment {
    const nonce = `00000000-0000-4000-8000-${String(++this.nonces).padStart(12, '0')}`;
    return { timeMs: this.exchanges.world.nowMs, validForMs: 1000, nonce };
  }

  /** The answer that comes at once; null = none does. */
  ask(
    call: PrivateCall,
    { credentials = this.account.credentials, moment = this.moment() }: Signer = {},
  ): ExchangeAnswer | null {
    const { method, path, headers, body } = this.orders.sign(call, credentials, moment);
    const answer = this.face.respond({ method, url: path, headers: lowerCase(headers), body: body ?? '' });
    if ('kind' in answer) return null;
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body) };
  }

  /** A limit IOC order through the first `levels` of the other side, for twice of what is there. */
  ticket(levels = 2, side: OrderTicket['side'] = 'buy'): OrderTicket {
    const { engine, listing } = this.exchanges.world.market(this.name, pairOf(this.name));
    const other = side === 'buy' ? 'sell' : 'buy';
    const shown = Array.from({ length: levels }, (_, at) => engine.level(other, at)!);
    return {
      clientOrderId: `order${++this.tickets}`,
      symbol: listing.symbol,
      side,
      quantity: plainText(listing.lot, shown.reduce((sum, level) => sum + level.lots, 0) * 2),
      limitPrice: plainText(listing.tick, shown.at(-1)!.priceTicks),
    };
  }

  /** Null = no answer. */
  place(ticket: OrderTicket, signer: Signer = {}): PlaceAnswer | null {
    const answer = this.ask(this.orders.place(ticket), signer);
    return answer === null ? null : this.orders.parsePlace(answer, ticket);
  }

  /** What each of the look-ups says, through all of its pages. */
  lookUp(reference: OrderReference) {
    return this.orders.lookups(reference).map((call, at) => {
      let read: OrderAnswer | null = { kind: 'more', next: call };
      while (read?.kind === 'more') {
        const answer: ExchangeAnswer | null = this.ask(read.next);
        read = answer === null ? null : this.orders.parseLookup(answer, reference, at);
      }
      return read;
    });
  }

  /** All rows, page by page. Throws for everything else. */
  all<Row>(first: PrivateCall, parse: (answer: ExchangeAnswer, call: PrivateCall) => RowsAnswer<Row>): Row[] {
    const rows: Row[] = [];
    const calls = [first];
    for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
      const answer = this.ask(call);
      const read = answer === null ? null : parse(answer, call);
      if (read?.kind !== 'rows') throw new Error(`${call.path}: ${JSON.stringify(read)}`);
      rows.push(...read.rows);
      calls.push(...read.next);
    }
    return rows;
  }

  fills(symbol: string, exchangeOrderId: string | null = null) {
    const query = { symbol, sinceMs: this.exchanges.world.nowMs - 60_000, exchangeOrderId };
    return this.all(this.orders.fills(query), (answer, call) => this.orders.parseFills(answer, query, call));
  }

  /** The path of the next connection: the stream's own, or that of a ticket. */
  private address(): string {
    const { endpoints } = this.connector;
    const { ticket, url } = this.orders.stream;
    const answer = ticket === undefined ? null : this.ask(ticket.call);
    if (ticket !== undefined && answer === null) throw new Error('no ticket');
    const { pathname, search } = new URL(
      answer === null ? url(endpoints) : ticket!.addressOf(answer, this.moment().nonce, endpoints),
    );
    return pathname + search;
  }

  /** Opens the private stream, logs in and subscribes, as the line of a gateway does. `hear` reads what has come since. */
  listen(): { readonly sink: CollectingSink; hear(): void } {
    const { stream } = this.orders;
    const { credentials } = this.account;
    const transport = new MemoryTransport();
    const headers = lowerCase(stream.handshakeHeaders(credentials, this.moment()));
    const id = this.face.onConnect(transport, this.address(), headers);
    if (typeof id !== 'number') throw new Error(`refused with ${id.status}`);
    for (const text of stream.login(credentials, this.moment())) this.face.onClientFrame(id, text);
    const sink = new CollectingSink();
    const hear = () => {
      for (const frame of transport.take()) stream.decode(Buffer.from(frame), sink);
    };
    if (!stream.isOpenAuthorised) hear();
    if (stream.isOpenAuthorised || sink.told.includes('authorised'))
      for (const text of stream.subscribe([])) this.face.onClientFrame(id, text);
    this.exchanges.run(1000);
    hear();
    return { sink, hear };
  }
}

export interface Signer {
  readonly credentials?: Credentials;
  readonly moment?: SigningMoment;
}
