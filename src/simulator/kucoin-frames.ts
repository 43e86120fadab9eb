import { plainText } from './exact-units.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';

/**
 * KuCoin's frames as text (PROTOCOLS §8; kucoin.com/docs-new). Numbers of prices and sizes are strings without trailing zeros on
 * both sockets; the classic socket has `type`, `topic`, `subject`, `data`, the Pro one has single letters and times in ns.
 */
type Sides = Pick<Ladder, 'bids' | 'asks'>;

/** One change of `level2`: 0 ticks = the book's number moved on and no level changed. */
export interface LevelChange {
  readonly side: 'bids' | 'asks';
  readonly priceTicks: number;
  readonly lots: number;
  readonly sequence: number;
}

export function kucoinLevels(listing: Listing, side: LadderSide): string {
  let out = '';
  for (let i = 0; i < side.prices.length; i++) {
    const price = plainText(listing.tick, side.prices[i]!);
    out += `${i === 0 ? '' : ','}["${price}","${plainText(listing.lot, side.lots[i]!)}"]`;
  }
  return `[${out}]`;
}

function message(topic: string, listing: Listing, subject: string, data: string): string {
  return `{"type":"message","topic":"${topic}:${listing.symbol}","subject":"${subject}","data":${data}}`;
}

/** `/market/level2`: changes, each with its own number. */
export function kucoinChanges(
  listing: Listing,
  changes: readonly LevelChange[],
  start: number,
  end: number,
  stampMs: number,
): string {
  const sideOf = (side: LevelChange['side']) =>
    changes
      .filter((change) => change.side === side)
      .map(({ priceTicks, lots, sequence }) => {
        const price = priceTicks === 0 ? '0' : plainText(listing.tick, priceTicks);
        return `["${price}","${plainText(listing.lot, lots)}","${sequence}"]`;
      })
      .join(',');
  const levels = `"changes":{"asks":[${sideOf('asks')}],"bids":[${sideOf('bids')}]}`;
  const range = `"sequenceEnd":${end},"sequenceStart":${start}`;
  const data = `{${levels},${range},"symbol":"${listing.symbol}","time":${stampMs}}`;
  return message('/market/level2', listing, 'trade.l2update', data);
}

/** `/spotMarket/level2Depth5` and `level2Depth50`: the whole book so far. */
export function kucoinDepth(listing: Listing, topic: string, sides: Sides, stampMs: number): string {
  const levels = `"asks":${kucoinLevels(listing, sides.asks)},"bids":${kucoinLevels(listing, sides.bids)}`;
  return message(topic, listing, 'level2', `{${levels},"timestamp":${stampMs}}`);
}

/** `/spotMarket/level1`: price and size of the best level, no list around them. */
export function kucoinLevelOne(listing: Listing, { bids, asks }: Sides, stampMs: number): string {
  const best = (side: LadderSide) =>
    side.prices.length === 0
      ? '[]'
      : `["${plainText(listing.tick, side.prices[0]!)}","${plainText(listing.lot, side.lots[0]!)}"]`;
  const data = `{"asks":${best(asks)},"bids":${best(bids)},"timestamp":${stampMs}}`;
  return message('/spotMarket/level1', listing, 'level1', data);
}

/** `/market/ticker`. Both sides must have a level. */
export function kucoinTicker(market: SimulatedMarket, sequence: number, stampMs: number): string {
  const { listing, statistics } = market;
  const { bids, asks } = market.ladder();
  const price = (ticks: number) => plainText(listing.tick, ticks);
  const size = (lots: number) => plainText(listing.lot, lots);
  const ask = `"bestAsk":"${price(asks.prices[0]!)}","bestAskSize":"${size(asks.lots[0]!)}"`;
  const bid = `"bestBid":"${price(bids.prices[0]!)}","bestBidSize":"${size(bids.lots[0]!)}"`;
  const last = `"price":"${price(statistics.lastTicks)}","sequence":"${sequence}"`;
  const data = `{${ask},${bid},${last},"size":"${size(statistics.lastLots)}","time":${stampMs}}`;
  return message('/market/ticker', listing, 'trade.ticker', data);
}

/** `/market/match`: one fill; its time is ns as text, and since 2024 its id is a number beyond 2^53 as text. */
export function kucoinMatch(listing: Listing, trade: EngineTrade, tradeId: string, stampMs: number): string {
  const data = {
    makerOrderId: orderId(trade.makerOrderId),
    price: plainText(listing.tick, trade.priceTicks),
    sequence: tradeId,
    side: trade.takerSide,
    size: plainText(listing.lot, trade.lots),
    symbol: listing.symbol,
    takerOrderId: orderId(trade.takerOrderId),
    time: `${stampMs}000000`,
    tradeId,
    type: 'match',
  };
  return message('/market/match', listing, 'trade.l3match', JSON.stringify(data));
}

function orderId(id: number): string {
  return `62fadde4${id.toString(16).padStart(16, '0')}`;
}

/** `/market/snapshot` of one market: among the figures of the day whether it trades. */
export function kucoinState(
  market: SimulatedMarket,
  sequence: number,
  stampMs: number,
  trading: boolean,
): string {
  const { listing, statistics } = market;
  const { bids, asks } = market.ladder();
  const price = (ticks: number) => Number(plainText(listing.tick, ticks));
  const volume = Number(plainText(listing.lot, statistics.volumeLots));
  const change = price(statistics.lastTicks) - price(statistics.openTicks);
  const ofTime = {
    changePrice: change,
    changeRate: 0,
    high: price(statistics.highTicks),
    low: price(statistics.lowTicks),
    open: price(statistics.openTicks),
    vol: volume,
    volValue: statistics.turnover,
  };
  const data = {
    averagePrice: price(statistics.openTicks),
    baseCurrency: listing.base,
    board: 1,
    buy: price(bids.prices[0] ?? 0),
    changePrice: change,
    changeRate: 0,
    close: price(statistics.lastTicks),
    datetime: stampMs,
    high: ofTime.high,
    lastTradedPrice: price(statistics.lastTicks),
    low: ofTime.low,
    makerCoefficient: 1,
    makerFeeRate: 0.001,
    marginTrade: true,
    mark: 0,
    market: 'USDS',
    marketChange1h: ofTime,
    marketChange24h: ofTime,
    marketChange4h: ofTime,
    markets: ['USDS'],
    open: ofTime.open,
    quoteCurrency: listing.quote,
    sell: price(asks.prices[0] ?? 0),
    sort: 100,
    symbol: listing.symbol,
    symbolCode: listing.symbol,
    takerCoefficient: 1,
    takerFeeRate: 0.001,
    trading,
    vol: volume,
    volValue: statistics.turnover,
  };
  return message(
    '/market/snapshot',
    listing,
    'trade.snapshot',
    `{"sequence":"${sequence}","data":${JSON.stringify(data)}}`,
  );
}

/** What every Pro push has: when it was sent, ns. */
export interface ProStamp {
  readonly pushNs: string;
  /** Of the matching engine. */
  readonly engineMs: number;
}

/** `obu` at any depth. The keys of snapshots and deltas come in different orders, as seen on the wire. */
export function kucoinObu(
  listing: Listing,
  depth: string,
  kind: 'snapshot' | 'delta',
  sides: Sides,
  range: { readonly first: number; readonly last: number },
  stamp: ProStamp,
): string {
  const levels = `"a":${kucoinLevels(listing, sides.asks)},"b":${kucoinLevels(listing, sides.bids)}`;
  const symbol = `"s":"${listing.symbol}"`;
  const last = `"C":${range.last}`;
  const rest = `"M":${stamp.engineMs}000000,"O":${range.first}`;
  const middle = kind === 'snapshot' ? `${symbol},${last}` : `${last},${symbol}`;
  const head = `"T":"obu.SPOT", "dp":"${depth}", "t":"${kind}", "P":${stamp.pushNs}`;
  return `{${head}, "d":{${levels},${middle},${rest}}}`;
}

/** `trade`: one fill. */
export function kucoinProTrade(
  listing: Listing,
  trade: EngineTrade,
  tradeId: string,
  stamp: ProStamp,
): string {
  const price = plainText(listing.tick, trade.priceTicks);
  const amount = `"S":"${trade.takerSide}","p":"${price}","q":"${plainText(listing.lot, trade.lots)}"`;
  const data = `{"E":${tradeId},"M":${stamp.engineMs}000000,${amount},"s":"${listing.symbol}","ti":"${tradeId}"}`;
  return `{"T":"trade.SPOT", "P":${stamp.pushNs}, "d":${data}}`;
}
