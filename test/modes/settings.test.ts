import t from 'tap';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import type { StartOptions } from '../../src/cli/options.js';
import { checkTrading, defineTrading, type TradingConfig } from '../../src/config/index.js';
import { clusterSchema } from '../../src/config/cluster.js';
import { tradingSchema } from '../../src/config/trading.js';
import { dayNumber } from '../../src/execution/portfolio.js';
import { openBuses } from '../../src/modes/bus.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { LearnedDecays } from '../../src/detectors/latency-decay.js';
import { WalletStatuses } from '../../src/market/wallet-statuses.js';
import { feeAskedOf, walletsAsked } from '../../src/modes/account-terms.js';
import {
  edgeTermsOf,
  needsHoldings,
  reservesOf,
  targetsOf,
  transferBatchOf,
  withdrawFeesOf,
} from '../../src/modes/edge-terms.js';
import {
  baselineOf,
  ccxtOf,
  dayBoundaryOffsetMs,
  deadManMsOf,
  enabledExchanges,
  enabledPairs,
  isPairAllowed,
  latencyOf,
  legPoliciesOf,
  openingsOf,
  riskLimitsOf,
  spatialParametersOf,
  triangularExchanges,
  triangularParametersOf,
  withConfiguredFee,
} from '../../src/modes/parameters.js';
import { looksForPairs, statisticalParametersOf } from '../../src/modes/branches/statistical.js';
import { retentionOf } from '../../src/modes/scheduling.js';
import { startNode } from '../../src/modes/start.js';
import { storeChoiceOf } from '../../src/modes/store-choice.js';
import { CryptoRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { leafKeys } from '../config/keys.js';
import { instrument } from '../risk/fixtures.js';
import { KeptLog } from '../runtime/harness.js';

/** A draft of a file: anything may be put anywhere. */
interface Draft {
  [key: string]: Draft;
}

function draft(): Draft {
  return structuredClone(
    defineTrading({
      assets: { BTC: {}, ETH: {}, USDT: {} },
      pairs: [{ pair: 'BTC-USDT' }, { pair: 'ETH-USDT' }],
      exchanges: {
        binance: { opening: { USDT: '1000', BTC: '1' } },
        okx: { opening: { USDT: '1000', BTC: '1' } },
        bybit: {},
      },
      edge: {},
      sizes: {},
      limits: {},
      blacklist: {},
      noTradeWindows: [{ from: '01:00', to: '02:00' }],
    }),
  ) as unknown as Draft;
}

/** Sets a value deep in a draft by its dotted key. */
function put(file: Draft, key: string, value: unknown): void {
  const path = key.split('.');
  let at = file as Record<string, unknown>;
  for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[path.at(-1)!] = value;
}

/** Everything that a stage is told by the trader's file. */
function told(trading: TradingConfig): string {
  const spatial = spatialParametersOf(trading, () => 0);
  const triangular = triangularParametersOf(trading, () => 0);
  const pairs = statisticalParametersOf(trading, () => 0);
  const exchanges = enabledExchanges(trading).map(([name]) => name);
  return JSON.stringify({
    triangular: { ...triangular, limits: [...triangular.limits], pairs: [...(triangular.pairs ?? [])] },
    cycles: triangularExchanges(trading),
    statistical: { ...pairs, isOn: looksForPairs(trading), limits: [...pairs.limits], pairs: null },
    spatial: { ...spatial, limits: [...spatial.limits], pairs: [...(spatial.pairs ?? [])] },
    risk: riskLimitsOf(trading, 'PAPER'),
    openings: openingsOf(trading),
    baseline: baselineOf(trading),
    exchanges,
    pairs: enabledPairs(trading).map(({ pair }) => pair),
    legs: [...legPoliciesOf(trading)],
    allowed: trading.pairs.map(({ pair }) => isPairAllowed(trading, pair)),
    latencies: exchanges.map((exchange) => latencyOf(trading, exchange)),
    deadMen: exchanges.map((exchange) => deadManMsOf(trading, exchange)),
    fees: exchanges.map((exchange) => withConfiguredFee(trading, instrument(exchange))),
    day: dayBoundaryOffsetMs(trading),
    currency: trading.reportingCurrency,
    targets: targetsOf(trading),
    reserves: reservesOf(trading),
    batch: transferBatchOf(trading),
    withdrawFees: [...withdrawFeesOf(trading)],
    asks: [needsHoldings(trading), feeAskedOf(trading), walletsAsked(trading)],
    edge: edgeOf(trading),
    behindCcxt: [...ccxtOf(trading).values()],
    banks: trading.fxRates,
  });
}

/** What a detector would be told of wallets that are ten minutes old, and of a loss that was learned. */
function edgeOf(trading: TradingConfig): unknown {
  const [wallets, decays] = [new WalletStatuses(), new LearnedDecays()];
  const open = { ticker: 'BTC', asset: 'BTC', identityKnown: true, network: 'BTC', minWithdraw: null };
  for (const exchange of ['okx', 'binance'])
    wallets.set(
      exchange,
      [{ exchange, ...open, canDeposit: true, canWithdraw: true, withdrawFee: '0.0002', confirmations: 1 }],
      0,
    );
  decays.set([
    { pair: 'BTC-USDT', buyOn: 'okx', sellOn: 'binance', bps: 3, meanBps: 2, samples: 99, latencyMs: 40 },
  ]);
  const terms = edgeTermsOf(trading, { wallets, decays, nowMs: () => 600_000 });
  return {
    limitBps: terms.inventory?.limitBps,
    way: terms.refillWay?.('BTC', 'okx', 'binance'),
    fee: terms.transfers?.withdrawFee('okx', 'BTC'),
    decay: terms.learnedDecayBps?.('BTC-USDT', 'okx', 'binance'),
  };
}

/** [key of the schema, where it is put, another value than the default] */
const EFFECTS: readonly (readonly [string, string, unknown])[] = [
  ['dayBoundary', 'dayBoundary', 'KST'],
  ['assets.*.baseline', 'assets.BTC.baseline', '3'],
  ['assets.*.maxExposure', 'assets.BTC.maxExposure', '700'],
  ['pairs[].pair', 'pairs.1.pair', 'BTC-ETH'],
  ['pairs[].enabled', 'pairs.1.enabled', false],
  ['pairs[].trade', 'pairs.1.trade', false],
  ['pairs[].directions', 'pairs.0.directions', [{ buy: 'okx', sell: 'binance' }]],
  ['pairs[].directions[].buy', 'pairs.0.directions', [{ buy: 'bybit', sell: 'binance' }]],
  ['pairs[].directions[].sell', 'pairs.0.directions', [{ buy: 'okx', sell: 'bybit' }]],
  ['pairs[].maxNotional', 'pairs.0.maxNotional', '70'],
  ['pairs[].legPolicy', 'pairs.0.legPolicy', 'lead-follow'],
  ['exchanges.*.enabled', 'exchanges.bybit.enabled', false],
  ['exchanges.*.ccxt.id', 'exchanges.kraken.ccxt.id', 'krakenfutures'],
  ['exchanges.*.ccxt.assets.*', 'exchanges.kraken.ccxt.assets.XBT', 'BTC'],
  ['exchanges.*.ccxt.acceptOpaqueBooks', 'exchanges.kraken.ccxt.acceptOpaqueBooks', true],
  ['exchanges.*.takerFeeBps', 'exchanges.okx.takerFeeBps', 7],
  ['exchanges.*.feeMode', 'exchanges.okx.feeMode', 'received'],
  ['exchanges.*.feeTier', 'exchanges.okx.feeTier', 'vip1'],
  ['exchanges.*.feeSource', 'exchanges.okx.feeSource', 'account'],
  ['exchanges.*.feeCoin.asset', 'exchanges.bybit.feeCoin.asset', 'BTC'],
  ['exchanges.*.feeCoin.discount', 'exchanges.bybit.feeCoin.discount', '0.25'],
  ['exchanges.*.withdrawFee.*', 'exchanges.okx.withdrawFee.BTC', '0.0007'],
  ['exchanges.*.paperLatency.medianMs', 'exchanges.okx.paperLatency.medianMs', 7],
  ['exchanges.*.paperLatency.p99Ms', 'exchanges.okx.paperLatency.p99Ms', 70],
  ['exchanges.*.deadManSwitchMs', 'exchanges.okx.deadManSwitchMs', 30_000],
  ['exchanges.*.opening.*', 'exchanges.okx.opening.BTC', '7'],
  ['exchanges.*.reserve.*', 'exchanges.okx.reserve.BTC', '0.7'],
  ['edge.minNetEdgeBps', 'edge.minNetEdgeBps', 7],
  ['edge.minNetProfit', 'edge.minNetProfit', '7'],
  ['edge.tooGoodToBeTrueBps', 'edge.tooGoodToBeTrueBps', 70],
  ['edge.latencyDecayBps', 'edge.latencyDecayBps', 7],
  ['edge.latencyDecaySource', 'edge.latencyDecaySource', 'learned'],
  ['edge.transferCostBps', 'edge.transferCostBps', 7],
  ['edge.limitSlackBps', 'edge.limitSlackBps', 7],
  ['edge.reportFloorBps', 'edge.reportFloorBps', 7],
  ['inventory.priceBps', 'inventory.priceBps', 7],
  ['inventory.unrefillable', 'inventory.unrefillable', 'reserve'],
  ['inventory.walletAgeMaxMs', 'inventory.walletAgeMaxMs', 700],
  ['transfers.batchNotional', 'transfers.batchNotional', '70000'],
  ['transfers.intervalHours', 'transfers.intervalHours', 7],
  ['transfers.notionalPerDay', 'transfers.notionalPerDay', '7000'],
  ['sizes.minNotional', 'sizes.minNotional', '70'],
  ['sizes.maxNotional', 'sizes.maxNotional', '70'],
  ['limits.orderNotional', 'limits.orderNotional', '7000'],
  ['limits.assetNotional', 'limits.assetNotional', '7000'],
  ['limits.exchangeNotional', 'limits.exchangeNotional', '7000'],
  ['limits.exchangeNotionalBy.*', 'limits.exchangeNotionalBy.okx', '7000'],
  ['limits.totalNotional', 'limits.totalNotional', '70000'],
  ['limits.strategyNotional', 'limits.strategyNotional', '7000'],
  ['limits.strategyNotionalBy.*', 'limits.strategyNotionalBy.spatial', '7000'],
  ['limits.dailyLoss', 'limits.dailyLoss', '70'],
  ['limits.drawdown', 'limits.drawdown', '700'],
  ['limits.lossStreak', 'limits.lossStreak', 7],
  ['limits.ordersPerSecond', 'limits.ordersPerSecond', 7],
  ['limits.ordersPerMinute', 'limits.ordersPerMinute', 70],
  ['limits.breaker.lossesInRow', 'limits.breaker.lossesInRow', 7],
  ['limits.breaker.errorRate', 'limits.breaker.errorRate', 0.7],
  ['limits.breaker.minOrders', 'limits.breaker.minOrders', 7],
  ['limits.breaker.windowMs', 'limits.breaker.windowMs', 7_000],
  ['limits.breaker.cooldownMs', 'limits.breaker.cooldownMs', 7_000],
  ['limits.breaker.backoffFactor', 'limits.breaker.backoffFactor', 7],
  ['limits.breaker.maxCooldownMs', 'limits.breaker.maxCooldownMs', 700_000],
  ['limits.breaker.probes', 'limits.breaker.probes', 7],
  ['limits.breaker.probeSize', 'limits.breaker.probeSize', 0.7],
  ['limits.breaker.slowOrderMs', 'limits.breaker.slowOrderMs', 700],
  ['limits.health.goodLatencyMs', 'limits.health.goodLatencyMs', 700],
  ['limits.health.badLatencyMs', 'limits.health.badLatencyMs', 7_000],
  ['limits.health.full', 'limits.health.full', 0.7],
  ['limits.health.cutOff', 'limits.health.cutOff', 0.07],
  ['limits.health.halfLifeMs', 'limits.health.halfLifeMs', 7_000],
  ['limits.flash.windowMs', 'limits.flash.windowMs', 7_000],
  ['limits.flash.moveBps', 'limits.flash.moveBps', 700],
  ['limits.flash.returnScore', 'limits.flash.returnScore', 7],
  ['limits.flash.returnFloorBps', 'limits.flash.returnFloorBps', 70],
  ['limits.flash.bandBps', 'limits.flash.bandBps', 700],
  ['limits.flash.deviationBps', 'limits.flash.deviationBps', 700],
  ['limits.flash.depthRatio', 'limits.flash.depthRatio', 0.7],
  ['limits.flash.holdMs', 'limits.flash.holdMs', 7_000],
  ['limits.bridgeNotional', 'limits.bridgeNotional', '7777'],
  ['limits.bookAgeMaxMs', 'limits.bookAgeMaxMs', 700],
  ['limits.unchangedMaxMs', 'limits.unchangedMaxMs', 7_000],
  ['limits.clockSkewMaxMs', 'limits.clockSkewMaxMs', 70],
  ['strategies.spatial', 'strategies.spatial', 'watch'],
  ['strategies.triangular', 'strategies.triangular', 'watch'],
  ['strategies.statistical', 'strategies.statistical', 'watch'],
  ['statistical.barMs', 'statistical.barMs', 7_000],
  ['statistical.windowBars', 'statistical.windowBars', 700],
  ['statistical.retestBars', 'statistical.retestBars', 7],
  ['statistical.acrossExchanges', 'statistical.acrossExchanges', false],
  ['statistical.maxCandidates', 'statistical.maxCandidates', 7],
  ['statistical.maxPositions', 'statistical.maxPositions', 7],
  ['statistical.falseDiscoveryRate', 'statistical.falseDiscoveryRate', 0.07],
  ['statistical.minHalfLifeBars', 'statistical.minHalfLifeBars', 7],
  ['statistical.maxHalfLifeBars', 'statistical.maxHalfLifeBars', 70],
  ['statistical.entryZ', 'statistical.entryZ', 2.7],
  ['statistical.exitZ', 'statistical.exitZ', 0.7],
  ['statistical.stopZ', 'statistical.stopZ', 7],
  ['statistical.maxHoldHalfLives', 'statistical.maxHoldHalfLives', 7],
  ['statistical.maxNotional', 'statistical.maxNotional', '70'],
  ['triangular.startAssets.*.minNetProfit', 'triangular.startAssets.USDT.minNetProfit', '7'],
  ['triangular.startAssets.*.maxNotional', 'triangular.startAssets.USDT.maxNotional', '70'],
  ['triangular.exchanges', 'triangular.exchanges', ['okx']],
  ['triangular.minNetEdgeBps', 'triangular.minNetEdgeBps', 7],
  ['triangular.bookAgeGapMaxMs', 'triangular.bookAgeGapMaxMs', 70],
  ['blacklist.assets', 'blacklist.assets', ['ETH']],
  ['blacklist.pairs', 'blacklist.pairs', ['ETH-USDT']],
  ['blacklist.exchanges', 'blacklist.exchanges', ['bybit']],
  ['noTradeWindows[].from', 'noTradeWindows.0.from', '01:30'],
  ['noTradeWindows[].to', 'noTradeWindows.0.to', '01:30'],
  ['noTradeWindows[].timeZone', 'noTradeWindows.0.timeZone', 'KST'],
  ['noTradeWindows[].days', 'noTradeWindows.0.days', [6]],
  ['noTradeWindows[].reason', 'noTradeWindows.0.reason', 'maintenance'],
  ['bridge', 'bridge', 'inventory'],
  ['quotes.*.minNetProfit', 'quotes.KRW.minNetProfit', '777'],
  ['quotes.*.minNotional', 'quotes.KRW.minNotional', '77'],
  ['quotes.*.maxNotional', 'quotes.KRW.maxNotional', '77777'],
  ['fxRates.*.rate', 'fxRates.KRW.rate', '1377'],
  ['fxRates.*.at', 'fxRates.KRW.at', '2026-11-07T00:00:00Z'],
  ['fxRates.*.url', 'fxRates.KRW', { url: 'http://127.0.0.1:7777/krw' }],
  ['fxRates.*.everyMs', 'fxRates.KRW', { url: 'http://127.0.0.1:7777/krw', everyMs: 77_000 }],
];
/** The one that changes what all others mean. */
const APART = ['reportingCurrency'];

t.test('every key of trading.config.ts that is accepted changes what a stage is told', (t) => {
  for (const [key, path, value] of EFFECTS) {
    const file = draftFor(key);
    const before = told(tradingSchema.parse(file));
    put(file, path, value);
    if (key !== 'pairs[].pair') t.same(checkTrading(file), [], `${key} is accepted`);
    const withDefault = key.startsWith('pairs[].directions[]')
      ? told(tradingSchema.parse(withDirection()))
      : before;
    t.not(told(tradingSchema.parse(file)), withDefault, `${key} has an effect`);
  }
  const known = [...EFFECTS.map(([key]) => key), ...APART];
  t.same(known.sort(), leafKeys(tradingSchema).sort(), 'no key is left out');
  t.end();
});

/** The keys of an exchange behind ccxt need one, and those of a bridge the currency that it leads to. */
function draftFor(key: string): Draft {
  const file = draft();
  const ccxt = { id: 'kraken', assets: { BTC: 'BTC', USDT: 'USDT' } };
  if (key.includes('.ccxt.')) put(file, 'exchanges.kraken', { ccxt });
  // These mean something beside others only.
  if (key.includes('.feeCoin.'))
    put(file, 'exchanges.bybit', { feeMode: 'third', feeCoin: { asset: 'ETH', discount: '0.1' } });
  if (key === 'inventory.walletAgeMaxMs') put(file, 'inventory', { unrefillable: 'reserve' });
  if (key.startsWith('transfers.')) put(file, 'transfers', { batchNotional: '90000' });
  if (/^(bridge|quotes|fxRates|limits\.bridge)/.test(key)) {
    put(file, 'assets.KRW', {});
    put(file, 'pairs.2', { pair: 'USDT-KRW' });
    put(file, 'quotes.KRW', { minNetProfit: '700', minNotional: '70', maxNotional: '70000' });
    put(file, 'fxRates.KRW', { rate: '1380' });
    if (key === 'limits.bridgeNotional') put(file, 'bridge', 'inventory');
  }
  return file;
}

function withDirection(): Draft {
  const file = draft();
  put(file, 'pairs.0.directions', [{ buy: 'okx', sell: 'binance' }]);
  return file;
}

t.test('another reporting currency changes limits, sizes and what is watched', (t) => {
  const file = draft();
  put(file, 'assets.USDC', {});
  put(file, 'reportingCurrency', 'USDC');
  for (const at of [0, 1]) put(file, `pairs.${at}.pair`, `${['BTC', 'ETH'][at]}-USDC`);
  t.same(checkTrading(file), []);
  const trading = tradingSchema.parse(file);
  t.equal(riskLimitsOf(trading, 'PAPER').reportingCurrency, 'USDC');
  t.same([...spatialParametersOf(trading, () => 0).limits.keys()], ['USDC']);
  t.end();
});

t.test('the blacklist takes an asset out on either side, a pair and an exchange', (t) => {
  const file = draft();
  put(file, 'blacklist', { assets: ['ETH'], pairs: [], exchanges: ['bybit'] });
  const trading = tradingSchema.parse(file);
  t.same(
    enabledPairs(trading).map(({ pair }) => pair),
    ['BTC-USDT'],
  );
  t.same(
    enabledExchanges(trading).map(([name]) => name),
    ['binance', 'okx'],
  );
  t.equal(isPairAllowed(trading, 'SOL-ETH'), false, 'as the quote too');
  t.same([...(spatialParametersOf(trading, () => 0).pairs ?? new Map()).keys()], ['BTC-USDT']);
  t.end();
});

t.test('a day begins at midnight in Korea or at midnight UTC', (t) => {
  const offsetOf = (dayBoundary: 'UTC' | 'KST') =>
    dayBoundaryOffsetMs(tradingSchema.parse({ ...draft(), dayBoundary }));
  const midnightKst = Date.UTC(2026, 0, 5, 15);
  const midnightUtc = Date.UTC(2026, 0, 6);
  for (const [offset, begins, other] of [
    [offsetOf('KST'), midnightKst, midnightUtc],
    [offsetOf('UTC'), midnightUtc, midnightKst],
  ] as const) {
    t.equal(dayNumber(begins, offset) - dayNumber(begins - 1, offset), 1);
    t.equal(dayNumber(other, offset), dayNumber(other - 1, offset));
  }
  t.end();
});

t.test('only real orders need a measured clock', (t) => {
  const trading = tradingSchema.parse(draft());
  t.equal(riskLimitsOf(trading, 'PAPER').refuseUnknownClock, false);
  t.equal(riskLimitsOf(trading, 'LIVE').refuseUnknownClock, true);
  t.end();
});

const NODE = { name: 'local', region: 'seoul', roles: ['feeds', 'detectors', 'trade', 'recorder'] };

function optionsOf(cluster: object, trading: Draft, folder: string): StartOptions {
  const clusterConfig = clusterSchema.parse({ nodes: [NODE], ...cluster });
  return {
    market: 'simulated',
    speed: 20,
    minutes: null,
    seed: 'settings',
    dataFolder: folder,
    port: 0,
    replayFolder: null,
    recordFolder: null,
    exchanges: null,
    clusterConfig,
    tradingConfig: tradingSchema.parse(trading),
    node: clusterConfig.nodes[0]!,
    quiet: true,
    log: { to: 'stderr', level: 'warn' },
  };
}

t.test('the store of the cluster file is the one that is opened', (t) => {
  const choice = (trades: object, environment = {}) =>
    storeChoiceOf(clusterSchema.parse({ nodes: [NODE], stores: { trades } }), 'PAPER', '/data', environment);
  t.match(choice({ kind: 'pglite' }), { kind: 'pglite', folder: '/data/pglite' });
  t.match(choice({ kind: 'memory' }), { kind: 'memory' });
  const postgres = { kind: 'postgres', urlEnv: 'TRADES_URL' };
  t.match(choice(postgres, { TRADES_URL: 'postgres://host/db' }), { url: 'postgres://host/db' });
  t.throws(() => choice(postgres), { code: 'ARB_CONFIG_INVALID', message: /TRADES_URL is not set/ });
  t.end();
});

t.test(
  'telemetry is forgotten in embedded stores, on a server only when asked, and never when refused',
  (t) => {
    const keptIn = (trades: object, retention: object) =>
      retentionOf(clusterSchema.parse({ nodes: [NODE], stores: { trades }, retention }));
    const postgres = { kind: 'postgres', urlEnv: 'TRADES_URL' };
    const all = { arbitrage_signals: 30, opportunity_events: 14, portfolio_snapshots: 90 };
    t.same(keptIn({ kind: 'pglite' }, {}), all);
    t.same(keptIn({ kind: 'memory' }, { signalDays: 2, opportunityDays: 3, snapshotDays: 4 }), {
      arbitrage_signals: 2,
      opportunity_events: 3,
      portfolio_snapshots: 4,
    });
    t.equal(keptIn(postgres, {}), null);
    t.same(keptIn(postgres, { stores: 'all' }), all);
    t.equal(keptIn({ kind: 'pglite' }, { stores: 'none' }), null);
    t.end();
  },
);

/** Enough of a NATS server to see how a client introduces itself, publishes and pings. */
async function natsServer(t: import('tap').Test) {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const info = {
      server_id: 'x',
      version: '2.10.0',
      max_payload: 1_048_576,
      headers: true,
      auth_required: true,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (data) => {
      for (const line of data.toString('latin1').split('\r\n')) {
        if (line !== '') lines.push(line);
        if (line === 'PING') socket.write('PONG\r\n');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { lines, url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

t.test('the bus speaks to the servers named, as the user named, under the name of the cluster', async (t) => {
  const { lines, url } = await natsServer(t);
  const bus = {
    kind: 'nats',
    urls: [url],
    userEnv: 'BUS_USER',
    passwordEnv: 'BUS_PASSWORD',
    pingIntervalMs: 50,
  };
  const options = optionsOf({ name: 'north', bus }, draft(), '/data');
  const time = new MachineTime();
  const random = new CryptoRandom();
  const ids = new TimeOrderedIds(time, random);
  const ports = { clock: time, timers: time, ids, log: new KeptLog(), random };
  const open = async () => openBuses(options, ports);
  await t.rejects(open(), { code: 'ARB_CONFIG_INVALID', message: /BUS_USER is not set/ });
  process.env['BUS_USER'] = 'arbot';
  process.env['BUS_PASSWORD'] = 'swordfish';
  t.teardown(() => {
    delete process.env['BUS_USER'];
    delete process.env['BUS_PASSWORD'];
  });
  const opened = await open();
  t.not(opened.orders, opened.market, 'a connection each, so that no order waits behind books');
  opened.orders.subscribe('risk.halt', 'haltChanged', () => undefined);
  for (let tries = 0; tries < 200 && lines.filter((line) => line === 'PING').length < 4; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await opened.orders.close();
  await opened.market.close();
  const connects = lines.filter((line) => line.startsWith('CONNECT ')).map((line) => line.slice(8));
  t.match(
    connects.map((text) => JSON.parse(text) as unknown),
    ['orders', 'market'].map((name) => ({ user: 'arbot', pass: 'swordfish', name: `local/${name}` })),
  );
  t.ok(
    lines.some((line) => line.startsWith('SUB north.simulated.risk.halt ')),
    lines.join('; '),
  );
  t.ok(lines.filter((line) => line === 'PING').length >= 4, 'pinged as often as configured');
});

t.test('a node obeys window and blacklist in its whole path', { timeout: 180_000 }, async (t) => {
  const trading = draft();
  put(trading, 'pairs', [{ pair: 'BTC-USDT' }, { pair: 'ETH-USDT' }]);
  put(trading, 'blacklist', { exchanges: ['bybit'] });
  put(trading, 'noTradeWindows', [{ from: '00:00', to: '24:00', reason: 'settings test' }]);
  for (const exchange of ['binance', 'okx'])
    put(trading, `exchanges.${exchange}`, {
      takerFeeBps: 10,
      opening: { USDT: '100000', BTC: '1', ETH: '20' },
    });
  const options = optionsOf(
    { stores: { trades: { kind: 'memory' }, ticks: { kind: 'none' } } },
    trading,
    t.testdir({}),
  );
  const running = await startNode(options);
  t.teardown(() => running.stop());
  const { node } = running;
  t.same(
    node.inspection
      .feeds()
      .map(({ exchange }) => exchange)
      .sort(),
    ['binance', 'okx'],
  );
  let approved = 0;
  const refused = new Promise<unknown>((resolve) =>
    node.bus.subscribe('risk.verdict.*', 'verdict', ({ message }) => {
      if (message.decision === 'approved') approved++;
      else if (message.refusals.some(({ rule }) => rule === 'NO_TRADE_WINDOW')) resolve(message.refusals);
    }),
  );
  t.match(await refused, [{ rule: 'NO_TRADE_WINDOW', subject: '00:00-24:00 UTC: settings test' }]);
  t.equal(approved, 0);
  await running.stop();
});

/** Four exchanges and both quote currencies, in this reporting currency. */
function mixed(reportingCurrency: 'USDT' | 'KRW'): Draft {
  const scale = reportingCurrency === 'USDT' ? 1 : 1_390;
  const money = (dollars: number) => String(dollars * scale);
  const exchange = {
    takerFeeBps: 10,
    paperLatency: { medianMs: 15, p99Ms: 60 },
    opening: { USDT: '100000', BTC: '1', ETH: '20', KRW: '200000000' },
  };
  return structuredClone(
    defineTrading({
      reportingCurrency,
      assets: { BTC: {}, ETH: {}, USDT: {}, KRW: {} },
      pairs: ['BTC-USDT', 'ETH-USDT', 'BTC-KRW', 'ETH-KRW', 'USDT-KRW'].map((pair) => ({
        pair,
        trade: pair.endsWith(reportingCurrency) && pair !== 'USDT-KRW',
      })),
      exchanges: { binance: exchange, okx: exchange, upbit: exchange, bithumb: exchange },
      edge: { minNetProfit: money(0.5) },
      sizes: { minNotional: money(10), maxNotional: money(5_000) },
      limits: {
        orderNotional: money(5_000),
        assetNotional: money(20_000),
        totalNotional: money(50_000),
        exchangeNotional: money(2_000_000),
      },
    }),
  ) as unknown as Draft;
}

for (const [currency, others] of [
  ['USDT', 'KRW'],
  ['KRW', 'USDT'],
] as const) {
  t.test(
    `with ${currency} as reporting currency, ${others} books stand beside and are never traded`,
    { timeout: 400_000 },
    async (t) => {
      const trading = mixed(currency);
      t.same(checkTrading(trading), []);
      const options = optionsOf(
        { stores: { trades: { kind: 'memory' }, ticks: { kind: 'none' } } },
        trading,
        t.testdir({}),
      );
      const running = await startNode({ ...options, seed: 'won' });
      t.teardown(() => running.stop());
      const { node } = running;
      const seen = new Map<string, Set<string>>();
      const executed = new Promise<string>((resolve) =>
        node.bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => {
          seen.set(message.pair, (seen.get(message.pair) ?? new Set()).add(message.phase));
          const traded = [...seen].filter(([, phases]) => phases.has('executed')).map(([pair]) => pair);
          if (traded.length > 1) resolve(traded.sort().join());
        }),
      );
      t.equal(await executed, `BTC-${currency},ETH-${currency}`);
      const live = node.inspection.feeds().map(({ exchange, state, books }) => ({
        exchange,
        state,
        followed: books.length,
      }));
      t.same(
        live.sort((a, b) => (a.exchange < b.exchange ? -1 : 1)),
        [
          { exchange: 'binance', state: 'live', followed: 2 },
          { exchange: 'bithumb', state: 'live', followed: 3 },
          { exchange: 'okx', state: 'live', followed: 2 },
          { exchange: 'upbit', state: 'live', followed: 3 },
        ],
      );
      t.same(
        [...seen.keys()].filter((pair) => pair.endsWith(others)),
        [],
        'nothing was even offered across quotes or in the other one',
      );
      await running.stop();
    },
  );
}
