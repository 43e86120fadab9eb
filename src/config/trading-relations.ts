import { Decimal } from 'decimal.js';
import { feeTierNames } from '../market/fee-tiers.js';
import { CONNECTED_EXCHANGES, hasConnector } from './exchanges.js';
import type { ConfigProblem } from './problems.js';
import type { PairConfig, TradingConfig } from './trading.js';

/** Relations between values of `trading.config.ts`. Each is a rule a reader can quote; all of them run, so that all problems show at once. */

type Found = Omit<ConfigProblem, 'source'>;
type Refuse = (key: string, message: string) => void;

const above = (a: string, b: string): boolean => new Decimal(a).greaterThan(b);

/** BASE and QUOTE of a pair id. */
export function assetsOfPair(pair: string): { base: string; quote: string } {
  const [base = '', quote = ''] = pair.split('-');
  return { base, quote };
}

export function tradingRelations(config: TradingConfig): Found[] {
  const found: Found[] = [];
  const refuse: Refuse = (key, message) => void found.push({ key, message });
  checkPairs(config, refuse);
  checkDirections(config, refuse);
  checkExchanges(config, refuse);
  checkEdgeAndSizes(config, refuse);
  checkTransfers(config, refuse);
  checkLimits(config, refuse);
  checkTriangular(config, refuse);
  checkStatistical(config, refuse);
  checkBridge(config, refuse);
  checkBlacklist(config, refuse);
  checkTimes(config, refuse);
  checkReportingAsset(config, refuse);
  return found;
}

function checkPairs(config: TradingConfig, refuse: Refuse): void {
  const seen = new Set<string>();
  config.pairs.forEach((entry, index) => {
    const key = `pairs[${index}].pair`;
    const { base, quote } = assetsOfPair(entry.pair);
    if (seen.has(entry.pair)) refuse(key, 'this pair is listed twice');
    seen.add(entry.pair);
    if (base === quote) refuse(key, 'base and quote are the same asset');
    if (!Object.hasOwn(config.assets, base)) refuse(key, `its base asset is not in assets`);
    if (!Object.hasOwn(config.assets, quote)) refuse(key, `its quote asset is not in assets`);
    if (entry.enabled && entry.trade && quote !== config.reportingCurrency)
      checkOtherQuote(config, entry, refuse, index);
    if (!entry.trade && entry.directions !== 'all')
      refuse(`pairs[${index}].directions`, 'a pair that is only followed has none');
    if (!entry.trade && entry.maxNotional !== undefined)
      refuse(`pairs[${index}].maxNotional`, 'a pair that is only followed has no sizes');
    if (entry.maxNotional !== undefined && above(config.sizes.minNotional, entry.maxNotional))
      refuse(`pairs[${index}].maxNotional`, 'below sizes.minNotional');
    if (entry.maxNotional !== undefined && above(entry.maxNotional, config.limits.orderNotional))
      refuse(`pairs[${index}].maxNotional`, 'above limits.orderNotional');
  });
  if (!Object.hasOwn(config.assets, config.reportingCurrency))
    refuse('reportingCurrency', 'is not in assets');
  if (!config.pairs.some((entry) => entry.enabled && !isPairBlack(config, entry.pair)))
    refuse('pairs', 'no pair is enabled and not blacklisted');
}

const hasCycles = ({ strategies }: TradingConfig): boolean => strategies.triangular !== 'off';

/** Another quote is traded in cycles, by limits of its own, or through the bridge; nothing else knows what it is worth. */
function checkOtherQuote(
  config: TradingConfig,
  { pair, maxNotional }: PairConfig,
  refuse: Refuse,
  index: number,
): void {
  const { quote } = assetsOfPair(pair);
  if (hasCycles(config)) return;
  if (config.bridge === 'none' && !Object.hasOwn(config.quotes, quote))
    refuse(
      `pairs[${index}].pair`,
      `not quoted in the reporting currency: it is followed with trade: false, and traded in cycles, over a bridge or by quotes.${quote}`,
    );
  if (maxNotional !== undefined)
    refuse(
      `pairs[${index}].maxNotional`,
      `has no effect: what is quoted in ${quote} goes by quotes.${quote}`,
    );
}

function checkBridge(config: TradingConfig, refuse: Refuse): void {
  const { bridge, reportingCurrency, quotes, fxRates, assets } = config;
  const isConverted = config.pairs.some(
    ({ pair, enabled, trade }) =>
      enabled && trade && assetsOfPair(pair).base === reportingCurrency && !isPairBlack(config, pair),
  );
  if (bridge !== 'none' && !isConverted)
    refuse('bridge', `no pair ${reportingCurrency}-… is traded, so that nothing could be converted`);
  for (const [quote, { minNotional, maxNotional }] of Object.entries(quotes)) {
    if (!Object.hasOwn(assets, quote)) refuse(`quotes.${quote}`, 'this asset is not in assets');
    if (quote === reportingCurrency)
      refuse(`quotes.${quote}`, 'the reporting currency goes by edge and sizes');
    if (above(minNotional, maxNotional)) refuse(`quotes.${quote}.minNotional`, 'above maxNotional');
  }
  for (const [currency, { rate, at, url }] of Object.entries(fxRates)) {
    if (!Object.hasOwn(assets, currency)) refuse(`fxRates.${currency}`, 'this asset is not in assets');
    if ((rate === undefined) === (url === undefined))
      refuse(`fxRates.${currency}`, 'needs a rate or a url, and not both');
    if (at !== undefined && rate === undefined)
      refuse(`fxRates.${currency}.at`, 'has an effect only with a rate: an answer says its own time');
  }
}

const isPairBlack = ({ blacklist }: TradingConfig, pair: string): boolean =>
  blacklist.pairs.includes(pair) ||
  Object.values(assetsOfPair(pair)).some((a) => blacklist.assets.includes(a));

const isInUse = ({ exchanges, blacklist }: TradingConfig, name: string): boolean =>
  exchanges[name]?.enabled === true && !blacklist.exchanges.includes(name);

function checkDirections(config: TradingConfig, refuse: Refuse): void {
  config.pairs.forEach((entry, index) => {
    if (entry.directions === 'all') return;
    const seen = new Set<string>();
    entry.directions.forEach(({ buy, sell }, at) => {
      const key = `pairs[${index}].directions[${at}]`;
      if (buy === sell) refuse(key, 'buys and sells on the same exchange');
      if (!Object.hasOwn(config.exchanges, buy)) refuse(`${key}.buy`, 'this exchange is not in exchanges');
      if (!Object.hasOwn(config.exchanges, sell)) refuse(`${key}.sell`, 'this exchange is not in exchanges');
      if (seen.has(`${buy}>${sell}`)) refuse(key, 'this direction is listed twice');
      seen.add(`${buy}>${sell}`);
    });
    if (
      entry.enabled &&
      !entry.directions.some(({ buy, sell }) => isInUse(config, buy) && isInUse(config, sell))
    )
      refuse(`pairs[${index}].directions`, 'none of them has both exchanges in use');
  });
}

function checkExchanges(config: TradingConfig, refuse: Refuse): void {
  for (const [name, exchange] of Object.entries(config.exchanges)) {
    const at = `exchanges.${name}`;
    if (exchange.enabled && !hasConnector(name) && exchange.ccxt === undefined)
      refuse(
        `${at}.enabled`,
        `there is no connector for it; enabled may be ${CONNECTED_EXCHANGES.join(', ')}, and others with ccxt`,
      );
    checkCcxt(config, name, refuse);
    checkFees(config, name, refuse);
    for (const asset of Object.keys(exchange.opening))
      if (!Object.hasOwn(config.assets, asset))
        refuse(`${at}.opening.${asset}`, 'this asset is not in assets');
    for (const [asset, reserve] of Object.entries(exchange.reserve)) {
      const opening = exchange.opening[asset] ?? '0';
      if (!Object.hasOwn(config.assets, asset))
        refuse(`${at}.reserve.${asset}`, 'this asset is not in assets');
      if (above(reserve, opening))
        refuse(`${at}.reserve.${asset}`, 'above the opening balance of this asset');
    }
    if (exchange.paperLatency.p99Ms < exchange.paperLatency.medianMs)
      refuse(`${at}.paperLatency.p99Ms`, 'below medianMs');
    const cash = exchange.opening[config.reportingCurrency] ?? '0';
    const limit = config.limits.exchangeNotionalBy[name] ?? config.limits.exchangeNotional;
    if (above(cash, limit))
      refuse(`${at}.opening.${config.reportingCurrency}`, 'above the limit of this exchange');
  }
  const inUse = Object.keys(config.exchanges).filter((name) => isInUse(config, name)).length;
  if (inUse < 2)
    refuse('exchanges', 'fewer than two are enabled and not blacklisted: there is nothing to compare');
}

function checkFees(config: TradingConfig, name: string, refuse: Refuse): void {
  const { feeMode, feeCoin, feeTier, withdrawFee } = config.exchanges[name]!;
  const at = `exchanges.${name}`;
  if (feeMode === 'third' && feeCoin === undefined)
    refuse(`${at}.feeCoin`, 'is missing: the fee mode third needs the coin that pays');
  if (feeCoin !== undefined) {
    if (feeMode !== 'third') refuse(`${at}.feeCoin`, 'only with the fee mode third');
    if (!Object.hasOwn(config.assets, feeCoin.asset))
      refuse(`${at}.feeCoin.asset`, 'this asset is not in assets');
    if (above(feeCoin.discount, '1')) refuse(`${at}.feeCoin.discount`, 'above 1');
  }
  if (feeTier !== undefined && !feeTierNames(name).includes(feeTier))
    refuse(`${at}.feeTier`, `no such tier: one of ${feeTierNames(name).join(', ')}`);
  for (const asset of Object.keys(withdrawFee))
    if (!Object.hasOwn(config.assets, asset))
      refuse(`${at}.withdrawFee.${asset}`, 'this asset is not in assets');
}

function checkTransfers({ transfers, sizes }: TradingConfig, refuse: Refuse): void {
  const { batchNotional, notionalPerDay } = transfers;
  if (batchNotional === undefined && notionalPerDay !== undefined)
    refuse('transfers.notionalPerDay', 'has no effect without transfers.batchNotional');
  if (batchNotional !== undefined && above(sizes.minNotional, batchNotional))
    refuse('transfers.batchNotional', 'below sizes.minNotional: a trade would pay more than one transfer');
}

function checkCcxt(config: TradingConfig, name: string, refuse: Refuse): void {
  const ccxt = config.exchanges[name]!.ccxt;
  if (ccxt === undefined) return;
  const at = `exchanges.${name}.ccxt`;
  if (hasConnector(name))
    refuse(at, 'ArBot has a connector of its own for this exchange, which checks its books');
  for (const [code, asset] of Object.entries(ccxt.assets))
    if (!Object.hasOwn(config.assets, asset)) refuse(`${at}.assets.${code}`, 'this asset is not in assets');
  if (!Object.values(ccxt.assets).includes(config.reportingCurrency))
    refuse(`${at}.assets`, 'none of them is the reporting currency, in which all pairs are quoted');
}

function checkEdgeAndSizes(config: TradingConfig, refuse: Refuse): void {
  const { edge, sizes, limits } = config;
  if (edge.minNetEdgeBps >= edge.tooGoodToBeTrueBps)
    refuse('edge.minNetEdgeBps', 'not below edge.tooGoodToBeTrueBps: every signal would be refused');
  if (edge.reportFloorBps >= edge.tooGoodToBeTrueBps)
    refuse('edge.reportFloorBps', 'not below edge.tooGoodToBeTrueBps');
  if (above(sizes.minNotional, sizes.maxNotional)) refuse('sizes.minNotional', 'above sizes.maxNotional');
  if (above(sizes.maxNotional, limits.orderNotional))
    refuse('sizes.maxNotional', 'above limits.orderNotional');
}

function checkLimits(config: TradingConfig, refuse: Refuse): void {
  const { limits } = config;
  if (above(limits.orderNotional, limits.assetNotional))
    refuse('limits.orderNotional', 'above limits.assetNotional');
  if (above(limits.orderNotional, limits.exchangeNotional))
    refuse('limits.orderNotional', 'above limits.exchangeNotional');
  if (above(limits.orderNotional, limits.totalNotional))
    refuse('limits.orderNotional', 'above limits.totalNotional');
  if (above(limits.assetNotional, limits.totalNotional))
    refuse('limits.assetNotional', 'above limits.totalNotional');
  for (const [name, limit] of Object.entries(limits.exchangeNotionalBy)) {
    const key = `limits.exchangeNotionalBy.${name}`;
    if (!Object.hasOwn(config.exchanges, name)) refuse(key, 'this exchange is not in exchanges');
    if (above(limit, limits.exchangeNotional)) refuse(key, 'above limits.exchangeNotional');
  }
  for (const [name, asset] of Object.entries(config.assets))
    if (asset.maxExposure !== undefined && above(asset.maxExposure, limits.totalNotional))
      refuse(`assets.${name}.maxExposure`, 'above limits.totalNotional');
  checkMoneyOfStrategies(limits, refuse);
  checkGuards(config, refuse);
  if (limits.clockSkewMaxMs >= limits.bookAgeMaxMs)
    refuse('limits.clockSkewMaxMs', 'not below limits.bookAgeMaxMs');
  if (limits.unchangedMaxMs < limits.bookAgeMaxMs)
    refuse('limits.unchangedMaxMs', 'below limits.bookAgeMaxMs');
}

function checkMoneyOfStrategies(limits: TradingConfig['limits'], refuse: Refuse): void {
  const ofEach = limits.strategyNotional ?? limits.totalNotional;
  if (above(ofEach, limits.totalNotional)) refuse('limits.strategyNotional', 'above limits.totalNotional');
  if (above(limits.orderNotional, ofEach)) refuse('limits.strategyNotional', 'below limits.orderNotional');
  for (const [name, limit] of Object.entries(limits.strategyNotionalBy))
    if (above(limit, ofEach)) refuse(`limits.strategyNotionalBy.${name}`, 'above limits.strategyNotional');
  if (above(limits.dailyLoss, limits.drawdown)) refuse('limits.dailyLoss', 'above limits.drawdown');
}

/** Guards that would never act, or always, are slips of the pen. */
function checkGuards({ limits, sizes }: TradingConfig, refuse: Refuse): void {
  const { breaker, health } = limits;
  if (limits.ordersPerSecond > limits.ordersPerMinute)
    refuse('limits.ordersPerSecond', 'above limits.ordersPerMinute');
  if (breaker.cooldownMs > breaker.maxCooldownMs)
    refuse('limits.breaker.cooldownMs', 'above limits.breaker.maxCooldownMs');
  const probe = new Decimal(limits.orderNotional).times(breaker.probeSize);
  if (probe.lessThan(sizes.minNotional))
    refuse(
      'limits.breaker.probeSize',
      'of limits.orderNotional is below sizes.minNotional: a breaker would never close by itself',
    );
  if (health.goodLatencyMs >= health.badLatencyMs)
    refuse('limits.health.goodLatencyMs', 'not below limits.health.badLatencyMs');
  if (health.cutOff >= health.full) refuse('limits.health.cutOff', 'not below limits.health.full');
}

/** The values of `edge` and `sizes` are in the reporting currency, and the gate asks for its own edge again. */
function checkTriangular(config: TradingConfig, refuse: Refuse): void {
  const { triangular, reportingCurrency, edge, sizes, limits } = config;
  for (const [asset, own] of Object.entries(triangular.startAssets)) {
    const at = `triangular.startAssets.${asset}`;
    if (!Object.hasOwn(config.assets, asset)) refuse(at, 'is not in assets');
    if (asset !== reportingCurrency && (own.minNetProfit === undefined || own.maxNotional === undefined))
      refuse(at, 'needs minNetProfit and maxNotional of its own: the others are in the reporting currency');
    if (asset !== reportingCurrency || own.maxNotional === undefined) continue;
    if (above(own.maxNotional, limits.orderNotional))
      refuse(`${at}.maxNotional`, 'above limits.orderNotional');
    if (above(sizes.minNotional, own.maxNotional)) refuse(`${at}.maxNotional`, 'below sizes.minNotional');
  }
  triangular.exchanges.forEach((name, at) => {
    if (!Object.hasOwn(config.exchanges, name)) refuse(`triangular.exchanges[${at}]`, 'is not in exchanges');
  });
  if (triangular.minNetEdgeBps === undefined) return;
  if (triangular.minNetEdgeBps < edge.minNetEdgeBps)
    refuse('triangular.minNetEdgeBps', 'below edge.minNetEdgeBps: the gate would refuse it');
  if (triangular.minNetEdgeBps >= edge.tooGoodToBeTrueBps)
    refuse('triangular.minNetEdgeBps', 'not below edge.tooGoodToBeTrueBps: every signal would be refused');
}

/** Values that would let nothing trade, or everything. */
function checkStatistical({ statistical, sizes, limits }: TradingConfig, refuse: Refuse): void {
  const at = (name: string) => `statistical.${name}`;
  const { exitZ, entryZ, stopZ, minHalfLifeBars, maxHalfLifeBars, windowBars, retestBars, maxNotional } =
    statistical;
  if (exitZ >= entryZ) refuse(at('exitZ'), 'not below statistical.entryZ');
  if (entryZ >= stopZ) refuse(at('entryZ'), 'not below statistical.stopZ');
  if (minHalfLifeBars >= maxHalfLifeBars)
    refuse(at('minHalfLifeBars'), 'not below statistical.maxHalfLifeBars');
  if (maxHalfLifeBars > windowBars / 2)
    refuse(at('maxHalfLifeBars'), 'above half of statistical.windowBars: no window shows such a return');
  if (retestBars > windowBars) refuse(at('retestBars'), 'above statistical.windowBars');
  if (maxNotional === undefined) return;
  if (above(maxNotional, limits.orderNotional)) refuse(at('maxNotional'), 'above limits.orderNotional');
  if (above(sizes.minNotional, maxNotional)) refuse(at('maxNotional'), 'below sizes.minNotional');
}

function checkBlacklist(config: TradingConfig, refuse: Refuse): void {
  // A name that exists nowhere is a slip of the pen that would leave the meant one tradeable.
  const pairs = new Set(config.pairs.map((entry) => entry.pair));
  config.blacklist.assets.forEach((name, at) => {
    if (!Object.hasOwn(config.assets, name)) refuse(`blacklist.assets[${at}]`, 'is not in assets');
    if (name === config.reportingCurrency) refuse(`blacklist.assets[${at}]`, 'is the reporting currency');
  });
  config.blacklist.pairs.forEach((name, at) => {
    if (!pairs.has(name)) refuse(`blacklist.pairs[${at}]`, 'is not in pairs');
  });
  config.blacklist.exchanges.forEach((name, at) => {
    if (!Object.hasOwn(config.exchanges, name)) refuse(`blacklist.exchanges[${at}]`, 'is not in exchanges');
  });
}

function checkTimes(config: TradingConfig, refuse: Refuse): void {
  config.noTradeWindows.forEach((window, index) => {
    if (window.from === window.to)
      refuse(`noTradeWindows[${index}].to`, 'equals from: use 00:00 to 24:00 for a whole day');
    if (new Set(window.days).size !== window.days.length)
      refuse(`noTradeWindows[${index}].days`, 'a day is named twice');
  });
}

/** The currency that exposure is measured in has none itself, so that limits on it would do nothing. */
function checkReportingAsset({ assets, reportingCurrency }: TradingConfig, refuse: Refuse): void {
  const own = Object.hasOwn(assets, reportingCurrency) ? assets[reportingCurrency] : undefined;
  for (const key of ['baseline', 'maxExposure'] as const)
    if (own?.[key] !== undefined)
      refuse(`assets.${reportingCurrency}.${key}`, 'the reporting currency has no exposure of its own');
}
