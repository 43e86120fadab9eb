import t from 'tap';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterSchema } from '../../src/config/cluster.js';
import { tradingSchema } from '../../src/config/trading.js';
import { leafKeys } from './keys.js';
import {
  checkCluster,
  checkTrading,
  ConfigInvalid,
  loadConfig,
  OVERRIDES,
  secretOf,
} from '../../src/config/index.js';

const repository = new URL('../../', import.meta.url).pathname;

/** A configuration being spoilt: anything may be put anywhere. */
interface Draft {
  [key: string]: Draft;
}
type Spoil = (draft: Draft) => void;
const draft = (value: unknown): Draft => structuredClone(value) as Draft;
/** Puts a value of any type into a draft. */
const put = (draft: Draft | undefined, key: string | number, value: unknown): void => {
  (draft as unknown as Record<string | number, unknown>)[key] = value;
};

/** A small valid trading file; each bad case changes one thing. */
function trading(): Draft {
  return draft({
    assets: { BTC: {}, ETH: {}, USDT: {} },
    pairs: [{ pair: 'BTC-USDT' }, { pair: 'ETH-USDT' }],
    exchanges: {
      binance: { opening: { USDT: '1000', BTC: '1' }, reserve: { USDT: '10' } },
      okx: { opening: { USDT: '1000', BTC: '1' } },
    },
    edge: {},
    sizes: {},
    limits: {},
    blacklist: {},
  });
}

function cluster(): Draft {
  return draft({
    nodes: [{ name: 'local', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'], http: {} }],
    bus: { kind: 'in-process' },
    stores: { trades: { kind: 'pglite' }, ticks: { kind: 'chdb' } },
  });
}

const SECRET = 'hunter2-0123456789abcdef';
const BOT = { tokenEnv: 'BOT', chatIds: ['7'] };
/** The pairs of a draft that knows won. */
function won(file: Draft): Draft {
  put(file['assets'], 'KRW', {});
  return file['pairs'] as unknown as Draft;
}
const BOTH = { buy: 'binance', sell: 'okx' };

/** [file, the key that must be named, what is spoilt] */
const BAD: readonly (readonly ['trading' | 'cluster', string, Spoil])[] = [
  ['trading', 'zz', (d) => put(d, 'zz', 1)],
  ['trading', 'apiKey', (d) => put(d, 'apiKey', SECRET)],
  ['trading', 'assets', (d) => put(d, 'assets', undefined)],
  ['trading', 'assets', (d) => put(d, 'assets', [])],
  ['trading', 'assets.btc', (d) => put(d['assets'], 'btc', {})],
  ['trading', 'assets.BTC.baseline', (d) => put(d['assets']?.['BTC'], 'baseline', '-1')],
  ['trading', 'assets.BTC.baseline', (d) => put(d['assets']?.['BTC'], 'baseline', 1)],
  ['trading', 'assets.BTC.maxExposure', (d) => put(d['assets']?.['BTC'], 'maxExposure', '0')],
  ['trading', 'assets.BTC.maxExposure', (d) => put(d['assets']?.['BTC'], 'maxExposure', '99999999')],
  ['trading', 'assets.BTC.colour', (d) => put(d['assets']?.['BTC'], 'colour', SECRET)],
  ['trading', 'pairs', (d) => put(d, 'pairs', [])],
  ['trading', 'pairs', (d) => put(d, 'pairs', 'BTC-USDT')],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'BTCUSDT')],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'btc-usdt')],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'DOGE-USDT')],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'BTC-EUR')],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'BTC-BTC')],
  ['trading', 'pairs[1].pair', (d) => put(d['pairs']?.[1], 'pair', 'BTC-USDT')],
  ['trading', 'pairs[0].enabled', (d) => put(d['pairs']?.[0], 'enabled', 'yes')],
  ['trading', 'pairs', (d) => [0, 1].forEach((n) => put(d['pairs']?.[n], 'enabled', false))],
  ['trading', 'pairs[0].directions', (d) => put(d['pairs']?.[0], 'directions', 'some')],
  ['trading', 'pairs[0].directions', (d) => put(d['pairs']?.[0], 'directions', [])],
  [
    'trading',
    'pairs[0].directions[0]',
    (d) => put(d['pairs']?.[0], 'directions', [{ buy: 'okx', sell: 'okx' }]),
  ],
  [
    'trading',
    'pairs[0].directions[0].sell',
    (d) => put(d['pairs']?.[0], 'directions', [{ buy: 'okx', sell: 'kraken' }]),
  ],
  ['trading', 'pairs[0].directions[1]', (d) => put(d['pairs']?.[0], 'directions', [BOTH, BOTH])],
  ['trading', 'pairs[0].legPolicy', (d) => put(d['pairs']?.[0], 'legPolicy', 'random')],
  ['trading', 'pairs[0].maxNotional', (d) => put(d['pairs']?.[0], 'maxNotional', '6000')],
  ['trading', 'pairs[0].maxNotional', (d) => put(d['pairs']?.[0], 'maxNotional', '1e3')],
  ['trading', 'exchanges', (d) => put(d, 'exchanges', { binance: {} })],
  ['trading', 'exchanges', (d) => put(d['exchanges']?.['okx'], 'enabled', false)],
  ['trading', 'exchanges.OKX', (d) => put(d['exchanges'], 'OKX', {})],
  ['trading', 'exchanges.okx.takerFeeBps', (d) => put(d['exchanges']?.['okx'], 'takerFeeBps', -1)],
  ['trading', 'exchanges.okx.takerFeeBps', (d) => put(d['exchanges']?.['okx'], 'takerFeeBps', '10')],
  ['trading', 'exchanges.okx.takerFeeBps', (d) => put(d['exchanges']?.['okx'], 'takerFeeBps', Number.NaN)],
  ['trading', 'exchanges.okx.takerFeeBps', (d) => put(d['exchanges']?.['okx'], 'takerFeeBps', Infinity)],
  ['trading', 'exchanges.okx.feeMode', (d) => put(d['exchanges']?.['okx'], 'feeMode', 'free')],
  ['trading', 'exchanges.okx.secret', (d) => put(d['exchanges']?.['okx'], 'secret', SECRET)],
  ['trading', 'exchanges.okx.opening.SOL', (d) => put(d['exchanges']?.['okx'], 'opening', { SOL: '1' })],
  ['trading', 'exchanges.okx.opening.BTC', (d) => put(d['exchanges']?.['okx'], 'opening', { BTC: '-1' })],
  ['trading', 'exchanges.okx.opening.BTC', (d) => put(d['exchanges']?.['okx'], 'opening', { BTC: '1,000' })],
  [
    'trading',
    'exchanges.okx.opening.USDT',
    (d) => put(d['exchanges']?.['okx'], 'opening', { USDT: '99999999' }),
  ],
  [
    'trading',
    'exchanges.binance.reserve.USDT',
    (d) => put(d['exchanges']?.['binance'], 'reserve', { USDT: '1000.01' }),
  ],
  ['trading', 'exchanges.okx.reserve.SOL', (d) => put(d['exchanges']?.['okx'], 'reserve', { SOL: '0' })],
  [
    'trading',
    'exchanges.okx.paperLatency.p99Ms',
    (d) => put(d['exchanges']?.['okx'], 'paperLatency', { medianMs: 50, p99Ms: 40 }),
  ],
  [
    'trading',
    'exchanges.okx.paperLatency.medianMs',
    (d) => put(d['exchanges']?.['okx'], 'paperLatency', { medianMs: -1 }),
  ],
  ['trading', 'edge.minNetEdgeBps', (d) => put(d['edge'], 'minNetEdgeBps', 500)],
  ['trading', 'edge.minNetEdgeBps', (d) => put(d['edge'], 'minNetEdgeBps', -1)],
  ['trading', 'edge.minNetProfit', (d) => put(d['edge'], 'minNetProfit', 0.5)],
  ['trading', 'edge.reportFloorBps', (d) => put(d['edge'], 'reportFloorBps', 600)],
  ['trading', 'edge.tooGoodToBeTrueBps', (d) => put(d['edge'], 'tooGoodToBeTrueBps', 10001)],
  ['trading', 'edge.minEdge', (d) => put(d['edge'], 'minEdge', 1)],
  ['trading', 'sizes.minNotional', (d) => put(d['sizes'], 'minNotional', '5000.01')],
  ['trading', 'sizes.maxNotional', (d) => put(d['sizes'], 'maxNotional', '5000.01')],
  ['trading', 'sizes.maxNotional', (d) => put(d['sizes'], 'maxNotional', '0')],
  ['trading', 'sizes.maxNotional', (d) => put(d['sizes'], 'maxNotional', '')],
  ['trading', 'limits.orderNotional', (d) => put(d['limits'], 'orderNotional', '20001')],
  ['trading', 'limits.orderNotional', (d) => put(d['limits'], 'totalNotional', '4000')],
  ['trading', 'limits.assetNotional', (d) => put(d['limits'], 'assetNotional', '50001')],
  ['trading', 'limits.orderNotional', (d) => put(d['limits'], 'exchangeNotional', '4999')],
  [
    'trading',
    'limits.exchangeNotionalBy.kraken',
    (d) => put(d['limits'], 'exchangeNotionalBy', { kraken: '1' }),
  ],
  [
    'trading',
    'limits.exchangeNotionalBy.okx',
    (d) => put(d['limits'], 'exchangeNotionalBy', { okx: '2000001' }),
  ],
  ['trading', 'exchanges.okx.opening.USDT', (d) => put(d['limits'], 'exchangeNotionalBy', { okx: '999' })],
  ['trading', 'limits.breaker.probeSize', (d) => put(d['limits'], 'breaker', { probeSize: 0.001 })],
  ['trading', 'limits.bookAgeMaxMs', (d) => put(d['limits'], 'bookAgeMaxMs', 0)],
  ['trading', 'limits.bookAgeMaxMs', (d) => put(d['limits'], 'bookAgeMaxMs', 1.5)],
  ['trading', 'limits.clockSkewMaxMs', (d) => put(d['limits'], 'clockSkewMaxMs', 1000)],
  ['trading', 'limits.unchangedMaxMs', (d) => put(d['limits'], 'unchangedMaxMs', 999)],
  ['trading', 'blacklist.assets[0]', (d) => put(d['blacklist'], 'assets', ['BTCC'])],
  ['trading', 'blacklist.assets[0]', (d) => put(d['blacklist'], 'assets', ['USDT'])],
  ['trading', 'blacklist.pairs[0]', (d) => put(d['blacklist'], 'pairs', ['BTC-ETH'])],
  ['trading', 'blacklist.exchanges[0]', (d) => put(d['blacklist'], 'exchanges', ['constructor'])],
  ['trading', 'noTradeWindows[0].from', (d) => put(d, 'noTradeWindows', [{ from: '24:00', to: '01:00' }])],
  ['trading', 'noTradeWindows[0].to', (d) => put(d, 'noTradeWindows', [{ from: '01:00', to: '01:00' }])],
  [
    'trading',
    'noTradeWindows[0].days[0]',
    (d) => put(d, 'noTradeWindows', [{ from: '01:00', to: '02:00', days: [7] }]),
  ],
  [
    'trading',
    'noTradeWindows[0].days',
    (d) => put(d, 'noTradeWindows', [{ from: '01:00', to: '02:00', days: [1, 1] }]),
  ],
  [
    'trading',
    'noTradeWindows[0].timeZone',
    (d) => put(d, 'noTradeWindows', [{ from: '01:00', to: '02:00', timeZone: 'CET' }]),
  ],
  ['trading', 'reportingCurrency', (d) => put(d, 'reportingCurrency', 'EUR')],
  ['trading', 'reportingCurrency', (d) => put(d, 'reportingCurrency', 'usdt')],
  ['trading', 'dayBoundary', (d) => put(d, 'dayBoundary', 'JST')],
  ['trading', 'bridge', (d) => put(d, 'bridge', 'rate')],
  ['trading', 'bridge', (d) => put(d, 'bridge', 'leg')],
  ['trading', 'bridge', (d) => put(d, 'bridge', 'inventory')],
  ['trading', 'exchanges.okx.feeCoin', (d) => put(d['exchanges']?.['okx'], 'feeMode', 'third')],
  [
    'trading',
    'exchanges.okx.feeCoin',
    (d) => put(d['exchanges']?.['okx'], 'feeCoin', { asset: 'BTC', discount: '0.1' }),
  ],
  [
    'trading',
    'exchanges.okx.feeCoin.asset',
    (d) =>
      Object.assign(d['exchanges']!['okx']!, { feeMode: 'third', feeCoin: { asset: 'OKB', discount: '0' } }),
  ],
  [
    'trading',
    'exchanges.okx.feeCoin.discount',
    (d) =>
      Object.assign(d['exchanges']!['okx']!, {
        feeMode: 'third',
        feeCoin: { asset: 'BTC', discount: '1.1' },
      }),
  ],
  ['trading', 'exchanges.okx.feeTier', (d) => put(d['exchanges']?.['okx'], 'feeTier', 'vip99')],
  ['trading', 'exchanges.okx.feeTier', (d) => put(d['exchanges']?.['okx'], 'feeTier', 'VIP 1')],
  ['trading', 'exchanges.okx.feeSource', (d) => put(d['exchanges']?.['okx'], 'feeSource', 'guess')],
  [
    'trading',
    'exchanges.okx.withdrawFee.OKB',
    (d) => put(d['exchanges']?.['okx'], 'withdrawFee', { OKB: '1' }),
  ],
  ['trading', 'edge.latencyDecaySource', (d) => put(d['edge'], 'latencyDecaySource', 'paper')],
  ['trading', 'inventory.priceBps', (d) => put(d, 'inventory', { priceBps: 1_001 })],
  ['trading', 'inventory.unrefillable', (d) => put(d, 'inventory', { unrefillable: 'stop' })],
  ['trading', 'transfers.batchNotional', (d) => put(d, 'transfers', { batchNotional: '0' })],
  ['trading', 'transfers.batchNotional', (d) => put(d, 'transfers', { batchNotional: '1' })],
  ['trading', 'transfers.notionalPerDay', (d) => put(d, 'transfers', { notionalPerDay: '1000' })],
  ['trading', 'pairs[2].maxNotional', (d) => put(won(d), 2, { pair: 'BTC-KRW', maxNotional: '1000' })],
  [
    'trading',
    'quotes.KRW',
    (d) => put(d, 'quotes', { KRW: { minNetProfit: '700', maxNotional: '7000000' } }),
  ],
  ['trading', 'quotes.USDT', (d) => put(d, 'quotes', { USDT: { minNetProfit: '1', maxNotional: '10' } })],
  [
    'trading',
    'quotes.KRW.minNotional',
    (d) => put(d, 'quotes', { KRW: { minNetProfit: '7', minNotional: '8', maxNotional: '7' } }),
  ],
  ['trading', 'fxRates.KRW', (d) => put(d, 'fxRates', { KRW: { rate: '1380' } })],
  ['trading', 'fxRates.USDT', (d) => put(d, 'fxRates', { USDT: {} })],
  ['trading', 'fxRates.USDT', (d) => put(d, 'fxRates', { USDT: { rate: '1', url: 'http://127.0.0.1/' } })],
  ['trading', 'fxRates.USDT.url', (d) => put(d, 'fxRates', { USDT: { url: `https://me:${SECRET}@host/` } })],
  [
    'trading',
    'fxRates.USDT.at',
    (d) => put(d, 'fxRates', { USDT: { url: 'https://host/', at: '2026-11-27T00:00:00Z' } }),
  ],
  ['trading', 'exchanges.okx.takerFeeBps', (d) => put(d['exchanges']?.['okx'], 'takerFeeBps', 1_001)],
  ['trading', 'exchanges.kraken.enabled', (d) => put(d['exchanges'], 'kraken', {})],
  [
    'trading',
    'exchanges.okx.ccxt',
    (d) => put(d['exchanges']?.['okx'], 'ccxt', { id: 'okx', assets: { USDT: 'USDT' } }),
  ],
  [
    'trading',
    'exchanges.kraken.ccxt.assets',
    (d) => put(d['exchanges'], 'kraken', { ccxt: { id: 'kraken', assets: { XBT: 'BTC' } } }),
  ],
  [
    'trading',
    'exchanges.kraken.ccxt.assets.XBT',
    (d) => put(d['exchanges'], 'kraken', { ccxt: { id: 'kraken', assets: { XBT: 'GOLD', USDT: 'USDT' } } }),
  ],
  [
    'trading',
    'exchanges.kraken.ccxt.id',
    (d) => put(d['exchanges'], 'kraken', { ccxt: { id: 'Kraken!', assets: { USDT: 'USDT' } } }),
  ],
  ['trading', 'exchanges', (d) => put(d['blacklist'], 'exchanges', ['okx'])],
  ['trading', 'pairs', (d) => put(d['blacklist'], 'assets', ['BTC', 'ETH'])],
  ['trading', 'pairs[0].pair', (d) => put(d['pairs']?.[0], 'pair', 'ETH-BTC')],
  ['trading', 'pairs[0].maxNotional', (d) => put(d['pairs']?.[0], 'maxNotional', '9')],
  [
    'trading',
    'pairs[0].directions',
    (d) => (
      put(d['pairs']?.[0], 'directions', [BOTH]),
      put(d['exchanges'], 'bybit', {}),
      put(d['blacklist'], 'exchanges', ['binance'])
    ),
  ],
  ['trading', 'assets.USDT.maxExposure', (d) => put(d['assets']?.['USDT'], 'maxExposure', '1')],
  ['trading', 'assets.USDT.baseline', (d) => put(d['assets']?.['USDT'], 'baseline', '1')],
  ['trading', 'noTradeWindows[0].to', (d) => put(d, 'noTradeWindows', [{ from: '01:00', to: '24:01' }])],
  ['trading', 'pairs[2].pair', (d) => (put(d['assets'], 'KRW', {}), put(d['pairs'], 2, { pair: 'BTC-KRW' }))],
  [
    'trading',
    'pairs[0].directions',
    (d) => (put(d['pairs']?.[0], 'trade', false), put(d['pairs']?.[0], 'directions', [BOTH])),
  ],
  [
    'trading',
    'pairs[0].maxNotional',
    (d) => (put(d['pairs']?.[0], 'trade', false), put(d['pairs']?.[0], 'maxNotional', '100')),
  ],
  ['cluster', 'nodes', (d) => put(d, 'nodes', [])],
  ['cluster', 'nodes', (d) => put(d, 'nodes', undefined)],
  ['cluster', 'nodes[0].name', (d) => put(d['nodes']?.[0], 'name', 'Tokyo 1')],
  ['cluster', 'nodes[0].region', (d) => put(d['nodes']?.[0], 'region', '')],
  ['cluster', 'nodes[0].roles', (d) => put(d['nodes']?.[0], 'roles', [])],
  ['cluster', 'nodes[0].roles[0]', (d) => put(d['nodes']?.[0], 'roles', ['trader'])],
  ['cluster', 'nodes[0].roles[1]', (d) => put(d['nodes']?.[0], 'roles', ['trade', 'trade'])],
  ['cluster', 'nodes', (d) => put(d['nodes']?.[0], 'roles', ['feeds'])],
  ['cluster', 'nodes[0].roles', (d) => put(d['nodes']?.[0], 'roles', ['trade', 'feeds'])],
  ['cluster', 'nodes[0].roles', (d) => put(d['nodes']?.[0], 'roles', ['trade', 'detectors'])],
  ['cluster', 'nodes[0].roles', (d) => put(d['nodes']?.[0], 'roles', ['trade', 'detectors', 'feeds'])],
  ['cluster', 'nodes[0].capacity', (d) => put(d['nodes']?.[0], 'capacity', 0)],
  ['cluster', 'placement.okx.regions', (d) => put(d, 'placement', { okx: { regions: ['mars'] } })],
  ['cluster', 'placement.okx.regions', (d) => put(d, 'placement', { okx: { regions: [] } })],
  [
    'cluster',
    'placement.okx.regions[1]',
    (d) => put(d, 'placement', { okx: { regions: ['local', 'local'] } }),
  ],
  ['cluster', 'placement.okx.isolation', (d) => put(d, 'placement', { okx: { isolation: 'thread' } })],
  ['cluster', 'nodes[0].http.port', (d) => put(d['nodes']?.[0]?.['http'], 'port', 65536)],
  ['cluster', 'nodes[0].http.port', (d) => put(d['nodes']?.[0]?.['http'], 'port', '8787')],
  ['cluster', 'nodes[0].http.host', (d) => put(d['nodes']?.[0]?.['http'], 'host', '0.0.0.0')],
  ['cluster', 'nodes[0].http.tokenEnv', (d) => put(d['nodes']?.[0]?.['http'], 'tokenEnv', SECRET)],
  ['cluster', 'nodes[0].http.token', (d) => put(d['nodes']?.[0]?.['http'], 'token', SECRET)],
  ['cluster', 'nodes[0].dataFolder', (d) => put(d['nodes']?.[0], 'dataFolder', '')],
  ['cluster', 'nodes[1].name', (d) => put(d['nodes'], 1, { name: 'local', region: 'a', roles: ['feeds'] })],
  ['cluster', 'bus.kind', (d) => put(d['nodes'], 1, { name: 'b', region: 'a', roles: ['feeds'] })],
  ['cluster', 'stores.trades.kind', (d) => put(d['nodes'], 1, { name: 'b', region: 'a', roles: ['feeds'] })],
  ['cluster', 'bus.kind', (d) => put(d, 'bus', { kind: 'redis' })],
  ['cluster', 'bus.urls', (d) => put(d, 'bus', { kind: 'nats' })],
  ['cluster', 'bus.urls[0]', (d) => put(d, 'bus', { kind: 'nats', urls: [`nats://me:${SECRET}@host:4222`] })],
  [
    'cluster',
    'bus.passwordEnv',
    (d) => put(d, 'bus', { kind: 'nats', urls: ['nats://host:4222'], userEnv: 'NATS_USER' }),
  ],
  [
    'cluster',
    'bus.nkeySeedEnv',
    (d) =>
      put(d, 'bus', {
        ...{ kind: 'nats', urls: ['nats://host:4222'], nkeySeedEnv: 'NATS_NKEY_SEED' },
        ...{ userEnv: 'NATS_USER', passwordEnv: 'NATS_PASSWORD' },
      }),
  ],
  [
    'cluster',
    'bus.nkeySeedEnv',
    (d) => put(d, 'bus', { kind: 'nats', urls: ['nats://host:4222'], nkeySeedEnv: SECRET }),
  ],
  ['cluster', 'bus.urls', (d) => put(d, 'bus', { kind: 'nats', urls: ['nats://host:4222'], tls: {} })],
  [
    'cluster',
    'bus.tls.keyFile',
    (d) => put(d, 'bus', { kind: 'nats', urls: ['tls://host:4222'], tls: { certFile: 'node.crt' } }),
  ],
  [
    'cluster',
    'stores.ticks.urlEnv',
    (d) => put(d, 'stores', { ticks: { kind: 'clickhouse', urlEnv: `http://me:${SECRET}@host:8123` } }),
  ],
  [
    'cluster',
    'stores.ticks.database',
    (d) => put(d, 'stores', { ticks: { kind: 'clickhouse', urlEnv: 'CLICKHOUSE_URL', database: 'a`b' } }),
  ],
  [
    'cluster',
    'stores.ticks.userEnv',
    (d) =>
      put(d, 'stores', {
        ticks: { kind: 'clickhouse', urlEnv: 'CLICKHOUSE_URL', passwordEnv: 'CLICKHOUSE_PASSWORD' },
      }),
  ],
  [
    'cluster',
    'stores.trades.urlEnv',
    (d) => put(d, 'stores', { trades: { kind: 'postgres', urlEnv: `postgres://me:${SECRET}@host/db` } }),
  ],
  [
    'cluster',
    'stores.trades.url',
    (d) => put(d, 'stores', { trades: { kind: 'postgres', urlEnv: 'PG_URL', url: SECRET } }),
  ],
  ['cluster', 'alerts.telegram.token', (d) => put(d, 'alerts', { telegram: { ...BOT, token: SECRET } })],
  [
    'cluster',
    'alerts.telegram.tokenEnv',
    (d) => put(d, 'alerts', { telegram: { ...BOT, tokenEnv: `1:${SECRET}` } }),
  ],
  ['cluster', 'alerts.telegram.chatIds', (d) => put(d, 'alerts', { telegram: { tokenEnv: 'BOT' } })],
  [
    'cluster',
    'alerts.telegram.chatIds',
    (d) => put(d, 'alerts', { telegram: { ...BOT, chatIdsEnv: 'CHATS' } }),
  ],
  [
    'cluster',
    'alerts.telegram.chatIds[0]',
    (d) => put(d, 'alerts', { telegram: { ...BOT, chatIds: ['me'] } }),
  ],
  ['cluster', 'alerts.telegram.users[0]', (d) => put(d, 'alerts', { telegram: { ...BOT, users: ['me'] } })],
  [
    'cluster',
    'alerts.telegram.apiRoot',
    (d) => put(d, 'alerts', { telegram: { ...BOT, apiRoot: 'http://10.0.0.5:8081' } }),
  ],
  [
    'cluster',
    'alerts.telegram.commands',
    (d) => put(d, 'alerts', { telegram: { ...BOT, commands: 'some' } }),
  ],
  [
    'cluster',
    'alerts.telegram.totpSecretEnv',
    (d) => put(d, 'alerts', { telegram: { ...BOT, totpSecretEnv: 'TOTP_SECRET' } }),
  ],
  ['cluster', 'alerts.events.restart', (d) => put(d, 'alerts', { events: { restart: 'loud' } })],
  ['cluster', 'alerts.events.weather', (d) => put(d, 'alerts', { events: { weather: 'on' } })],
  ['cluster', 'alerts.events.premium', (d) => put(d, 'alerts', { events: { premium: 'loud' } })],
  ['cluster', 'alerts.premium.usdtBps', (d) => put(d, 'alerts', { premium: { usdtBps: 0 } })],
  ['cluster', 'alerts.premium.fxBps', (d) => put(d, 'alerts', { premium: { fxBps: -1 } })],
  ['cluster', 'alerts.lowInventoryFactor', (d) => put(d, 'alerts', { lowInventoryFactor: 0.9 })],
  ['cluster', 'alerts.repeatMs', (d) => put(d, 'alerts', { repeatMs: 9_999 })],
  ['cluster', 'name', (d) => put(d, 'name', 'A')],
  ['cluster', 'schedule.snapshotIntervalMs', (d) => put(d, 'schedule', { snapshotIntervalMs: 999 })],
  ['cluster', 'schedule.dailyDelayMs', (d) => put(d, 'schedule', { dailyDelayMs: 0 })],
  ['cluster', 'schedule.cron', (d) => put(d, 'schedule', { cron: SECRET })],
  ['cluster', 'retention.stores', (d) => put(d, 'retention', { stores: 'everything' })],
  ['cluster', 'retention.signalDays', (d) => put(d, 'retention', { signalDays: 0 })],
  ['cluster', 'retention.opportunityDays', (d) => put(d, 'retention', { opportunityDays: 1.5 })],
  ['cluster', 'retention.snapshotDays', (d) => put(d, 'retention', { snapshotDays: '90' })],
  ['cluster', 'retention.ledgerDays', (d) => put(d, 'retention', { ledgerDays: 1 })],
];

const problemsOf = (file: 'trading' | 'cluster', value: unknown) =>
  file === 'trading' ? checkTrading(value) : checkCluster(value);

t.test('the valid files that the bad ones are made from have no problem', (t) => {
  t.same(checkTrading(trading()), []);
  t.same(checkCluster(cluster()), []);
  t.end();
});

t.test(
  `each of ${BAD.length} bad configurations is refused, names its key and never shows the value`,
  (t) => {
    t.ok(BAD.length >= 60);
    for (const [file, key, spoil] of BAD) {
      const value = file === 'trading' ? trading() : cluster();
      spoil(value);
      const problems = problemsOf(file, value);
      t.ok(
        problems.some((problem) => problem.key === key),
        `${file}: ${key} (found ${problems.map((p) => `${p.key}: ${p.message}`).join('; ')})`,
      );
      t.notOk(new ConfigInvalid(problems).message.includes('hunter2'), `${key} does not show the value`);
    }
    t.end();
  },
);

t.test('what is not possible yet is refused with a word of when, and what may be had instead', (t) => {
  const messageOf = (file: 'trading' | 'cluster', key: string): string => {
    const value = file === 'trading' ? trading() : cluster();
    for (const [where, named, spoil] of BAD) if (where === file && named === key) spoil(value);
    return problemsOf(file, value)
      .filter((problem) => problem.key === key)
      .map((problem) => problem.message)
      .join('; ');
  };
  t.match(messageOf('trading', 'bridge'), /no pair USDT-… is traded/);
  t.match(messageOf('trading', 'exchanges.kraken.enabled'), /no connector.*binance, okx, bybit.*with ccxt/);
  const disabled = trading();
  put(disabled['exchanges'], 'kraken', { enabled: false });
  put(disabled['pairs'], 2, { pair: 'ETH-BTC', enabled: false });
  t.same(checkTrading(disabled), [], 'listed but disabled does no harm');
  const followed = trading();
  put(followed['pairs'], 2, { pair: 'ETH-BTC' });
  t.match(checkTrading(followed), [
    {
      key: 'pairs[2].pair',
      message: /followed with trade: false, and traded in cycles, over a bridge or by quotes.BTC/,
    },
  ]);
  put(followed['pairs']?.[2], 'trade', false);
  t.same(checkTrading(followed), [], 'another quote currency is followed');
  put(followed['pairs']?.[2], 'trade', true);
  put(followed, 'strategies', { triangular: 'watch' });
  t.same(checkTrading(followed), [], 'and a leg of a cycle');
  put(followed, 'triangular', {
    startAssets: { USDT: { maxNotional: '1' }, KRW: { minNetProfit: '500' } },
    exchanges: ['kraken'],
    minNetEdgeBps: 1,
  });
  t.same(
    checkTrading(followed).map(({ key }) => key),
    [
      'triangular.startAssets.USDT.maxNotional',
      'triangular.startAssets.KRW',
      'triangular.startAssets.KRW',
      'triangular.exchanges[0]',
      'triangular.minNetEdgeBps',
    ],
  );
  const bridged = trading();
  won(bridged);
  put(bridged['pairs'], 2, { pair: 'BTC-KRW' });
  put(bridged['pairs'], 3, { pair: 'USDT-KRW' });
  put(bridged, 'bridge', 'leg');
  t.same(checkTrading(bridged), [], 'won are traded over a bridge');
  put(bridged, 'bridge', 'none');
  t.equal(checkTrading(bridged).length, 2, 'and not without one');
  put(bridged, 'quotes', { KRW: { minNetProfit: '700', maxNotional: '7000000' } });
  t.same(checkTrading(bridged), [], 'or among themselves, by limits of their own');
  const behind = trading();
  const ccxt = { id: 'kraken', assets: { BTC: 'BTC', USDT: 'USDT' } };
  put(behind['exchanges'], 'kraken', { ccxt });
  t.same(checkTrading(behind), [], 'ccxt stands in for a connector');
  t.end();
});

/** Keys of one section's table: a name with a leading dot continues the one before it. */
function documentedKeys(page: string, heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => {
    let before = '';
    return [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => {
      before = name.startsWith('.') ? before.slice(0, before.lastIndexOf('.')) + name : name;
      return before.replaceAll(/<[^>]+>/g, '*');
    });
  });
}

t.test('docs/configuration.md names every key of both files and no other', (t) => {
  const page = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');
  t.same(documentedKeys(page, 'cluster.config.ts').sort(), leafKeys(clusterSchema).sort());
  t.same(documentedKeys(page, 'trading.config.ts').sort(), leafKeys(tradingSchema).sort());
  for (const { variable } of OVERRIDES) t.match(page, `\`${variable}\``, variable);
  t.end();
});

t.test('shape errors and relations between the remaining values are reported at once', (t) => {
  const value = trading();
  put(value['pairs']?.[0], 'pair', 'nonsense');
  put(value['exchanges']?.['okx'], 'apiKey', SECRET);
  put(value['limits'], 'clockSkewMaxMs', 5_000);
  put(value['sizes'], 'maxNotional', '9000');
  const keys = checkTrading(value).map((problem) => problem.key);
  t.same(keys.sort(), [
    'exchanges.okx.apiKey',
    'limits.clockSkewMaxMs',
    'pairs[0].pair',
    'sizes.maxNotional',
  ]);
  t.end();
});

t.test('values that are no object at all are refused and not crashed on', (t) => {
  for (const value of [null, undefined, 7, 'text', [], true, new Date(0), new Map()])
    for (const file of ['trading', 'cluster'] as const) t.ok(problemsOf(file, value).length > 0);
  t.ok(checkTrading({ ...trading(), run: () => 1 })[0]?.message.includes('plain data'));
  t.end();
});

t.test('the files of the repository are valid, complete and frozen', async (t) => {
  const loaded = await loadConfig({ folder: repository, environment: {} });
  t.same(Object.keys(loaded.trading.exchanges), ['binance', 'okx', 'bybit']);
  t.equal(loaded.trading.edge.minNetEdgeBps, 5);
  t.equal(loaded.trading.edge.minNetProfit, '0.5');
  t.equal(loaded.trading.limits.bookAgeMaxMs, 1000);
  t.equal(loaded.node.http.host, '127.0.0.1');
  t.throws(() => Object.assign(loaded.trading.limits, { orderNotional: '1' }), TypeError);
  t.throws(() => Object.assign(loaded.trading.pairs[0] ?? {}, { pair: 'X-Y' }), TypeError);
});

t.test('precedence is defaults, then file, then environment, then flags', async (t) => {
  const flag = { flag: '--port', file: 'cluster', path: ['nodes', '*', 'http', 'port'], value: 3 } as const;
  const port = async (environment: Record<string, string>, flags: readonly (typeof flag)[]) =>
    (await loadConfig({ folder: repository, environment, flags })).node.http.port;
  t.equal(await port({}, []), 8787);
  t.equal(await port({ ARBOT_HTTP_PORT: '2' }, []), 2);
  t.equal(await port({ ARBOT_HTTP_PORT: '2' }, [flag]), 3);
  const folder = t.testdir({ 'trading.config.ts': `export default ${JSON.stringify(trading())};` });
  const loaded = await loadConfig({ folder, environment: { ARBOT_NATS_URLS: '' } });
  t.equal(loaded.node.http.port, 8787, 'default without a cluster file');
  t.equal(loaded.files.cluster, null);
});

t.test('every override reaches the key it names, and a bad one is named by its variable', async (t) => {
  for (const spec of OVERRIDES.filter((one) => one.kind !== 'list')) {
    const environment = { [spec.variable]: 'not-a-number and - not a host' };
    if (spec.variable === 'ARBOT_DATA_FOLDER') environment[spec.variable] = 'x'.repeat(501);
    await t.rejects(loadConfig({ folder: repository, environment }), {
      code: 'ARB_CONFIG_INVALID',
      message: new RegExp(`environment: ${spec.variable} `),
    });
  }
});

t.test('problems of both files come together, missing and broken files are named', async (t) => {
  const folder = t.testdir({
    'cluster.config.ts': 'export default { nodes: [] };',
    'trading.config.ts': `export default { pairs: "${SECRET}", };`,
  });
  const failure = await loadConfig({ folder, environment: {} }).then(
    () => null,
    (error: unknown) => error,
  );
  t.ok(failure instanceof ConfigInvalid);
  t.match((failure as ConfigInvalid).message, /cluster\.config\.ts: nodes/);
  t.match((failure as ConfigInvalid).message, /trading\.config\.ts: pairs/);
  t.notMatch((failure as ConfigInvalid).message, /hunter2/);
  await t.rejects(loadConfig({ folder: t.testdir({}), environment: {} }), {
    message: /trading\.config\.ts: \(file\): file not found/,
  });
  const spoilt = join(folder, 'spoilt');
  mkdirSync(spoilt, { recursive: true });
  writeFileSync(join(spoilt, 'trading.config.ts'), `export default { key: '${SECRET}' '`);
  const broken = await loadConfig({ folder: spoilt, environment: {} }).then(
    () => null,
    (error: unknown) => String(error),
  );
  t.match(broken, /trading\.config\.ts: \(file\): cannot be loaded/);
  t.notMatch(broken, /hunter2/);
  await t.rejects(loadConfig({ folder: repository, environment: {}, nodeName: 'mars' }), {
    message: /nodes: no node has the name/,
  });
});

t.test('a secret comes from its variable or its file, never from both', (t) => {
  const folder = t.testdir({ token: 'from-file\n', empty: '' });
  t.equal(secretOf({}, 'TOKEN'), null);
  t.equal(secretOf({ TOKEN: 'direct' }, 'TOKEN'), 'direct');
  t.equal(secretOf({ TOKEN_FILE: join(folder, 'token') }, 'TOKEN'), 'from-file');
  t.throws(() => secretOf({ TOKEN: SECRET, TOKEN_FILE: join(folder, 'token') }, 'TOKEN'), {
    message: /both set/,
  });
  t.throws(() => secretOf({ TOKEN_FILE: join(folder, 'absent') }, 'TOKEN'), { message: /ENOENT/ });
  t.throws(() => secretOf({ TOKEN_FILE: join(folder, 'empty') }, 'TOKEN'), { message: /empty/ });
  t.end();
});
