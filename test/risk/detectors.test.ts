import t from 'tap';
import fc from 'fast-check';
import { Decimal } from '../../src/market/decimal.js';
import { Breaker, type BreakerEvent, type BreakerLimits } from '../../src/risk/breaker.js';
import { deviationsOf } from '../../src/risk/flash/cross-exchange.js';
import { DepthCollapse } from '../../src/risk/flash/depth-collapse.js';
import { PriceBand } from '../../src/risk/flash/price-band.js';
import { ReturnScore } from '../../src/risk/flash/return-score.js';
import { TimeWindow } from '../../src/risk/flash/time-window.js';
import { Velocity } from '../../src/risk/flash/velocity.js';
import { MarketWatch, wildPairs, type MarketSample } from '../../src/risk/flash/watch.js';
import { exposureSnapshot, timeInMarket } from '../../src/statistics/exposure.js';
import { LIMITS, NOW } from './fixtures.js';

const steps = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    price: fc.double({ min: 1, max: 1_000, noNaN: true }),
  }),
  { minLength: 1, maxLength: 60 },
);

t.test('velocity keeps the highest and lowest price of its window, whatever comes', async () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 10_000 }), (moves, windowMs) => {
      const velocity = new Velocity({ windowMs, drop: 0.1, rise: 0.1 });
      const seen: { at: number; price: number }[] = [];
      let at = 0;
      for (const { afterMs, price } of moves) {
        at += afterMs;
        seen.push({ at, price });
        const inside = seen.filter((one) => one.at > at - windowMs).map((one) => one.price);
        const expected = { drop: price / Math.max(...inside) - 1, rise: price / Math.min(...inside) - 1 };
        const { drop, rise, trigger } = velocity.add(at, price);
        if (drop !== expected.drop || rise !== expected.rise) throw new Error(`${drop} ${rise}`);
        const wanted = drop <= -0.1 ? 'DOWN' : rise >= 0.1 ? 'UP' : null;
        if (trigger !== wanted) throw new Error(String(trigger));
      }
    }),
  );
});

t.test('a time window has the mean of what is in it, and never more than it may', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100, max: 100 }), { maxLength: 5_000 }), (values) => {
      const window = new TimeWindow(1_500);
      values.forEach((value, at) => window.push(at, value));
      window.dropWhile((at) => at < values.length - 1_400);
      const kept = values.slice(-1_400);
      const mean = kept.length === 0 ? null : kept.reduce((a, b) => a + b, 0) / kept.length;
      if (window.size !== kept.length) throw new Error('size');
      if (mean === null ? window.mean() !== null : Math.abs(window.mean()! - mean) > 1e-9)
        throw new Error('mean');
    }),
    { numRuns: 30 },
  );
  const window = new TimeWindow(3);
  for (const value of [1, 2, 3, 4]) window.push(value, value);
  t.equal(window.size, 3);
  t.equal(window.mean(), 3);
  window.clear();
  t.equal(window.mean(), null);
});

t.test('a return is judged by those before it, after a warm-up, and not over a gap', async (t) => {
  const score = new ReturnScore({ lambda: 0.94, k: 6, warmup: 3, sigmaFloor: 0.001 });
  for (const price of [100, 100.01, 100, 100.01]) t.equal(score.add(price).z, null);
  const { z, trigger } = score.add(101);
  t.ok(z !== null && z > 6 && trigger);
  score.breakOff();
  t.strictSame(score.add(50), { r: null, z: null, sigmaNext: null, trigger: false }, 'the first after a gap');
  t.equal(score.add(50).trigger, false);
});

t.test('a band pauses a market that stays outside, and begins anew after it', async (t) => {
  const limits = {
    windowMs: 300_000,
    referenceMove: 0.01,
    referenceHoldMs: 30_000,
    limitStateMs: 15_000,
    pauseMs: 60_000,
  };
  const band = new PriceBand({ ...limits, band: 0.05 });
  const stateAt = (at: number, price: number) => band.add(at, price).state;
  t.equal(stateAt(0, 100), 'NORMAL');
  t.equal(stateAt(1_000, 95), 'LIMIT', 'at the band is outside');
  t.equal(stateAt(2_000, 96), 'NORMAL');
  t.equal(stateAt(3_000, 90), 'LIMIT');
  t.equal(stateAt(17_999, 90), 'LIMIT');
  t.equal(stateAt(18_000, 90), 'PAUSED');
  t.equal(stateAt(77_999, 100), 'PAUSED', 'also when it came back');
  t.strictSame(band.add(78_000, 90), {
    ref: 90,
    lower: 85.5,
    upper: 94.5,
    outOfBand: false,
    state: 'NORMAL',
  });
});

t.test('of three exchanges the one away is isolated, of two nobody is', async (t) => {
  const price = (id: string, at: number, ageMs = 0) => ({ id, price: at, ageMs });
  const limits = { theta: 0.02, maxAgeMs: 1_000 };
  const reading = deviationsOf([price('a', 100), price('b', 100), price('c', 97)], limits);
  t.strictSame([reading.isolated, reading.suspect, reading.marketWide], [['c'], ['c'], false]);
  const two = deviationsOf([price('a', 100), price('b', 100, 1_001), price('c', 97)], limits);
  t.strictSame([two.stale, two.suspect, two.deviation.get('c')], [['b'], [], null]);
});

t.test('depth is judged by what was usual before the sample', async (t) => {
  const collapse = new DepthCollapse({ lambda: 0.9, depthRatio: 0.3, spreadRatio: 4 });
  t.strictSame(collapse.add(10, 1), {
    depthRatio: null,
    spreadRatio: null,
    depthCollapse: false,
    spreadBlowout: false,
  });
  t.match(collapse.add(3, 4), { depthRatio: 0.3, spreadRatio: 4, depthCollapse: true, spreadBlowout: true });
  const empty = new DepthCollapse({ lambda: 0.9, depthRatio: 0.3, spreadRatio: 4 });
  empty.add(0, 0);
  t.match(empty.add(5, 5), { depthRatio: null, spreadRatio: null }, 'nothing is no measure');
});

const sample = (exchange: string, price: number, changes: Partial<MarketSample> = {}): MarketSample => ({
  instrument: `${exchange}:BTC-USDT`,
  exchange,
  pair: 'BTC-USDT',
  bid: price * 0.9999,
  ask: price * 1.0001,
  depth: 10,
  ageMs: 0,
  ...changes,
});

/** A watch over three exchanges that have stood still for a while, and what it tells of the next samples. */
function calmWatch() {
  const watch = new MarketWatch(LIMITS.flash);
  let atMs = NOW;
  const look = (samples: readonly MarketSample[]) => {
    atMs += 500;
    watch.sample(samples, atMs);
    return watch.alarms().map(({ detector, instrument }) => `${detector} ${instrument}`);
  };
  const exchanges = ['alpha', 'beta', 'gamma'];
  for (let i = 0; i < 40; i++) look(exchanges.map((exchange) => sample(exchange, 1_000)));
  return { watch, look, exchanges };
}

t.test('a fall on one exchange alarms its market alone, and ends some time after its cause', async (t) => {
  const { watch, look } = calmWatch();
  const at = (price: number) => look([sample('alpha', price), sample('beta', 1_000), sample('gamma', 1_000)]);
  t.strictSame(at(980), [], '2 % are none');
  t.strictSame(at(940).sort(), [
    'deviation alpha:BTC-USDT',
    'return alpha:BTC-USDT',
    'velocity alpha:BTC-USDT',
  ]);
  t.match(watch.alarms()[0], { limit: '0.05', actual: '-0.0600000', unit: 'in 5000 ms' });
  t.strictSame(wildPairs(watch.alarms()), [], 'one exchange is not the market');
  let told = at(1_000);
  for (let i = 0; i < 40; i++) told = at(1_000);
  t.strictSame(told, [], 'over');
});

t.test('the market is wild where several exchanges move, and a slow fall of a third is none', async (t) => {
  const { watch, look, exchanges } = calmWatch();
  look(exchanges.map((exchange) => sample(exchange, 900)));
  t.strictSame(wildPairs(watch.alarms()), ['BTC-USDT']);
  const slow = calmWatch();
  // 30 % within two hours.
  for (let i = 1; i <= 14_400; i++) {
    const alarms = slow.look(
      slow.exchanges.map((exchange) => sample(exchange, 1_000 * (1 - (0.3 * i) / 14_400))),
    );
    if (alarms.length > 0) throw new Error(alarms.join());
  }
  t.pass('nothing was told');
});

t.test(
  'a book that lost its depth alarms, and a market that was away is not judged by the gap',
  async (t) => {
    const { watch, look } = calmWatch();
    t.strictSame(look([sample('alpha', 1_000, { depth: 0.9 })]), ['depth alpha:BTC-USDT']);
    const gap = new MarketWatch(LIMITS.flash);
    for (let i = 0; i < 40; i++) gap.sample([sample('alpha', 1_000)], NOW + i * 250);
    gap.sample([sample('alpha', 1_080)], NOW + 60_000);
    t.strictSame(gap.alarms(), [], '8 % in a minute without data');
    t.ok(watch.alarms().length > 0);
  },
);

const BREAKER: BreakerLimits = { ...LIMITS.breaker, cooldownMs: 1_000, maxCooldownMs: 4_000 };

t.test('a breaker opens by errors within its window only, and tries small before it closes', async (t) => {
  const breaker = new Breaker(BREAKER);
  const call = (ok: boolean, at: number) => breaker.step({ kind: 'call', ok }, at);
  for (let i = 0; i < 5; i++) call(false, i);
  t.equal(breaker.record.state, 'CLOSED', 'too few');
  call(true, 60_000);
  t.equal(breaker.record.state, 'CLOSED', 'the first of them is over');
  for (let i = 0; i < 6; i++) call(i % 2 === 0, 130_000 + i);
  t.match(breaker.record, { state: 'OPEN', reason: 'error_rate', latched: false });
  t.equal(breaker.sizeFactor.toFixed(), '0');
  breaker.step({ kind: 'tick' }, 131_004);
  t.equal(breaker.record.state, 'OPEN');
  breaker.step({ kind: 'tick' }, 131_005);
  t.match(
    [breaker.record.state, breaker.allowsTrades, breaker.sizeFactor.toFixed()],
    ['HALF_OPEN', true, '0.1'],
  );
  call(false, 131_100);
  t.match(breaker.record, { state: 'OPEN', reason: 'probe_failed', cooldownMs: 2_000 });
  breaker.step({ kind: 'tick' }, 133_100);
  call(true, 133_101);
  call(true, 133_102);
  t.match(breaker.record, { state: 'CLOSED', cooldownMs: 1_000 });
});

t.test('a person’s breaker is closed by a person, and stays so over a restart', async (t) => {
  const breaker = new Breaker(BREAKER);
  breaker.step({ kind: 'trip' }, 5);
  const again = new Breaker(BREAKER);
  again.restore(breaker.record);
  again.step({ kind: 'tick' }, 1e9);
  again.step({ kind: 'signal', reason: 'flash_crash' }, 1e9);
  t.match(again.record, { state: 'OPEN', reason: 'manual', latched: true });
  again.step({ kind: 'reset' }, 1e9);
  t.equal(again.record.state, 'CLOSED');
});

const breakerEvent: fc.Arbitrary<BreakerEvent> = fc.oneof(
  fc.constant({ kind: 'tick' as const }),
  fc.integer({ min: -20, max: 20 }).map((n) => ({ kind: 'pnl' as const, value: new Decimal(n) })),
  fc.boolean().map((ok) => ({ kind: 'call' as const, ok })),
  fc.constant({ kind: 'signal' as const, reason: 'flash_crash' }),
  fc.constant({ kind: 'trip' as const }),
  fc.constant({ kind: 'reset' as const }),
);

t.test(
  'whatever comes, a breaker is open only with a reason, backs off within its bounds, and can be reset',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), breakerEvent), { maxLength: 80 }),
        (events) => {
          const breaker = new Breaker({ ...BREAKER, minCalls: 2 });
          let at = 0;
          for (const [afterMs, event] of events) {
            at += afterMs;
            const before = breaker.record;
            breaker.step(event, at);
            const { state, reason, cooldownMs, latched, openedAtMs } = breaker.record;
            if ((state === 'CLOSED') !== (reason === null)) throw new Error(`${state} ${reason}`);
            if (cooldownMs < 1_000 || cooldownMs > 4_000) throw new Error(`cool-down ${cooldownMs}`);
            if (latched && state !== 'OPEN') throw new Error('latched and not open');
            if (breaker.allowsTrades === breaker.sizeFactor.isZero()) throw new Error('size');
            // Only time or a person ends what is open.
            if (before.state === 'OPEN' && state !== 'OPEN' && event.kind !== 'reset')
              if (before.latched || at < before.openedAtMs + before.cooldownMs) throw new Error('too early');
            if (openedAtMs > at) throw new Error('opened in the future');
          }
          breaker.step({ kind: 'reset' }, at);
          if (!breaker.allowsTrades) throw new Error('a person could not reset it');
        },
      ),
      { numRuns: 300 },
    );
  },
);

t.test('gross and net exposure, by asset, and time in the market', async (t) => {
  const position = (asset: string, quantity: string, mark: string) => ({
    asset,
    quantity: new Decimal(quantity),
    mark: new Decimal(mark),
  });
  const snapshot = exposureSnapshot(
    [position('BTC', '2', '10'), position('BTC', '-1', '11'), position('ETH', '3', '1')],
    new Decimal(17),
  );
  t.equal(snapshot.gross.toFixed(), '34');
  t.equal(snapshot.net.toFixed(), '12');
  t.equal(snapshot.grossLeverage?.toFixed(), '2');
  t.equal(snapshot.netByAsset.get('BTC')?.toFixed(), '9');
  t.equal(exposureSnapshot([], new Decimal(0)).grossLeverage, null);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 1, max: 10 })), { maxLength: 12 }),
      (held) => {
        const intervals = held.map(([from, length]) => [from, from + length] as const);
        const open = Array.from(
          { length: 100 },
          (_, at) => intervals.filter(([from, to]) => at >= from && at < to).length,
        );
        const { timeInMarket: share, maxConcurrent } = timeInMarket(intervals, 100);
        if (!share.times(100).eq(open.filter((n) => n > 0).length)) throw new Error('time');
        if (maxConcurrent !== Math.max(...open)) throw new Error('concurrent');
      },
    ),
  );
});
