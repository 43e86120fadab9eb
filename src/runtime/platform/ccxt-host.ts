import { errorText } from '../../messages/errors.js';
import type { CcxtExchange } from './ccxt-exchange.js';
import type { CcxtOrder, CcxtReport } from './ccxt-protocol.js';
import { CcxtSession, plainBook } from './ccxt-session.js';

/** HTTP statuses of ccxt's errors; anything else is 503. */
const STATUS: Readonly<Record<string, number>> = {
  NotSupported: 501,
  BadSymbol: 400,
  BadRequest: 400,
  RateLimitExceeded: 429,
  DDoSProtection: 429,
};
const ABNORMAL = 1006;
const BOOK_LEVELS = 50;

/** Everything of one exchange inside the thread: its lists, and the lines that are open. */
export class CcxtHost {
  private readonly make: () => Promise<CcxtExchange>;
  private readonly tell: (report: CcxtReport) => void;
  private readonly sessions = new Map<number, CcxtSession>();
  /** Closed while they were being opened. */
  private readonly abandoned = new Set<number>();
  private lists: Promise<CcxtExchange> | null = null;

  constructor(make: () => Promise<CcxtExchange>, tell: (report: CcxtReport) => void) {
    this.make = make;
    this.tell = tell;
  }

  /** Never throws. */
  handle(order: CcxtOrder): void {
    if (order.kind === 'request') return void this.answer(order.id, order.path);
    if (order.kind === 'open') return void this.open(order.session);
    const session = this.sessions.get(order.session);
    if (session === undefined) {
      if (order.kind === 'close') this.abandoned.add(order.session);
      return;
    }
    if (order.kind === 'send') session.request(order.text);
    else if (order.kind === 'taken') session.taken(order.key);
    else if (order.kind === 'ping') session.ping();
    else session.close(1000, 'closed by the node');
  }

  /** An error that escaped ccxt: nobody knows which line it belongs to. */
  fault(error: unknown): void {
    for (const session of [...this.sessions.values()])
      session.close(ABNORMAL, `an error escaped ccxt: ${errorText(error)}`);
  }

  private async open(id: number): Promise<void> {
    try {
      const { markets, currencies } = await this.loaded();
      const exchange = await this.make();
      exchange.setMarkets(markets, currencies);
      if (this.abandoned.delete(id))
        return this.told({ kind: 'closed', session: id, code: 1000, reason: '' });
      this.sessions.set(id, new CcxtSession(id, exchange, (report) => this.told(report)));
    } catch (error) {
      this.abandoned.delete(id);
      this.told({ kind: 'closed', session: id, code: ABNORMAL, reason: reasonOf(error).slice(0, 300) });
    }
  }

  private told(report: CcxtReport): void {
    if (report.kind === 'closed') this.sessions.delete(report.session);
    this.tell(report);
  }

  /** The exchange that answers requests; its lists are loaded once and lent to every line. */
  private loaded(): Promise<CcxtExchange> {
    this.lists ??= this.load().catch((error: unknown) => {
      this.lists = null;
      throw error;
    });
    return this.lists;
  }

  private async load(): Promise<CcxtExchange> {
    const exchange = await this.make();
    await exchange.loadMarkets();
    return exchange;
  }

  private async answer(id: number, path: string): Promise<void> {
    try {
      this.tell({ kind: 'answer', id, status: 200, body: JSON.stringify(await this.ask(path)) });
    } catch (error) {
      const status = STATUS[error instanceof Error ? error.name : ''] ?? 503;
      this.tell({
        kind: 'answer',
        id,
        status,
        body: JSON.stringify({ error: reasonOf(error).slice(0, 500) }),
      });
    }
  }

  private async ask(path: string): Promise<object> {
    const { pathname, searchParams } = new URL(path, 'ccxt://host');
    const exchange = await this.loaded();
    switch (pathname) {
      case '/markets':
        return marketList(exchange, (searchParams.get('codes') ?? '').split(','));
      case '/time':
        return { time: await exchange.fetchTime() };
      case '/book':
        return {
          count: 0,
          ...plainBook(await exchange.fetchOrderBook(searchParams.get('symbol') ?? '', BOOK_LEVELS)),
        };
      default:
        throw new Error(`there is no ${pathname}`);
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${errorText(error)}` : errorText(error);
}

/** Spot markets between the codes, with the members that the connector reads. */
function marketList({ precisionMode, markets }: CcxtExchange, codes: readonly string[]): object {
  const wanted = Object.values(markets).filter(
    ({ spot, base, quote }) =>
      spot === true && codes.includes(base as string) && codes.includes(quote as string),
  );
  return {
    precisionMode,
    markets: wanted.map(({ symbol, base, quote, active, precision, limits, taker, maker }) => ({
      symbol,
      base,
      quote,
      active,
      precision,
      limits,
      taker,
      maker,
    })),
  };
}
