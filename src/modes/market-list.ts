import type { Connector } from '../connectors/base.js';
import { curatedRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import type { PairId } from '../messages/primitives.js';

/** Which markets of an exchange's list to keep. Structured-cloneable. */
export type WantedMarkets =
  | { readonly by: 'pair'; readonly pairs: readonly PairId[] }
  | { readonly by: 'symbol'; readonly symbols: readonly string[] };

/** What one list held. Structured-cloneable, and small however long the list was. */
export interface MarketList {
  readonly listed: number;
  readonly wanted: readonly Instrument[];
  readonly refusedCount: number;
  /** The first of them, for the log. */
  readonly refused: readonly { readonly symbol: string; readonly reason: string }[];
}

const SHOWN_REFUSALS = 20;

/** Reads the answer to `instruments`. @throws FrameError, or what the exchange answered in place of a list. */
export function readMarketList(connector: Connector, body: Buffer, wanted: WantedMarkets): MarketList {
  const { instruments, refused } = connector.rest.parseInstruments(body, (exchange, base, quote) =>
    curatedRegistry.resolveMarket(exchange, base, quote),
  );
  const isWanted =
    wanted.by === 'pair'
      ? ({ pair }: Instrument) => wanted.pairs.includes(pair)
      : ({ symbol }: Instrument) => wanted.symbols.includes(symbol);
  return {
    listed: instruments.length,
    wanted: instruments.filter(isWanted),
    refusedCount: refused.length,
    refused: refused.slice(0, SHOWN_REFUSALS),
  };
}
