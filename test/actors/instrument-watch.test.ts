import t from 'tap';
import {
  instrumentWatchActor,
  type AccountWatch,
  type InstrumentWatchMessage,
} from '../../src/actors/instrument-watch.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { binance } from '../../src/connectors/binance.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { upbit } from '../../src/connectors/upbit.js';
import { AccountRates } from '../../src/market/account-rates.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import type { Instrument } from '../../src/market/instrument.js';
import { LiveInstruments } from '../../src/market/live-instruments.js';
import { WalletStatuses } from '../../src/market/wallet-statuses.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { InstrumentStateChanged, WalletStateChanged } from '../../src/messages/feed.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { CountingIds, KeptLog, SeededRandom } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import { INSTRUMENTS, NOW } from '../risk/fixtures.js';
import { World } from './world.js';

const BTC: Instrument = {
  ...INSTRUMENTS[0]!,
  id: 'binance:BTC-USDT',
  exchange: 'binance',
  symbol: 'BTCUSDT',
};
const ETH: Instrument = {
  ...INSTRUMENTS[1]!,
  id: 'binance:ETH-USDT',
  exchange: 'binance',
  symbol: 'ETHUSDT',
};
const XRP: Instrument = { ...BTC, id: 'binance:XRP-USDT', symbol: 'XRPUSDT' };

/** A watch over one exchange whose lists the test writes. */
async function watched(listed: readonly Instrument[], account?: AccountWatch, hasPublicWallets = true) {
  const time = new ManualTime(NOW);
  const log = new KeptLog();
  const ids = new CountingIds();
  const bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
  const told: InstrumentStateChanged[] = [];
  bus.subscribe('feed.instrument.*', 'instrumentStateChanged', ({ message }) => told.push(message));
  const toldWallets: WalletStateChanged[] = [];
  bus.subscribe('feed.wallet.*', 'walletStateChanged', ({ message }) => toldWallets.push(message));
  const live = new LiveInstruments();
  live.follow([BTC, ETH]);
  const wallets = new WalletStatuses();
  const exchange = {
    list: [...listed],
    refused: [] as { symbol: string; reason: string }[],
    failing: false,
    asked: [] as (readonly string[] | null)[],
  };
  const network = {
    exchange: 'binance',
    ticker: 'BTC',
    asset: 'BTC',
    identityKnown: true,
    network: 'BTC',
    canDeposit: true,
    canWithdraw: false,
    withdrawFee: '0.0001',
    minWithdraw: null,
    confirmations: 2,
  };
  const connector = binance();
  const withWallets = {
    ...connector,
    rest: {
      ...connector.rest,
      wallets: !hasPublicWallets
        ? null
        : {
            request: () => ({ path: '/wallets', costs: { weight: 1 }, timeoutMs: 1000, maxBodyBytes: 1000 }),
            parse: () => ({ networks: [{ ...network }], refused: [{ ticker: 'X', reason: 'network' }] }),
          },
    },
  };
  const system = new ActorSystem({
    node: 'test',
    engine: new PlainEngine(time, (error) => t.fail(String(error))),
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids,
    log,
  });
  const spawned = system.spawn<InstrumentWatchMessage>(
    '/instruments',
    instrumentWatchActor({
      bus,
      live,
      wallets,
      exchanges: () => [
        {
          connector: withWallets,
          limiter: new RateLimiter(connector.capabilities.restLimits),
          endpoints: connector.endpoints,
          http: { request: async () => ({ status: 200, headers: {}, body: Buffer.from('{}') }) },
          clock: time,
          timers: time,
        },
      ],
      load: async (_rest, symbols) => {
        exchange.asked.push(symbols);
        if (exchange.failing) throw new ArbotError('ARB_EXCHANGE_ERROR', 'no such symbol');
        return { instruments: exchange.list, refused: exchange.refused };
      },
      tickerLookup: (exchange, ticker) => curatedRegistry.resolve(exchange, ticker),
      everyMs: 60_000,
      ...(account !== undefined && { account }),
    }),
  );
  await time.settle();
  t.equal((await spawned).ok, true);
  await time.advance(10);
  return {
    time,
    live,
    wallets,
    network,
    exchange,
    told,
    toldWallets,
    summary: () => system.inspect('/instruments')?.summary,
  };
}

t.test('states and rules that change at the exchange are written, told and shown', async (t) => {
  const { time, live, exchange, told, summary } = await watched([BTC, ETH]);
  t.equal(exchange.asked.length, 0, 'they were just loaded');
  await time.advance(70_000);
  t.same([exchange.asked, told], [[null], []], 'the whole list first, and nothing new in it');
  exchange.list = [
    { ...BTC, state: 'halted' },
    { ...ETH, tickSize: '0.5', minNotional: '7' },
  ];
  await time.advance(70_000);
  t.match(told, [
    { instrument: BTC.id, state: 'halted', reason: 'listed as halted' },
    { instrument: ETH.id, state: 'trading', reason: /tickSize .* → 0\.5, minNotional .* → 7/ },
  ]);
  t.match([live.get(BTC.id), live.get(ETH.id)], [{ state: 'halted' }, { tickSize: '0.5' }]);
  t.same(exchange.asked[1], ['BTCUSDT', 'ETHUSDT'], 'then only what is followed');
  told.length = 0;
  exchange.list = [BTC];
  exchange.refused = [{ symbol: 'ETHUSDT', reason: 'filters.LOT_SIZE is not an object' }];
  await time.advance(70_000);
  t.match(told, [
    { instrument: BTC.id, state: 'trading' },
    { instrument: ETH.id, state: 'unknown', reason: /cannot be read: filters/ },
  ]);
  exchange.refused = [];
  await time.advance(70_000);
  t.match(told.at(-1), { instrument: ETH.id, state: 'halted', reason: 'no longer listed' });
  t.match(summary(), {
    exchanges: { binance: { instruments: 2, notTrading: ['binance:ETH-USDT halted'], changes: 5 } },
  });
});

t.test('new listings are reported once; a narrowed question that fails is asked in full soon', async (t) => {
  const { time, exchange, told, summary } = await watched([BTC, ETH, XRP]);
  await time.advance(70_000);
  t.match(summary(), { newListings: 1, recent: [{ instrument: XRP.id, reason: 'newly listed' }] });
  exchange.failing = true;
  await time.advance(70_000);
  t.match(summary(), { exchanges: { binance: { errors: { instruments: /no such symbol/ } } } });
  exchange.failing = false;
  await time.advance(20_000);
  t.equal(exchange.asked.at(-1), null);
  t.match(summary(), { newListings: 1, exchanges: { binance: { errors: {} } } });
  t.same(told, [], 'what is not followed is nobody’s state');
});

t.test('a notice is obeyed against lists that are older or cached, and not for ever', async (t) => {
  const live = new LiveInstruments();
  live.follow([BTC]);
  const list = { instruments: [BTC], refused: [], isWhole: true };
  t.match(live.notice(BTC.id, 'halted', 'suspended', 1000), { instrument: { state: 'halted' } });
  t.equal(live.notice(BTC.id, 'halted', 'suspended', 1100), null, 'said twice');
  t.equal(live.notice('binance:ETH-USDT', 'halted', '', 1000), null, 'not followed');
  t.same(live.refresh('binance', { ...list, askedMs: 900 }, 2000), [], 'asked for before the notice');
  t.same(live.refresh('binance', { ...list, askedMs: 20_000 }, 20_100), [], 'or soon after it');
  t.match(live.refresh('binance', { ...list, askedMs: 40_000 }, 40_100), [
    { instrument: { state: 'trading' } },
  ]);
});

t.test('where the list omits halts, a notice holds until the next one', async (t) => {
  for (const { rest } of [upbit(), bithumb()]) t.equal(rest.listOmitsHalts, true);
  const live = new LiveInstruments();
  live.follow([BTC]);
  const warned = { ...BTC, state: 'warning' } as const;
  const list = { instruments: [warned], refused: [], isWhole: true, omitsHalts: true };
  t.match(live.refresh('binance', { ...list, askedMs: 500 }, 600), [{ instrument: { state: 'warning' } }]);
  live.notice(BTC.id, 'halted', 'suspended', 1000);
  t.same(live.refresh('binance', { ...list, askedMs: 400_000 }, 400_100), [], 'the list knows nothing of it');
  t.equal(live.get(BTC.id)?.state, 'halted');
  live.notice(BTC.id, 'trading', 'ACTIVE', 500_000);
  t.same(
    live.refresh('binance', { ...list, askedMs: 900_000 }, 900_100),
    [],
    'the ticker tells warnings too',
  );
  t.equal(live.get(BTC.id)?.state, 'trading');
});

t.test('wallets are kept per network with their age', async (t) => {
  const { time, wallets, summary } = await watched([BTC, ETH]);
  t.match(wallets.networksOf('binance', 'BTC'), [{ network: 'BTC', canDeposit: true, canWithdraw: false }]);
  t.same([wallets.networksOf('binance', 'ETH'), wallets.networksOf('okx', 'BTC')], [[], null]);
  await time.advance(5000);
  t.ok(wallets.ageMs('binance', time.monotonicMs()) >= 5000);
  t.equal(wallets.ageMs('okx', 1), Infinity);
  t.match(summary(), {
    exchanges: {
      binance: {
        wallets: { networks: 1, refused: 1, closedNetworks: 1, closed: ['BTC BTC no withdrawals'] },
      },
    },
  });
});

t.test('a wallet that opens or closes is told once', async (t) => {
  const { time, network, toldWallets } = await watched([BTC, ETH]);
  await time.advance(150_000);
  t.same(toldWallets, [], 'how it was at the start is no news');
  network.canDeposit = false;
  await time.advance(150_000);
  t.match(toldWallets, [
    { exchange: 'binance', asset: 'BTC', network: 'BTC', canDeposit: false, canWithdraw: false },
  ]);
  t.equal(toldWallets.length, 1);
});

t.test('rates of an account are asked for until all are known, and put its markets on them', async (t) => {
  const rates = new AccountRates();
  const asked: string[] = [];
  const account = { isDown: true, takerFeeRate: '0.0008' };
  const networks = [
    {
      ...{ exchange: 'binance', ticker: 'BTC', asset: 'BTC', identityKnown: true, network: 'BTC' },
      ...{ canDeposit: true, canWithdraw: false, withdrawFee: '0.0002', minWithdraw: null, confirmations: 2 },
    },
  ];
  const { time, exchange, wallets, summary } = await watched(
    [BTC, ETH],
    {
      feesOf: new Set(['binance']),
      rates,
      wantsWallets: true,
      of: () => ({
        feeRates: async (symbol) => {
          asked.push(symbol);
          if (account.isDown && symbol === 'ETHUSDT') throw new ArbotError('ARB_EXCHANGE_ERROR', 'busy');
          return { takerFeeRate: account.takerFeeRate, makerFeeRate: '0.0005' };
        },
        wallets: async () => ({ networks, refused: [] }),
      }),
    },
    false,
  );
  t.same([rates.of('binance', 'BTCUSDT')?.takerFeeRate, rates.of('binance', 'ETHUSDT')], ['0.0008', null]);
  t.match(wallets.networksOf('binance', 'BTC'), [{ canWithdraw: false }], 'wallets by the account too');
  t.match(summary(), { exchanges: { binance: { errors: { fees: /busy/ } } } });
  t.equal(exchange.asked.length, 1, 'what is known counts at once: the list is read again');
  account.isDown = false;
  await time.advance(70_000);
  t.equal(rates.of('binance', 'ETHUSDT')?.takerFeeRate, '0.0008', 'asked again with the next list');
  t.match(summary(), { exchanges: { binance: { errors: {} } } });
  const before = asked.length;
  await time.advance(130_000);
  t.equal(asked.length, before, 'known rates are asked for rarely');
  account.takerFeeRate = '0.0006';
  await time.advance(70 * 60_000);
  t.equal(rates.of('binance', 'BTCUSDT')?.takerFeeRate, '0.0006', 'and still asked for');
});

t.test('the gate obeys a halt at once, and a release', async (t) => {
  const world = await World.start();
  world.dislocate();
  const halt = async (state: 'halted' | 'trading') => {
    const change = { instrument: 'alpha:BTC-USDT', state, reason: 'suspended', atMs: world.time.nowMs() };
    world.bus.publish('feed.instrument.alpha', 'instrumentStateChanged', change, { traceId: 'x' });
    await world.time.advance(5);
  };
  await halt('halted');
  world.send({ id: 's-1' });
  await world.time.advance(5);
  t.match(world.of('verdict').at(-1), {
    decision: 'refused',
    refusals: [{ rule: 'INSTRUMENT_STATE', limit: 'trading', actual: 'halted', subject: 'alpha:BTC-USDT' }],
  });
  await halt('trading');
  world.send({ id: 's-2' });
  await world.time.advance(5);
  t.match(world.of('verdict').at(-1), { decision: 'approved' });
});
