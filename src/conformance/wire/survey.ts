import type { BestQuoteEvent, FrameSink } from '../../connectors/base.js';
import { FrameError } from '../../connectors/frame-error.js';
import { plainText } from '../../connectors/level-texts.js';
import type { Capture } from './capture-file.js';
import type { WireExchange } from './exchanges.js';

export interface Quote {
  readonly order: number;
  readonly top: string;
}

/** What a capture contains. */
export interface Contents {
  /** Book channel → symbol → how many frames. */
  readonly symbols: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly tradeChannel: string | null;
  readonly tradeSymbols: ReadonlySet<string>;
  readonly quotes: ReadonlyMap<string, readonly Quote[]>;
  readonly frameCounts: Readonly<Record<string, number>>;
  readonly invalid: number;
}

/** First pass: which channels and symbols there are, and every best quote. */
export function survey(capture: Capture, wire: WireExchange): Contents {
  const symbols = new Map<string, Map<string, number>>();
  const quotes = new Map<string, Quote[]>();
  const tradeSymbols = new Set<string>();
  const frameCounts: Record<string, number> = {};
  let tradeChannel: string | null = null;
  let invalid = 0;
  const sink: FrameSink = {
    book: ({ channel, symbol }) => {
      const known = symbols.get(channel) ?? new Map<string, number>();
      symbols.set(channel, known.set(symbol, (known.get(symbol) ?? 0) + 1));
    },
    bestQuote: (event) => {
      const known = quotes.get(event.symbol) ?? [];
      known.push({ order: event.order, top: topOf(event) });
      quotes.set(event.symbol, known);
    },
    trade: ({ channel, symbol }) => {
      tradeChannel ??= channel;
      tradeSymbols.add(symbol);
    },
    instrumentState: () => undefined,
    control: () => undefined,
  };
  const connector = wire.connector(null, null);
  for (const frame of capture.frames) {
    try {
      const key = wire.frameKey(connector.decode(frame, sink));
      frameCounts[key] = (frameCounts[key] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      invalid++;
    }
  }
  for (const known of quotes.values()) known.sort((a, b) => a.order - b.order);
  return { symbols, tradeChannel, tradeSymbols, quotes, frameCounts, invalid };
}

function topOf(event: BestQuoteEvent): string {
  return [event.bid, event.bidSize, event.ask, event.askSize].map(plainText).join(',');
}
