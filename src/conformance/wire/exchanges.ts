import type { Connector, FrameHeader } from '../../connectors/base.js';
import { bithumb } from '../../connectors/bithumb.js';
import { binance, type BinanceOptions } from '../../connectors/binance.js';
import { bitget } from '../../connectors/bitget.js';
import type { BitgetBookChannel } from '../../connectors/bitget-terms.js';
import { bybit, type BybitOptions } from '../../connectors/bybit.js';
import { gate, type GateBookChannel } from '../../connectors/gate.js';
import { kucoin, type KucoinBookChannel } from '../../connectors/kucoin.js';
import { okx, type OkxBookChannel } from '../../connectors/okx.js';
import { upbit } from '../../connectors/upbit.js';

/** What the answers of one exchange are keyed by, and how its connector is set to the channels of a capture. */
export interface WireExchange {
  readonly exchange: string;
  connector(depthChannel: string | null, tradeChannel: string | null): Connector;
  bookKey(symbol: string, channel: string): string;
  frameKey(header: FrameHeader): string;
  /** The market of recorded REST books; absent = `BTCUSDT`, or not named in them. */
  readonly restSymbol?: string;
}

const WIRE_EXCHANGES: readonly WireExchange[] = [
  {
    exchange: 'binance',
    connector: (depth, trades) =>
      binance({
        ...(depth !== null && { depthStream: depth as NonNullable<BinanceOptions['depthStream']> }),
        ...(trades !== null && { tradeStream: trades as NonNullable<BinanceOptions['tradeStream']> }),
      }),
    bookKey: (symbol) => symbol,
    frameKey: ({ category, channel, symbol }) =>
      category === 'control' ? '(control)' : `${channel}|${symbol}`,
  },
  {
    exchange: 'okx',
    connector: (depth) => okx(depth === null ? {} : { bookChannel: depth as OkxBookChannel }),
    bookKey: (symbol) => symbol,
    frameKey: ({ category, channel, symbol, detail }) =>
      `${channel}|${symbol}${category === 'control' ? ` (${detail})` : ''}`,
  },
  {
    exchange: 'bybit',
    connector: (depth) =>
      bybit(
        depth === null ? {} : { depth: Number(depth.split('.')[1]) as NonNullable<BybitOptions['depth']> },
      ),
    bookKey: (symbol, channel) => `${channel}.${symbol}`,
    frameKey: ({ category, channel, symbol, detail }) =>
      category === 'control' ? '(control)' : `${channel}.${symbol}|${detail}`,
  },
  {
    exchange: 'gate',
    connector: (depth) =>
      depth === null || depth.startsWith('spot.obu')
        ? gate({ depth: depth === 'spot.obu.50' ? 50 : 400 })
        : gate({ bookChannel: depth as GateBookChannel }),
    bookKey: (symbol) => symbol,
    frameKey: ({ category, channel, symbol, detail }) =>
      `${channel}|${symbol}${category === 'control' ? ` (${detail})` : ''}`,
  },
  {
    exchange: 'bitget',
    connector: (depth) =>
      bitget({ markets: 'all', ...(depth !== null && { bookChannel: depth as BitgetBookChannel }) }),
    bookKey: (symbol) => symbol,
    frameKey: ({ category, channel, symbol, detail }) =>
      `${channel}|${symbol}${category === 'control' ? ` (${detail})` : ''}`,
  },
  {
    exchange: 'kucoin',
    // Captures without a book are of the classic socket, whose single frames belong to its deltas.
    connector: (depth) =>
      kucoin({
        bookChannel: depth?.startsWith('obu')
          ? 'obu'
          : ((depth?.split('/')[2] ?? 'level2') as KucoinBookChannel),
      }),
    bookKey: (symbol) => symbol,
    frameKey: ({ category, channel, symbol, detail }) =>
      category === 'control' ? `(control) ${detail}` : `${channel}:${symbol}|${detail}`,
  },
  {
    exchange: 'upbit',
    connector: () => upbit(),
    bookKey: (symbol) => symbol,
    frameKey: streamKey,
    restSymbol: 'KRW-BTC',
  },
  { exchange: 'bithumb', connector: () => bithumb(), bookKey: (symbol) => symbol, frameKey: streamKey },
];

function streamKey({ category, channel, symbol, detail }: FrameHeader): string {
  return category === 'control' ? '(control)' : `${channel}|${symbol}|${detail}`;
}

/** null for an exchange whose connector is not built yet. */
export function wireExchange(exchange: string): WireExchange | null {
  return WIRE_EXCHANGES.find((candidate) => candidate.exchange === exchange) ?? null;
}
