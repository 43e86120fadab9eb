import { z } from 'zod';
import * as p from '../messages/primitives.js';
import {
  amounts,
  bps,
  durationMs,
  endOfWindow,
  feeTierName,
  money,
  positiveMoney,
  timeOfDay,
} from './fields.js';

/** `trading.config.ts`: what a trader decides (TRADING §8). All money is decimal text in the reporting currency unless an asset is named. */

const asset = z.strictObject({
  /** What is held on purpose over all exchanges; exposure is measured from it (TRADING §1). Absent = the sum of the opening balances. */
  baseline: money.optional(),
  /** Trading exposure allowed in this asset, in the reporting currency; absent = `limits.assetNotional`. */
  maxExposure: positiveMoney.optional(),
});

const direction = z.strictObject({ buy: p.exchangeId, sell: p.exchangeId });

const pair = z.strictObject({
  pair: p.pairId,
  enabled: z.boolean().default(true),
  /** False = books, trades and states are followed and shown, and nothing is bought or sold. */
  trade: z.boolean().default(true),
  /** `all` = every enabled exchange against every other, both ways. */
  directions: z
    .union([z.literal('all'), z.array(direction).min(1).max(64)], 'must be "all" or a list of {buy, sell}')
    .default('all'),
  /** Both legs at once, or the thinner or slower exchange first and the other for what that has filled (TRADING §4). */
  legPolicy: z.enum(['concurrent', 'lead-follow']).default('concurrent'),
  /** Absent = `sizes.maxNotional`. */
  maxNotional: positiveMoney.optional(),
});

/** Latency of a simulated order, from sending to the matching engine; log-normal through these two points. */
const paperLatency = z.strictObject({
  medianMs: z.number().finite().min(0).max(60_000).default(15),
  p99Ms: z.number().finite().min(0).max(60_000).default(60),
});

/**
 * Reads an exchange by ccxt instead of a connector of ArBot's own. Nothing proves the books of such an exchange complete: what
 * is said here is the trader's own word.
 */
const ccxt = z.strictObject({
  /** ccxt's id of the exchange. */
  id: p.exchangeId,
  /** Which of ccxt's currency codes is which asset; only markets between these are followed. */
  assets: z.record(z.string().regex(/^[A-Za-z0-9.$_-]{1,32}$/, 'not a currency code'), p.assetId),
  /** True: trade on these books all the same. False: watch them only. */
  acceptOpaqueBooks: z.boolean().default(false),
});

/** A coin that fees are paid in instead of what is received, as BNB on Binance, and what is let off for it. */
const feeCoin = z.strictObject({
  asset: p.assetId,
  /** Share of the fee, 0…1. */
  discount: money,
});

const exchange = z.strictObject({
  enabled: z.boolean().default(true),
  ccxt: ccxt.optional(),
  /** The trader's own word; it wins over `feeTier`. Absent = the rate of the tier. */
  takerFeeBps: bps.max(1_000).optional(),
  /** Of the exchange's table of tiers (`src/market/fee-tiers.ts`); absent = its base tier. */
  feeTier: feeTierName.optional(),
  /** `account`: the account's own rates are asked for at the start, and the dearer of them and the above is charged. */
  feeSource: z.enum(['table', 'account']).default('table'),
  /** `third` needs `feeCoin`. */
  feeMode: p.feeMode.optional(),
  feeCoin: feeCoin.optional(),
  /** What the exchange takes of one withdrawal, in units of the asset; it wins over what the exchange itself says. */
  withdrawFee: amounts.default({}),
  paperLatency: paperLatency.prefault({}),
  /**
   * Arms the exchange's dead-man switch: it cancels everything when it is not heard of for so long, ms. Only for an account
   * that nobody else trades on. Absent = off.
   */
  deadManSwitchMs: z.number().int().min(10_000).max(120_000).optional(),
  /** Opening balances of paper trading, booked once in the ledger. */
  opening: amounts.default({}),
  /** Kept back per asset: only what is above it trades. */
  reserve: amounts.default({}),
});

const edge = z.strictObject({
  /** Net edge below which nothing trades. */
  minNetEdgeBps: bps.default(5),
  /** Net profit in the quote asset below which nothing trades. */
  minNetProfit: money.default('0.5'),
  /** Gross edge at or above which a signal is taken for wrong data. */
  tooGoodToBeTrueBps: bps.default(500),
  /** Of directions that nothing has been learned of, and of all where `latencyDecaySource` is `fixed`. */
  latencyDecayBps: bps.default(0),
  /** `learned`: what `arbot learn decay` has stored, direction by direction. */
  latencyDecaySource: z.enum(['fixed', 'learned']).default('fixed'),
  /** Amortised cost of moving inventory, per unit of notional; `transfers` comes on top. */
  transferCostBps: bps.default(0),
  /** How far a limit may go beyond the worst level needed, to be filled all the same; never more than half of the edge above the minimum. */
  limitSlackBps: bps.default(0),
  /** Gross edge from which an opportunity is shown at all. */
  reportFloorBps: bps.default(3),
});

/**
 * What bringing inventory back costs each trade (TRADING §3): one withdrawal of the base and one of the quote, shared by what is
 * traded until then.
 */
const transfers = z.strictObject({
  /** Value that is brought back at once, in the quote asset. Absent = no share is charged. */
  batchNotional: positiveMoney.optional(),
  /** It is brought back this often at least … */
  intervalHours: z.number().finite().min(0.1).max(8_760).default(24),
  /** … and this is what a direction trades in a day: batches that do not fill within the interval are smaller. Absent = they fill. */
  notionalPerDay: positiveMoney.optional(),
});

/** What holding the right coins on the right exchange is worth (TRADING §3). */
const inventory = z.strictObject({
  /** The most that a trade is credited for restoring its targets or charged for draining them, bps of notional; 0 = nothing. */
  priceBps: bps.max(1_000).default(0),
  /** `reserve`: where the way that would refill either side is closed or unknown, only what is above the reserve trades. */
  unrefillable: z.enum(['trade', 'reserve']).default('trade'),
  /** What exchanges said of their wallets longer ago counts as unknown. */
  walletAgeMaxMs: durationMs.default(600_000),
});

/** Of one trade. */
const sizes = z.strictObject({
  minNotional: money.default('10'),
  maxNotional: positiveMoney.default('5000'),
});

/** A circuit breaker stands before everything and before each exchange. */
const breaker = z.strictObject({
  /** Losing arbitrages in a row that open the one for everything. */
  lossesInRow: z.number().int().min(1).max(1_000).default(5),
  /** Share of failed orders within the window that opens the one of an exchange … */
  errorRate: z.number().min(0.01).max(1).default(0.5),
  /** … from so many orders on. */
  minOrders: z.number().int().min(1).max(1_000).default(6),
  windowMs: durationMs.default(60_000),
  cooldownMs: durationMs.default(60_000),
  /** What a failed probe multiplies the cool-down by, up to the largest. */
  backoffFactor: z.number().min(1).max(10).default(2),
  maxCooldownMs: durationMs.default(900_000),
  /** Successful probes that close it. */
  probes: z.number().int().min(1).max(100).default(2),
  /** Share of `orderNotional` that a probe may be worth. */
  probeSize: z.number().min(0.001).max(1).default(0.1),
  /** An answer that takes longer is a failed order. */
  slowOrderMs: durationMs.default(5_000),
});

/** Score 0…1 of an exchange, from failed orders, late answers and untrusted books. */
const health = z.strictObject({
  goodLatencyMs: durationMs.default(1_000),
  badLatencyMs: durationMs.default(5_000),
  /** From here on orders have their full size … */
  full: z.number().min(0).max(1).default(0.8),
  /** … and from here down none goes. */
  cutOff: z.number().min(0).max(1).default(0.3),
  halfLifeMs: durationMs.default(60_000),
});

/** From when a market is too wild to trade in. */
const flash = z.strictObject({
  windowMs: durationMs.default(5_000),
  moveBps: bps.min(1).default(500),
  returnScore: z.number().min(1).max(1_000).default(8),
  returnFloorBps: bps.min(1).default(50),
  bandBps: bps.min(1).default(1_000),
  deviationBps: bps.min(1).default(500),
  depthRatio: z.number().min(0).max(1).default(0.1),
  holdMs: durationMs.default(2_000),
});

const riskLimits = z.strictObject({
  orderNotional: positiveMoney.default('5000'),
  /** Trading exposure per asset. */
  assetNotional: positiveMoney.default('20000'),
  /** Everything held on one exchange (counterparty risk). */
  exchangeNotional: positiveMoney.default('2000000'),
  exchangeNotionalBy: z.record(p.exchangeId, positiveMoney).default({}),
  /** Trading exposure over all assets. */
  totalNotional: positiveMoney.default('50000'),
  /** With `bridge: inventory`: how far KRW may run away from what is held on purpose until it is converted. */
  bridgeNotional: positiveMoney.default('10000'),
  /** What one strategy may have in flight; absent = `totalNotional`. */
  strategyNotional: positiveMoney.optional(),
  strategyNotionalBy: z.partialRecord(p.strategy, positiveMoney).default({}),
  /** Loss of trading, without the revaluation of the baseline: today … */
  dailyLoss: positiveMoney.default('500'),
  /** … and below its peak. */
  drawdown: positiveMoney.default('1000'),
  /** Losing arbitrages in a row. */
  lossStreak: z.number().int().min(1).max(10_000).default(10),
  ordersPerSecond: z.number().int().min(2).max(10_000).default(20),
  ordersPerMinute: z.number().int().min(2).max(100_000).default(300),
  breaker: breaker.prefault({}),
  health: health.prefault({}),
  flash: flash.prefault({}),
  /** Book age (TRADING §2): connection silence plus transit lag. */
  bookAgeMaxMs: durationMs.default(1_000),
  /** Time since the book last changed; quiet pairs send nothing, so this is looser. */
  unchangedMaxMs: durationMs.default(60_000),
  clockSkewMaxMs: durationMs.default(250),
});

const noTradeWindow = z.strictObject({
  /** Begins then … */
  from: timeOfDay,
  /** … and ends before then; not after `from` = on the next day. */
  to: endOfWindow,
  timeZone: z.enum(['UTC', 'KST']).default('UTC'),
  /** Days on which it begins: 0 = Sunday; empty = every day. */
  days: z.array(z.number().int().min(0).max(6)).max(7).default([]),
  reason: z.string().max(60).default(''),
});

const blacklist = z.strictObject({
  assets: z.array(p.assetId).max(1_000).default([]),
  pairs: z.array(p.pairId).max(1_000).default([]),
  exchanges: z.array(p.exchangeId).max(64).default([]),
});

/** What becomes of what a detector finds: `trade` offers it to the gate, `watch` only shows it, `off` does not look. */
const strategyUse = z.enum(['trade', 'watch', 'off']);

const strategies = z.strictObject({
  spatial: strategyUse.default('trade'),
  triangular: strategyUse.default('off'),
  statistical: strategyUse.default('off'),
});

/** What a cycle may begin and end with; absent values are those of `edge` and `sizes`, which are in the reporting currency. */
const startAsset = z.strictObject({
  minNetProfit: money.optional(),
  maxNotional: positiveMoney.optional(),
});

/** Cycles of three trades on one exchange. */
const triangular = z.strictObject({
  /** In order of preference where a cycle passes several. Empty = the reporting currency. */
  startAssets: z.record(p.assetId, startAsset).default({}),
  /** The only exchanges looked at. Empty = all that are in use. */
  exchanges: z.array(p.exchangeId).max(64).default([]),
  /** Realised edge below which nothing trades; absent = `edge.minNetEdgeBps`. */
  minNetEdgeBps: bps.optional(),
  /** What the ages of a cycle's books may differ by. */
  bookAgeGapMaxMs: durationMs.default(500),
});

/** Pairs of markets whose prices return to each other. Lengths are in bars where nothing else is said. */
const statistical = z.strictObject({
  /** One mid of each market per bar; whole seconds. */
  barMs: z.number().int().min(1_000).max(3_600_000).multipleOf(1_000).default(60_000),
  /** What a test looks at; nothing is traded before that much is known. */
  windowBars: z.number().int().min(100).max(5_000).default(1_000),
  /** Between two tests of all candidates. */
  retestBars: z.number().int().min(5).max(5_000).default(60),
  /** Whether the two markets of a pair may be on two exchanges. */
  acrossExchanges: z.boolean().default(true),
  /** Two markets each that are tested; of more, those on one exchange stay. */
  maxCandidates: z.number().int().min(1).max(200).default(50),
  maxPositions: z.number().int().min(1).max(20).default(3),
  /** Share of chance finds among the finds. */
  falseDiscoveryRate: z.number().min(0.001).max(0.5).default(0.05),
  minHalfLifeBars: z.number().min(0.5).max(1_000).default(1),
  maxHalfLifeBars: z.number().min(1).max(5_000).default(200),
  /** Deviations of the spread from which a position is entered, left, and given up. */
  entryZ: z.number().min(0.5).max(10).default(2),
  exitZ: z.number().min(0).max(5).default(0.5),
  stopZ: z.number().min(1).max(20).default(4),
  /** Longest holding. */
  maxHoldHalfLives: z.number().min(0.5).max(100).default(4),
  /** Largest leg of an entry; absent = `sizes.maxNotional`. */
  maxNotional: positiveMoney.optional(),
});

/** Of trades that are quoted in another currency than the reporting one, in that currency: Upbit against Bithumb in KRW. */
const quoteLimits = z.strictObject({
  minNetProfit: money,
  minNotional: money.default('0'),
  maxNotional: positiveMoney,
});

/**
 * What a bank takes for a dollar, to show a premium against it; never traded on. Said here, or asked for at an address that answers a decimal, or
 * `{"rate": "1378.5", "at": "2026-11-27T06:00:00Z"}`.
 */
const fxRate = z.strictObject({
  rate: positiveMoney.optional(),
  /** When that rate was read; its age is shown. */
  at: z.iso.datetime({ offset: true }).optional(),
  url: z
    .string()
    .max(500)
    .regex(/^https?:\/\/[^\s@]+$/, 'must be an http or https address without a user')
    .optional(),
  everyMs: durationMs.min(10_000).default(60_000),
});

export const tradingSchema = z.strictObject({
  reportingCurrency: p.assetId.default('USDT'),
  /** Where a trading day begins. */
  dayBoundary: z.enum(['UTC', 'KST']).default('UTC'),
  assets: z.record(p.assetId, asset),
  pairs: z.array(pair).min(1).max(1_000),
  exchanges: z.record(p.exchangeId, exchange),
  strategies: strategies.prefault({}),
  triangular: triangular.prefault({}),
  statistical: statistical.prefault({}),
  edge: edge.prefault({}),
  inventory: inventory.prefault({}),
  transfers: transfers.prefault({}),
  sizes: sizes.prefault({}),
  limits: riskLimits.prefault({}),
  blacklist: blacklist.prefault({}),
  noTradeWindows: z.array(noTradeWindow).max(64).default([]),
  /**
   * Coins in KRW against the same coins in the reporting currency, through the USDT-KRW book of the same exchange (TRADING §3): `leg`
   * converts by a third order, `inventory` in batches.
   */
  bridge: z.enum(['none', 'leg', 'inventory']).default('none'),
  /** Absent for a currency = it is traded through the bridge at most. */
  quotes: z.record(p.assetId, quoteLimits).default({}),
  fxRates: z.record(p.assetId, fxRate).default({}),
});

export type TradingConfigInput = z.input<typeof tradingSchema>;
/** The checked file with every default filled in. */
export type TradingConfig = z.output<typeof tradingSchema>;
export type PairConfig = TradingConfig['pairs'][number];
export type ExchangeConfig = TradingConfig['exchanges'][string];

/** Types the object of `trading.config.ts`; returns it unchanged. */
export function defineTrading(config: TradingConfigInput): TradingConfigInput {
  return config;
}
