import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BookEvent, Connector, FrameSink } from '../../connectors/base.js';
import { curatedRegistry } from '../../market/asset-registry.js';
import { ArbotError } from '../../messages/errors.js';
import { linesOf } from './capture-file.js';
import { wireExchange, type WireExchange } from './exchanges.js';
import { ORDER_READERS } from './order-readers.js';
import { Comparison, type FileReport } from './report.js';

/** Which recorded answers of spot market data ArBot reads, by the end of their name. */
const READERS: readonly {
  readonly names: RegExp;
  readonly read: (connector: Connector, body: Buffer, symbol: string) => boolean;
}[] = [
  {
    names:
      /\/(?:http_get_instruments_spot\w*\.json|exchange_info_response\.json|http_spot_market_exchange_info\.json|GetSpotSymbols\.txt|Spot\/ExchangeData\/GetSymbols\.txt)$/,
    read: (connector, body) => {
      const { instruments, refused } = connector.rest.parseInstruments(body, (exchange, base, quote) =>
        curatedRegistry.resolveMarket(exchange, base, quote),
      );
      // A documented market without its rules is refused by name; what counts is that every market was judged.
      return instruments.length + refused.length > 0;
    },
  },
  {
    names:
      /\/(?:http_get_order_?book\.json|Spot\/ExchangeData\/GetOrderBook\.txt|http_spot_market_depth\.json|GetAggregatedPartialOrderBook\.txt)$/,
    read: (connector, body, symbol) => {
      let levels = 0;
      const sink: FrameSink = {
        book: (event: BookEvent) => {
          levels = event.bids.count + event.asks.count;
        },
        bestQuote: () => undefined,
        trade: () => undefined,
        instrumentState: () => undefined,
        control: () => undefined,
      };
      connector.rest.parseDepth(body, symbol, sink);
      return levels > 0;
    },
  },
  {
    names: /^Kucoin\.Net.*\/ExchangeData\/GetAssets\.txt$/,
    read: (connector, body) => {
      const list = connector.rest.wallets?.parse(body, (exchange, ticker) =>
        curatedRegistry.resolve(exchange, ticker),
      );
      return list !== undefined && list.networks.length > 0 && list.refused.length === 0;
    },
  },
  {
    names: /Upbit\S+\/ExchangeData\/GetSymbolConfig\.txt$/,
    read: (connector, body) => {
      const details = connector.rest.instrumentDetails!;
      details.check(body);
      return details.markets(body).length > 0;
    },
  },
  {
    names: /\/(?:http_spot_market_time\.json|GetServerTime\.txt)$/,
    read: (connector, body) => connector.rest.parseServerTime(body, {}) > 0,
  },
  {
    names: /\/Spot\/ExchangeData\/GetAssets\.txt$/,
    read: ({ exchange, rest: { wallets } }, body) => {
      const list = wallets!.parse(body, (_, ticker) => curatedRegistry.resolve(exchange, ticker));
      return list.networks.length > 0 && list.refused.length === 0;
    },
  },
];

/** `{file,text}`: recorded and documented REST answers. Those of market data and order entry are read, the others are not used. */
export async function runRestFile(folder: string, file: string): Promise<FileReport> {
  const comparison = new Comparison();
  const exchange = /-(\w+)-rest-/.exec(basename(file))?.[1] ?? '';
  const wire = wireExchange(exchange);
  if (wire === null) {
    comparison.skip(file, `the connector of ${exchange} is not built yet`);
    return comparison.report(file, 'rest');
  }
  for (const line of linesOf(await readFile(join(folder, file)))) {
    const { file: name, text } = JSON.parse(line.toString('utf8')) as { file: string; text: string };
    const reader = READERS.find(({ names }) => names.test(name));
    if (reader === undefined) readOrderAnswer(comparison, wire, name, bodyOf(text));
    else
      comparison.same(
        name,
        'read',
        outcome(() => reader.read(wire.connector(null, null), bodyOf(text), wire.restSymbol ?? 'BTCUSDT')),
      );
  }
  return comparison.report(file, 'rest');
}

function readOrderAnswer(comparison: Comparison, wire: WireExchange, name: string, body: Buffer): void {
  const reader = ORDER_READERS.find(({ exchange, names }) => exchange === wire.exchange && names.test(name));
  const orders = wire.connector(null, null).orders;
  if (reader === undefined || orders === undefined) return comparison.note('notUsed');
  const read = reader.read(orders, { status: 200, headers: {}, body }, JSON.parse(body.toString('utf8')));
  comparison.same(name, reader.wanted, read.kind === 'unknown' ? read : read.kind);
}

function outcome(read: () => boolean): string {
  try {
    return read() ? 'read' : 'empty';
  } catch (error) {
    if (!(error instanceof ArbotError)) throw error;
    return error.message;
  }
}

/** Endpoint files begin with method, path and a flag, one line each. */
function bodyOf(text: string): Buffer {
  return Buffer.from(text.slice(Math.max(0, text.search(/[[{]/))));
}
