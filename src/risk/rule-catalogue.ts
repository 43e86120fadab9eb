import type { RiskLimits } from './limits.js';

/** One rule of the gate, for people: `docs/risk.md` shows the same table, and a test compares both ways. */
export interface RuleText {
  /** As refusals name it. */
  readonly rule: string;
  /** Keys of `trading.config.ts` that set its limit; empty = it is not a matter of configuration. */
  readonly keys: readonly string[];
  readonly meaning: string;
  /** The limit of today; absent = it depends on what is judged. */
  readonly limit?: (limits: RiskLimits) => RuleLimit;
}

export interface RuleLimit {
  readonly limit: string;
  readonly unit: string;
}

const at = (limit: string | number, unit: string): RuleLimit => ({ limit: String(limit), unit });
const money = (limit: string, limits: RiskLimits): RuleLimit => at(limit, limits.reportingCurrency);

/** In the order in which they are asked. */
export const RULES: readonly RuleText[] = [
  { rule: 'LEG_SHAPE', keys: [], meaning: 'the legs belong together as the shape of the signal says' },
  { rule: 'SELF_TRADE', keys: [], meaning: 'no leg can meet another: other exchanges, or other markets' },
  { rule: 'KILL_SWITCH', keys: [], meaning: 'nothing that adds risk passes while it is engaged' },
  {
    rule: 'RISK_HOLD',
    keys: [],
    meaning: 'a part that money depends on is away: everywhere, or on one exchange or asset',
  },
  {
    rule: 'DAILY_LOSS',
    keys: ['limits.dailyLoss', 'dayBoundary'],
    meaning: 'what trading lost since the trading day began; then the day is over',
    limit: (limits) => money(limits.maxDailyLoss, limits),
  },
  {
    rule: 'DRAWDOWN',
    keys: ['limits.drawdown'],
    meaning: 'what trading stands below its peak; then a person has to look',
    limit: (limits) => money(limits.maxDrawdown, limits),
  },
  {
    rule: 'LOSS_STREAK',
    keys: ['limits.lossStreak'],
    meaning: 'losing arbitrages in a row; then a person has to look',
    limit: (limits) => at(limits.maxLossStreak, 'losses in a row'),
  },
  {
    rule: 'CIRCUIT_BREAKER',
    keys: ['limits.breaker'],
    meaning: 'the breaker of everything or of one of the exchanges is open',
  },
  { rule: 'NO_TRADE_WINDOW', keys: ['noTradeWindows'], meaning: 'no new trade in a window of the trader' },
  {
    rule: 'ORDER_RATE',
    keys: ['limits.ordersPerSecond', 'limits.ordersPerMinute'],
    meaning: 'orders approved within a second and a minute',
    limit: (limits) =>
      at(`${limits.maxOrdersPerSecond} and ${limits.maxOrdersPerMinute}`, 'orders per second and minute'),
  },
  { rule: 'DUPLICATE_SIGNAL', keys: [], meaning: 'a signal is judged once' },
  { rule: 'DUPLICATE_OPPORTUNITY', keys: [], meaning: 'one life of an opportunity is traded once' },
  { rule: 'POSITION_BUSY', keys: [], meaning: 'one trade of a position of a pair at a time' },
  { rule: 'SIGNAL_EXPIRED', keys: [], meaning: 'a signal is good until its own expiry' },
  { rule: 'IDENTITY_UNKNOWN', keys: [], meaning: 'only registered assets trade' },
  { rule: 'IDENTITY_MISMATCH', keys: [], meaning: 'both legs of a trade in one pair are that pair' },
  {
    rule: 'QUOTE_CURRENCY',
    keys: ['reportingCurrency'],
    meaning: 'limits are in the reporting currency, so trades are too',
  },
  { rule: 'UNIT_MULTIPLIER', keys: [], meaning: 'instruments counted in packs are watched only' },
  {
    rule: 'FEE_COIN',
    keys: ['exchanges.<id>.feeMode', 'exchanges.<id>.feeCoin'],
    meaning: 'a fee in a third coin needs its price and enough of it there',
  },
  { rule: 'INSTRUMENT_STATE', keys: [], meaning: 'only what its exchange calls trading' },
  {
    rule: 'BOOK_OPAQUE',
    keys: ['exchanges.<id>.ccxt.acceptOpaqueBooks'],
    meaning: 'books that nothing proves complete',
  },
  { rule: 'BOOK_UNTRUSTED', keys: [], meaning: 'both books are trusted now' },
  { rule: 'BOOK_RESYNCED', keys: [], meaning: 'both books are those that the signal was computed from' },
  {
    rule: 'BOOK_AGE',
    keys: ['limits.bookAgeMaxMs'],
    meaning: 'connection silence plus transit lag',
    limit: (limits) => at(limits.maxBookAgeMs, 'ms'),
  },
  {
    rule: 'BOOK_UNCHANGED',
    keys: ['limits.unchangedMaxMs'],
    meaning: 'time since the book last changed',
    limit: (limits) => at(limits.maxUnchangedMs, 'ms'),
  },
  {
    rule: 'CLOCK_SKEW',
    keys: ['limits.clockSkewMaxMs'],
    meaning: 'clocks of exchanges whose signed requests expire',
    limit: (limits) => at(limits.maxClockSkewMs, 'ms'),
  },
  {
    rule: 'TOO_GOOD',
    keys: ['edge.tooGoodToBeTrueBps'],
    meaning: 'an edge this large is taken for wrong data',
    limit: (limits) => at(limits.maxGrossEdgeBps, 'bps'),
  },
  {
    rule: 'FLASH_VELOCITY',
    keys: ['limits.flash.windowMs', 'limits.flash.moveBps', 'limits.flash.holdMs'],
    meaning: 'the price fell or rose this far within seconds',
    limit: ({ flash }) => at(flash.move, `in ${flash.windowMs} ms`),
  },
  {
    rule: 'FLASH_RETURN',
    keys: ['limits.flash.returnScore', 'limits.flash.returnFloorBps'],
    meaning: 'the last return against the usual ones',
    limit: ({ flash }) => at(flash.returnScore, 'standard deviations'),
  },
  {
    rule: 'FLASH_BAND',
    keys: ['limits.flash.bandBps'],
    meaning: 'at or outside the band around the slow reference price',
    limit: ({ flash }) => at(flash.band, 'of reference'),
  },
  {
    rule: 'FLASH_DEVIATION',
    keys: ['limits.flash.deviationBps'],
    meaning: 'away from the median of all exchanges; needs three',
    limit: ({ flash }) => at(flash.deviation, 'of median'),
  },
  {
    rule: 'FLASH_DEPTH',
    keys: ['limits.flash.depthRatio'],
    meaning: 'the depth against the usual one',
    limit: ({ flash }) => at(flash.depthRatio, 'of usual depth'),
  },
  {
    rule: 'NET_EDGE',
    keys: ['edge.minNetEdgeBps'],
    meaning: 'net edge over the notional',
    limit: (limits) => at(limits.minNetEdgeBps, 'bps'),
  },
  { rule: 'NET_PARTS', keys: [], meaning: 'the parts of the edge add up to the net they claim' },
  {
    rule: 'NET_PROFIT',
    keys: ['edge.minNetProfit'],
    meaning: 'net profit of the whole trade, in the quote asset',
    limit: (limits) => money(limits.minNetProfit, limits),
  },
  {
    rule: 'TRADE_MINIMUM',
    keys: ['sizes.minNotional'],
    meaning: 'least size of a trade, after shrinking too',
    limit: (limits) => money(limits.minTradeNotional, limits),
  },
  { rule: 'PRICE_TICK', keys: [], meaning: 'the exchange’s own rule for prices' },
  { rule: 'LOT_SIZE', keys: [], meaning: 'the exchange’s own rule for quantities' },
  { rule: 'MIN_QUANTITY', keys: [], meaning: 'the exchange’s least quantity' },
  { rule: 'MAX_QUANTITY', keys: [], meaning: 'the exchange’s largest quantity' },
  { rule: 'MIN_NOTIONAL', keys: [], meaning: 'the exchange’s least value of an order' },
  {
    rule: 'INVENTORY',
    keys: ['exchanges.<id>.reserve.<ASSET>'],
    meaning: 'what is held above the reserve and above what is promised',
  },
  {
    rule: 'ORDER_EXPOSURE',
    keys: ['limits.orderNotional'],
    meaning: 'value of one order at its limit price',
    limit: (limits) => money(limits.maxOrderNotional, limits),
  },
  {
    rule: 'BREAKER_PROBE',
    keys: ['limits.breaker.probeSize'],
    meaning: 'while a breaker is half open orders are this small',
    limit: (limits) => at(limits.breaker.probeSizeFactor, 'of ORDER_EXPOSURE'),
  },
  {
    rule: 'EXCHANGE_HEALTH',
    keys: ['limits.health'],
    meaning: 'orders on an exchange in poor health are smaller, then none',
    limit: ({ health }) => at(`${health.full} to ${health.cutOff}`, 'score'),
  },
  {
    rule: 'STRATEGY_EXPOSURE',
    keys: ['limits.strategyNotional', 'limits.strategyNotionalBy.<strategy>'],
    meaning: 'what one strategy has in flight at worst',
    limit: (limits) => money(limits.maxStrategyExposure, limits),
  },
  {
    rule: 'ASSET_EXPOSURE',
    keys: ['limits.assetNotional', 'assets.<ASSET>.maxExposure'],
    meaning: 'holdings − baseline with everything in flight at its worst',
    limit: (limits) => money(limits.maxAssetExposure, limits),
  },
  {
    rule: 'EXCHANGE_EXPOSURE',
    keys: ['limits.exchangeNotional', 'limits.exchangeNotionalBy.<id>'],
    meaning: 'everything held on one exchange or on its way there',
    limit: (limits) => money(limits.maxExchangeHoldings, limits),
  },
  {
    rule: 'TOTAL_EXPOSURE',
    keys: ['limits.totalNotional'],
    meaning: 'trading exposure over all assets at its worst',
    limit: (limits) => money(limits.maxTotalExposure, limits),
  },
  {
    rule: 'BRIDGE_EXPOSURE',
    keys: ['limits.bridgeNotional'],
    meaning: 'KRW against what is held on purpose, where it is converted in batches',
    limit: (limits) => money(limits.maxBridgeExposure ?? '0', limits),
  },
  { rule: 'MARK_UNKNOWN', keys: [], meaning: 'a limit in money cannot be judged without a price' },
  {
    rule: 'IN_FLIGHT',
    keys: [],
    meaning: 'arbitrages at the same time',
    limit: (limits) => at(limits.maxReservations, 'arbitrages'),
  },
];
