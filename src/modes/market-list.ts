import type { Connector, ListedMarket } from '../connectors/base.js';
import { curatedRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import type { ExchangeId, PairId } from '../messages/primitives.js';

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

/** Answers of an exchange about its markets. Structured-cloneable. */
export interface MarketAnswers {
  readonly list: Uint8Array;
  /** Where the list is not complete: who was asked about, and what was answered. */
  readonly asked: readonly string[] | null;
  readonly details: readonly Uint8Array[];
}

/** Reads the answer to `instruments`. @throws FrameError, or what the exchange answered in place of a list. */
export function readMarketList(
  connector: Connector,
  { list, asked, details }: MarketAnswers,
  wanted: WantedMarkets,
): MarketList {
  const all = connector.rest.parseInstruments(
    bufferOf(list),
    (exchange, base, quote) => curatedRegistry.resolveMarket(exchange, base, quote),
    details.map(bufferOf),
  );
  const { instruments } = all;
  // Nobody asked for the rules of the others.
  const refused = all.refused.filter(({ symbol }) => asked === null || asked.includes(symbol));
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

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Whether a market is wanted, before its rules are known. */
export function isWantedMarket(exchange: ExchangeId, market: ListedMarket, wanted: WantedMarkets): boolean {
  if (wanted.by === 'symbol') return wanted.symbols.includes(market.symbol);
  const { pair } = curatedRegistry.resolveMarket(exchange, market.baseTicker, market.quoteTicker);
  return wanted.pairs.includes(pair);
}
