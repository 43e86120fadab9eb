import t from 'tap';
import { tradingSchema } from '../../src/config/trading.js';
import { LearnedDecays } from '../../src/detectors/latency-decay.js';
import type { Instrument } from '../../src/market/instrument.js';
import { AccountRates } from '../../src/market/account-rates.js';
import { decodeLearnedDecays, LEARNED_DECAYS_KEY } from '../../src/messages/learned.js';
import type { ModeName } from '../../src/messages/primitives.js';
import { onAccountTerms } from '../../src/modes/account-terms.js';
import { exchangeTermsOf } from '../../src/modes/exchange-terms.js';
import { loadDecays } from '../../src/modes/learned-decays.js';
import {
  decayRoutes,
  exchangeToFill,
  learnFromBooks,
  learnFromFills,
  tradeEvidence,
} from '../../src/modes/learning.js';
import { openStores } from '../../src/storage/open-stores.js';
import { createMemoryTicks, memoryTicks } from '../../src/storage/memory/memory-ticks.js';
import { MemoryEngine, noFaults } from '../../src/storage/memory/memory-database.js';
import { instrument } from '../risk/fixtures.js';
import { testPorts } from '../storage/ports.js';
import * as s from '../storage/samples.js';
import { batchOf, HOUR_MS, sampleBook } from '../storage/tick-samples.js';

const trading = tradingSchema.parse({
  assets: { BTC: {}, USDT: {} },
  pairs: [{ pair: 'BTC-USDT' }],
  exchanges: {
    binance: { paperLatency: { medianMs: 10, p99Ms: 40 } },
    okx: { paperLatency: { medianMs: 10, p99Ms: 70 } },
  },
});
const ports = testPorts();
const route = { pair: 'BTC-USDT', buyOn: 'binance', sellOn: 'okx' };

/** The mid of a market every 10 ms as a recorder would have kept it. */
const rowsOf = (exchange: string, mids: readonly number[]) =>
  mids.map((mid, i) =>
    sampleBook('BTC', {
      ...{ exchange, instrument: `${exchange}:BTC-USDT`, sequence: i },
      ...{ exchangeTimeMs: HOUR_MS + i * 10, receiveTimeMs: HOUR_MS + i * 10 },
      ...{ bidPrices: [mid - 0.5], bidSizes: [1], askPrices: [mid + 0.5], askSizes: [1] },
    }),
  );

t.test('recorded ticks teach every direction that is traded and had enough edges', async (t) => {
  t.same(
    decayRoutes(trading)
      .map(({ buyOn, sellOn }) => `${buyOn} ${sellOn}`)
      .sort(),
    ['binance okx', 'okx binance'],
  );
  const ticks = memoryTicks(new MemoryEngine(createMemoryTicks(), noFaults(), ports.timers, ports.clock));
  // Six times 40 bps are there for two rows and half of it for two more.
  const edge = Array.from({ length: 6 }, () => [
    10_000, 10_041, 10_041, 10_021, 10_021, 10_000, 10_000,
  ]).flat();
  await ticks.insert(batchOf('orderbook_snapshots', rowsOf('okx', edge)));
  await ticks.insert(
    batchOf(
      'orderbook_snapshots',
      rowsOf(
        'binance',
        edge.map(() => 10_000),
      ),
    ),
  );
  const learned = await learnFromBooks({
    ...{ trading, ticks, range: { fromMs: 0, toMs: HOUR_MS + 3_600_000 } },
    question: { floorBps: 10, maxGapMs: 1000, minSamples: 5 },
    latencyOf: () => 20,
  });
  t.equal(learned.length, 1, 'nothing is learned of a direction without edges');
  t.match(learned[0], { ...route, samples: 6, latencyMs: 20 });
  t.ok(Math.abs(learned[0]!.bps - 20) < 0.1, `${learned[0]!.bps} bps of 40 are gone after 20 ms`);
  await ticks.close();
});

t.test(
  'the latency that a loss stands for is measured where fills are real, and assumed with care on paper',
  async (t) => {
    const stores = await openStores({ kind: 'memory', mode: 'SIMULATED' }, testPorts());
    t.teardown(() => stores.close());
    const evidenceOf = (mode: ModeName) => tradeEvidence(stores, mode);
    t.equal(
      exchangeToFill(trading, await evidenceOf('PAPER'))(route),
      70,
      'the slower exchange, at its worst',
    );
    const orders = [];
    for (let i = 0; i < 12; i++) {
      const signal = s.sampleSignal(`f${i}`);
      await stores.signals.saveSignal(signal, s.approved(signal));
      await stores.trades.closeArbitrage(s.sampleClosed(`f${i}`, { attribution: PARTS }));
      const leg = s.sampleLeg(`f${i}`, { legIndex: 1 });
      const fill = s.sampleFill(`f${i}`, { exchangeTimeMs: signal.legs[1]!.exchangeTimeMs + 100 + i });
      orders.push({ leg, result: s.sampleResult(leg, { fills: [fill] }) });
    }
    const evidence = { ...(await evidenceOf('SIMULATED')), orders };
    t.equal(exchangeToFill(trading, evidence)(route), 110, 'nine in ten are filled by then');
    t.equal(
      exchangeToFill(trading, evidence)({ ...route, buyOn: 'okx', sellOn: 'binance' }),
      74.5,
      '4.5 to the signal',
    );
    t.equal(
      exchangeToFill(trading, { ...evidence, mode: 'PAPER' })(route),
      74.5,
      'fills of paper measure nothing',
    );

    for (const mode of ['PAPER', 'SIMULATED', 'REPLAY'] as const)
      t.throws(() => learnFromFills({ ...evidence, mode }, 2), { code: 'ARB_MODE_MIXED' });
    const [learned] = learnFromFills({ ...evidence, mode: 'LIVE' }, 2);
    // 0.01 was set aside, −0.04 and −0.03 came: 0.08 of 60.06 were lost.
    t.match(learned, { ...route, samples: 12 });
    t.ok(Math.abs(learned!.bps - (0.08 / 60.06) * 1e4) < 0.01, `${learned!.bps} bps`);
  },
);

const PARTS = { priceMove: '-0.04', fees: '0.05', slippage: '0', latency: '-0.03', legFailure: '0' };

t.test('what was learned is taken of its own market only', async (t) => {
  const decay = { ...route, bps: 3, meanBps: 2, samples: 40, latencyMs: 90 };
  const text = (changes: object) =>
    JSON.stringify({
      ...{ version: 1, market: 'live', provenance: 'recorded-books', learnedAtMs: 1, fromMs: 0, toMs: 1 },
      ...{ decays: [decay], ...changes },
    });
  const load = async (stored: string | null, market: 'live' | 'simulated') => {
    const decays = new LearnedDecays();
    const get = async (key: string) => (key === LEARNED_DECAYS_KEY ? stored : null);
    await loadDecays({ get }, decays, market);
    return decays.bpsOf('BTC-USDT', 'binance', 'okx');
  };
  t.equal(await load(text({}), 'live'), 3);
  t.equal(await load(null, 'live'), null);
  await t.rejects(load(text({ market: 'simulated' }), 'live'), { code: 'ARB_MODE_MIXED' });
  for (const bad of ['{', text({ provenance: 'paper-fills' }), text({ decays: [{ ...decay, bps: -1 }] })])
    t.throws(() => decodeLearnedDecays(bad), { code: 'ARB_CONFIG_INVALID' });
});

t.test('where the account’s own rates decide, a market waits for them', (t) => {
  const asking = tradingSchema.parse({
    ...{ assets: { BTC: {}, USDT: {} }, pairs: [{ pair: 'BTC-USDT' }] },
    exchanges: { binance: { feeSource: 'account', takerFeeBps: 5 }, okx: { feeTier: 'vip1' } },
  });
  const fees = { takerFeeRate: '0.001', makerFeeRate: '0.0008', feeMode: 'received' as const };
  t.match(
    exchangeTermsOf(asking, [
      { exchange: 'binance', fees },
      { exchange: 'okx', fees },
      { exchange: 'gate', fees },
    ]),
    [
      { tier: 'configured', takerFee: '0.0005' },
      { tier: 'vip1', takerFee: '0.0008', makerFee: '0.0006' },
      { tier: 'default', takerFee: '0.001', active: false },
    ],
  );
  const rates = new AccountRates();
  const listed: Instrument = { ...instrument('binance'), state: 'trading' };
  t.match(onAccountTerms(asking, rates, listed), { state: 'unknown' });
  rates.set('binance', listed.symbol, { takerFeeRate: '0.0008', makerFeeRate: '0.0008' });
  t.match(onAccountTerms(asking, rates, listed), { state: 'trading', takerFeeRate: '0.0008' });
  t.match(onAccountTerms(asking, rates, { ...listed, state: 'halted' }), { state: 'halted' });
  t.match(onAccountTerms(asking, rates, instrument('okx')), { state: 'trading', takerFeeRate: '0.0008' });
  t.end();
});
