import t from 'tap';
import { PairJournal } from '../../src/actors/pair-journal.js';
import { pairEnd, type PairEnd, type PairEndStores } from '../../src/actors/pair-ends.js';
import { PairTests } from '../../src/actors/pair-tests.js';
import type { PairTest, PairTestResult } from '../../src/detectors/statistical/pair-test.js';
import { ArbotError } from '../../src/messages/errors.js';
import { decodePosition, pairPosition, type PairPosition } from '../../src/messages/pair-positions.js';
import type { Compute } from '../../src/ports/compute.js';
import type { JournalledOrder, SettingsStore } from '../../src/ports/stores.js';
import { PairPrices } from '../detectors/pair-world.js';
import { PairTraderWorld } from './pair-trader.js';

const ENTERED = 900;
const held = (world: PairTraderWorld) =>
  world.signals.filter(({ position }) => position!.action === 'enter').length > 0;

t.test(
  'a position is written down before its signal leaves, read from the orders, and gone when it is left',
  async (t) => {
    const world = new PairTraderWorld();
    await world.start();
    await world.bars(150);
    t.match(world.summary, {
      strategy: 'statistical',
      state: /^warming up: 1\d\d of 300 bars$/,
      learnedBars: 0,
    });
    await world.bars(ENTERED, () => held(world));
    t.equal(world.signals.length, 1);
    const [entry] = world.signals;
    const written = pairPosition.parse(JSON.parse(world.journalAtSignal[0]!));
    t.match(written.pending, { signalId: entry!.signalId, action: 'enter' });
    await world.bars(1);
    const [now] = world.journal().map((text) => pairPosition.parse(JSON.parse(text)));
    t.equal(now!.pending, null, 'the end was told, and its orders were read');
    const [buy, sell] = entry!.legs;
    const [bought, sold] =
      now!.direction === 'long' ? [now!.held.first, now!.held.second] : [now!.held.second, now!.held.first];
    t.equal(bought, buy!.quantity, 'a fill that is told twice counts once');
    t.equal(sold, `-${sell!.quantity}`);
    await world.bars(400, () => world.signals.length === 2);
    t.not(world.signals[1]!.position!.action, 'enter');
    await world.bars(1);
    t.strictSame(world.journal(), []);
    t.ok(world.events.every(({ strategy }) => strategy === 'statistical'));
    t.match(world.summary, { signals: 2, queue: { dropped: 0, failed: 0 }, unresolved: '' });
  },
);

t.test('a kill at any moment loses no position and doubles none', async (t) => {
  const world = new PairTraderWorld();
  await world.start();
  world.tradesAs = 'silent';
  await world.bars(ENTERED, () => held(world));
  const [entry] = world.signals;
  await world.kill();
  t.match(world.summary, { positions: [{ waitsFor: 'enter' }] });
  await world.bars(60);
  t.match(world.summary['unresolved'], /no verdict is known/);
  t.equal(world.signals.length, 1, 'nothing is offered of its assets meanwhile');
  // It had been traded after all, and nobody who heard it lives.
  world.trade(entry!, false);
  await world.kill();
  world.tradesAs = 'filled';
  await world.bars(10);
  t.match(world.summary, { unresolved: '' });
  await world.bars(400, () => world.signals.length === 2);
  t.equal(world.signals[1]!.position!.positionId, entry!.position!.positionId);
  t.not(world.signals[1]!.position!.action, 'enter');
  await world.kill();
  await world.bars(10);
  t.strictSame(world.journal(), []);
});

t.test(
  'a signal that nobody knows of is waited for, and after three quiet minutes was not traded',
  async (t) => {
    const world = new PairTraderWorld();
    await world.start();
    world.tradesAs = 'silent';
    await world.bars(ENTERED, () => held(world));
    await world.bars(170);
    t.equal(world.journal().length, 1);
    await world.bars(20);
    t.strictSame(world.journal(), []);
    t.ok(world.events.some(({ reason }) => reason === 'NOT_FILLED'));
  },
);

t.test('a refusal is told, and nothing is held', async (t) => {
  const world = new PairTraderWorld();
  await world.start();
  world.tradesAs = 'refused';
  await world.bars(ENTERED, () => held(world));
  await world.bars(1);
  t.strictSame(world.journal(), []);
  t.ok(world.events.some(({ phase, reason }) => phase === 'refused' && reason === 'KILL_SWITCH'));
});

t.test('what cannot be written down is not sent', async (t) => {
  const world = new PairTraderWorld();
  await world.start();
  await world.bars(200);
  world.away.settings = true;
  await world.bars(ENTERED, () =>
    world.log.lines.some(({ message }) => message.includes('were not written')),
  );
  t.equal(world.signals.length, 0);
  await world.bars(5);
  world.away.settings = false;
  await world.bars(3);
  t.equal(world.signals.length, 0, 'it was worth nothing any more');
  t.ok(world.events.some(({ reason }) => reason === 'JOURNAL'));
  t.strictSame(world.journal(), []);
  await world.bars(ENTERED, () => held(world));
  t.equal(world.signals.length, 1, 'and the next is');
});

t.test('a detector whose positions another has taken over ends', async (t) => {
  const world = new PairTraderWorld();
  await world.start();
  await world.bars(200);
  world.settings.set('pair-positions.owner', 'own-somebody-else');
  await world.bars(ENTERED, () => world.state !== 'running');
  t.not(world.state, 'running');
  t.equal(world.signals.length, 0);
});

t.test('history is read before the first look, and a store that is away costs only time', async (t) => {
  const prices = new PairPrices(2);
  const rows = Array.from({ length: 300 }, () => {
    prices.step();
    return { X: prices.of('X'), Y: prices.of('Y'), Z: prices.of('Z') };
  });
  const asked: string[] = [];
  const world = new PairTraderWorld({
    prices,
    mids: async (instrument, { fromMs, toMs }, bucketMs) => {
      asked.push(instrument);
      const asset = instrument.split(':')[1]!.split('-')[0] as 'X' | 'Y' | 'Z';
      const first = Math.floor(fromMs / bucketMs);
      return rows.flatMap((row, at) =>
        (first + at) * bucketMs < toMs ? [{ fromMs: (first + at) * bucketMs, mid: row[asset] }] : [],
      );
    },
  });
  await world.start();
  await world.bars(2);
  t.strictSame(asked, ['alpha:X-USDT', 'alpha:Y-USDT', 'alpha:Z-USDT']);
  t.match(world.summary, { state: 'running', learnedBars: 900 });
  const away = new PairTraderWorld({ mids: () => Promise.reject(new Error('planted')) });
  await away.start();
  await away.bars(3);
  t.match(away.summary, { state: 'warming up: 3 of 300 bars' });
  t.ok(away.log.lines.some(({ message }) => message.includes('no recorded mids')));
});

const testOf = (quote: string, bar: number): PairTest => ({
  ...{ quote, bar, series: [], candidates: [] },
  terms: { falseDiscoveryRate: 0.05, minHalfLife: 1, maxHalfLife: 9, stationaryP: 0.01 },
});

t.test(
  'of tests that wait the oldest is dropped and counted, and one that fails is made again',
  async (t) => {
    const running: {
      test: PairTest;
      resolve: (result: PairTestResult) => void;
      reject: (error: Error) => void;
    }[] = [];
    const compute: Compute = {
      run: (_, test) =>
        new Promise((resolve, reject) => {
          running.push({ test: test as PairTest, resolve: resolve as never, reject });
        }),
      close: () => Promise.resolve(),
    };
    const told: string[] = [];
    const tests = new PairTests({
      compute,
      tested: ({ quote, bar }) => told.push(`${quote} ${bar}`),
      notTested: (quote, error) => told.push(`${quote} ${error}`),
    });
    tests.ask(testOf('A', 1));
    tests.ask(testOf('A', 2));
    tests.ask(testOf('A', 3));
    t.equal(running.length, 1, 'one at a time');
    t.strictSame([tests.depth, tests.dropped], [1, 1]);
    for (let quote = 0; quote < 9; quote++) tests.ask(testOf(`Q${quote}`, 1));
    t.equal(tests.depth, 8, 'bounded');
    t.strictSame(told, ['A null', 'Q0 null'], 'what was dropped is told');
    running[0]!.resolve({ quote: 'A', bar: 1, verdicts: [] });
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(running[1]!.test.quote, 'Q1');
    running[1]!.reject(new ArbotError('ARB_COMPUTE_BUSY', 'planted'));
    await new Promise((resolve) => setImmediate(resolve));
    t.equal(running.length, 3);
    t.match(told.slice(2), ['A 1', /^Q1 .*planted/]);
    t.strictSame([tests.done, tests.failed, tests.dropped], [1, 1, 3]);
  },
);

const POSITION: PairPosition = {
  ...{ positionId: 'a1:X-USDT~a1:Y-USDT', first: 'a1:X-USDT', second: 'a1:Y-USDT', direction: 'long' },
  ...{ opportunityId: 'opp-1', enteredAtMs: 5, barMs: 1_000, alpha: 0, beta: 1 },
  found: { intercept: 0, beta: 1, spreadDeviation: 0.01, halfLife: 5, pValue: 0.001 },
  held: { first: '0', second: '0', quote: '0' },
  wanted: null,
  pending: { signalId: 'sig-1', opportunityId: 'opp-1', action: 'enter', sentAtMs: 1_000 },
};

function settingsOf(kept: Map<string, string>): SettingsStore {
  return {
    claimMode: () => Promise.resolve(),
    get: async (key) => kept.get(key) ?? null,
    set: async (key, value) => {
      if (value.length > 8_192) throw new Error('too long for a setting');
      kept.set(key, value);
    },
  };
}

t.test('the journal has room for its positions, and never takes one for none', async (t) => {
  const kept = new Map<string, string>();
  const { journal } = await PairJournal.open(settingsOf(kept), 'own-1');
  const many = Array.from({ length: 20 }, (_, at) => ({
    ...POSITION,
    positionId: `p${at}:X-USDT~a1:Y-USDT`,
  }));
  await journal.write(many);
  await t.rejects(journal.write([...many, POSITION]), { code: 'ARB_INVARIANT' });
  await journal.write(many.slice(5));
  await journal.write([POSITION, ...many.slice(5)]);
  const { positions } = await PairJournal.open(settingsOf(kept), 'own-2');
  t.equal(positions.length, 16);
  await t.rejects(journal.write([]), { code: 'ARB_STORE_CONFLICT' }, 'the former owner ends');
  t.throws(() => decodePosition(3, '{"positionId":"x"}'), { code: 'ARB_CONFIG_INVALID' });
  t.throws(() => decodePosition(3, '{'), { code: 'ARB_CONFIG_INVALID' });
  t.equal(decodePosition(3, null), null);
});

t.test('what became of a signal is said by the stores, or not at all', async (t) => {
  const world = new PairTraderWorld();
  const signal = { signalId: 'sig-1', opportunityId: 'opp-1' };
  const order = (status: 'filled' | 'unknown' | null): JournalledOrder =>
    ({
      leg: {},
      result:
        status === null
          ? null
          : {
              status,
              fills: [
                {
                  instrument: 'a1:X-USDT',
                  tradeId: '1',
                  side: 'buy',
                  price: '10',
                  quantity: '2',
                  fee: '0.002',
                  feeAsset: 'X',
                },
                {
                  instrument: 'b1:Y-USDT',
                  tradeId: '1',
                  side: 'sell',
                  price: '5',
                  quantity: '4',
                  fee: '0.02',
                  feeAsset: 'USDT',
                },
              ],
            },
    }) as unknown as JournalledOrder;
  const end = (facts: {
    closed?: boolean;
    orders?: JournalledOrder[];
    verdict?: 'approved' | 'refused';
    open?: number;
    nowMs?: number;
  }): Promise<PairEnd> => {
    const stores = {
      trades: {
        recentArbitrages: async () => (facts.closed === true ? [{ ...signal, arbitrageId: 'arb-v1' }] : []),
        ordersOf: async () => facts.orders ?? [],
        openLegs: async () => Array.from({ length: facts.open ?? 0 }, () => ({})),
      },
      signals: {
        recentSignals: async () =>
          facts.verdict === undefined
            ? []
            : [{ signal, verdict: { decision: facts.verdict, verdictId: 'v1' } }],
      },
    } as unknown as PairEndStores;
    return pairEnd(stores, {
      ...{ position: POSITION, arbitrageId: null, nowMs: facts.nowMs ?? 2_000 },
      instruments: new Map(world.markets.instruments.map((one) => [one.id, one])),
    });
  };
  const traded = await end({ closed: true, orders: [order('filled')] });
  t.equal(traded.kind, 'traded');
  if (traded.kind === 'traded')
    t.strictSame(
      [traded.traded.first.toFixed(), traded.traded.second.toFixed(), traded.traded.quote.toFixed()],
      ['1.998', '-4', '-0.02'],
      'what was hedged elsewhere and what a fee took counts',
    );
  t.match(await end({ closed: true, orders: [order('filled'), order(null)] }), { kind: 'unknown' });
  t.match(await end({ closed: true, orders: [order('unknown')] }), { kind: 'unknown' });
  t.match(await end({ closed: true, orders: [] }), { kind: 'nothing' });
  t.match(await end({ verdict: 'refused' }), { kind: 'nothing' });
  t.match(
    await end({ verdict: 'approved', orders: [order('filled')] }),
    { kind: 'unknown' },
    'it has not ended',
  );
  t.match(await end({ verdict: 'approved' }), { kind: 'unknown' });
  t.match(await end({ verdict: 'approved', nowMs: 1e9 }), { kind: 'nothing' }, 'approved and never begun');
  t.match(await end({}), { kind: 'unknown' });
  t.match(await end({ nowMs: 1e9, open: 1 }), { kind: 'unknown' }, 'a leg that is open may be its own');
  t.match(await end({ nowMs: 1e9 }), { kind: 'nothing' });
});
