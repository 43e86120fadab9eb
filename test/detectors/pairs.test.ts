import fc from 'fast-check';
import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import { orderRulesOf, violationsOfText } from '../../src/market/order-rules.js';
import { pairPosition } from '../../src/messages/pair-positions.js';
import { opportunityEvent, signal as signalSchema, type Signal } from '../../src/messages/signal.js';
import { MidBars } from '../../src/detectors/statistical/mid-bars.js';
import {
  bestPairSize,
  netOfPair,
  type FloatLevels,
  type PairSizeQuestion,
} from '../../src/detectors/statistical/pair-size.js';
import { Oracle, type EnteredPair } from '../../src/simulator/oracle.js';
import type { PriceTie } from '../../src/simulator/price-ties.js';
import { PriceWorld } from '../../src/simulator/price-world.js';
import { BAR_MS, PairPrices, PairWorld, START_MS, type PairWorldOptions } from './pair-world.js';

/** Seeds of the price world in which positions are entered soon. */
const LIVELY = 2;

const ofAction = (signals: readonly Signal[], isEntry: boolean) =>
  signals.filter(({ position }) => (position!.action === 'enter') === isEntry);

/** Until something is held; throws when nothing ever is. */
function untilHeld(options: PairWorldOptions = {}): PairWorld {
  const world = new PairWorld({ seed: LIVELY, ...options });
  for (let bar = 0; bar < 2_000; bar++) {
    world.bar();
    const [position] = world.detector.positions;
    if (position !== undefined && position.pending === null) return world;
  }
  throw new Error('nothing was ever entered');
}

t.test('a pair that returns is found, entered and left, and every signal explains itself', async (t) => {
  const world = new PairWorld({ seed: LIVELY, exchanges: ['alpha', 'beta'] });
  world.bars(800);
  const { signals, instruments } = world;
  const [entries, exits] = [ofAction(signals, true), ofAction(signals, false)];
  t.ok(entries.length >= 3, `${entries.length} entries`);
  t.ok(exits.length >= entries.length - 1 && exits.length <= entries.length, `${exits.length} exits`);
  for (const signal of signals) {
    signalSchema.parse(signal);
    t.equal(signal.shape, 'pair');
    const [buy, sell] = signal.legs;
    t.strictSame([buy!.side, sell!.side], ['buy', 'sell']);
    t.not(buy!.instrument, sell!.instrument);
    const { gross, feeBuy, feeSell, latencyDecay, transfer, net } = signal.edge;
    const sum = [feeBuy, feeSell, latencyDecay, transfer].reduce(
      (left, part) => left.minus(part),
      new Decimal(gross),
    );
    t.equal(sum.toFixed(), new Decimal(net).toFixed(), 'net is gross less its parts');
    for (const leg of signal.legs) {
      const instrument = instruments.find(({ id }) => id === leg.instrument)!;
      t.strictSame(violationsOfText(leg, instrument), [], 'on both lattices and above both minimums');
      t.ok(leg.levels.length > 0 && leg.bookSequence > 0, 'the book it was computed from');
    }
    if (signal.position!.action !== 'enter') continue;
    t.ok(signal.netBps >= world.parameters.minNetBps, 'worth more than the whole way in and out');
    t.ok(Number(signal.edge.feeBuy) > 0 && Number(signal.edge.feeSell) > 0);
    t.ok(Number(signal.notional) <= 5_000);
    t.ok(Math.abs(signal.position!.zScore) >= world.parameters.trader.entryZ);
  }
  for (const effect of world.effects) if (effect.kind === 'opportunity') opportunityEvent.parse(effect.event);
  const ids = signals.map(({ opportunityId }) => opportunityId);
  t.equal(new Set(ids).size, ids.length, 'each way in and each way out is an opportunity of its own');
  for (const position of world.positions) pairPosition.parse(position);
  const summary = world.detector.summary();
  t.match(summary, { state: 'running', markets: 6, candidates: 12, leftOut: 0 });
  t.ok(JSON.stringify(summary.pairs).length < 20_000);
});

t.test(
  'entries and exits alternate, no asset is held twice, and what is left is what was entered',
  async (t) => {
    const world = new PairWorld({ seed: LIVELY, exchanges: ['alpha', 'beta'] });
    const held = new Map<string, { readonly first: string; readonly second: string }>();
    for (let bar = 0; bar < 600; bar++) {
      world.bar();
      const { positions } = world.detector;
      const assets = positions.flatMap(({ first, second }) => [first, second].map((id) => id.split(':')[1]!));
      if (new Set(assets).size !== assets.length) t.fail(`held twice: ${assets.join(' ')}`);
      for (const { positionId, held: now } of positions) held.set(positionId, now);
    }
    let open: string | null = null;
    for (const { position } of world.signals) {
      if (position!.action === 'enter') {
        t.equal(open, null, 'nothing is entered before the last is left');
        open = position!.positionId;
      } else {
        t.equal(position!.positionId, open, 'what is left is what was entered');
        open = null;
      }
    }
    t.ok(held.size > 0);
  },
);

t.test('nothing is offered before the window is full, and the state says how far it is', async (t) => {
  const world = new PairWorld({ seed: LIVELY });
  world.bars(120);
  t.equal(world.detector.summary().state, 'warming up: 120 of 300 bars');
  t.equal(world.effects.length, 0);
  const loaded = new PairWorld({ seed: LIVELY });
  for (const { id, base } of loaded.instruments) {
    const prices = new PairWorld({ seed: 77 }).prices;
    const past = Array.from({ length: 299 }, (_, back) => {
      prices.step();
      return { atMs: START_MS - (299 - back) * BAR_MS + 10, mid: prices.of(base) };
    });
    loaded.detector.learn(id, past);
  }
  t.ok(loaded.detector.windowFromMs <= START_MS - 299 * BAR_MS);
  t.equal(loaded.detector.summary().state, 'warming up: 299 of 300 bars');
  loaded.bar();
  t.equal(loaded.detector.summary().state, 'running', 'history counts');
});

t.test('a short leg without inventory above the reserve is refused by name', async (t) => {
  const none = new PairWorld({ seed: LIVELY, holdings: { X: '0.01', Y: '0.01' } });
  none.bars(600);
  t.equal(none.signals.length, 0);
  t.ok(none.reasons('refused').includes('NO_INVENTORY'), none.reasons('refused').join());
  const reserved = new PairWorld({ seed: LIVELY, parameters: { reserveOf: () => new Decimal(9_999.99) } });
  reserved.bars(600);
  t.ok(reserved.reasons('refused').includes('NO_INVENTORY'));
  t.equal(ofAction(reserved.signals, true).length, 0);
  const poor = new PairWorld({ seed: LIVELY, holdings: { USDT: '3' } });
  poor.bars(600);
  t.ok(poor.reasons('refused').includes('NO_CASH'), poor.reasons('refused').join());
  const some = untilHeld({ holdings: { X: '7', Y: '7' } });
  const [entry] = ofAction(some.signals, true);
  t.ok(Number(entry!.legs[1]!.quantity) <= 7, 'no more than there is');
});

t.test('an entry that is not worth the whole way in and out is refused', async (t) => {
  const dear = new PairWorld({ seed: LIVELY, instrument: { takerFeeRate: '0.004' } });
  dear.bars(600);
  t.equal(dear.signals.length, 0);
  t.strictSame([...new Set(dear.reasons('refused'))], ['NET_EDGE']);
});

t.test(
  'a retest that does not find the pair any more ends what is held, and the pair is not entered again',
  async (t) => {
    const world = untilHeld();
    const { prices } = world;
    // From here on the two have nothing to do with each other.
    prices.memory = 1;
    const before = world.signals.length;
    world.bars(700);
    const after = world.signals.slice(before);
    t.ok(after.length >= 1);
    t.ok(after.every(({ position }, at) => (position!.action === 'enter') === (at % 2 === 1)));
    const last = world.detector.summary();
    t.equal(last.positions.length, 0, 'nothing stays held');
    t.notOk(last.pairs.some(({ phase }) => phase === 'long' || phase === 'short'));
  },
);

t.test('degenerate input never trades', async (t) => {
  const flat = new PairWorld({ seed: LIVELY });
  flat.prices.memory = 0;
  flat.prices.shock = 0;
  // Y is X and nothing else.
  flat.bars(700);
  t.strictSame(flat.signals, []);
  t.match(flat.detector.summary().tests, { USDT: { found: 0 } });
  const still = untilHeld();
  const [position] = still.detector.positions;
  still.prices.step = () => undefined;
  const before = still.signals.length;
  still.bars(400);
  const after = still.signals.slice(before);
  t.equal(after.length, 1, 'what was held is left once, and nothing is entered on constant prices');
  t.equal(after[0]!.position!.positionId, position!.positionId);
});

t.test(
  'a market that shows nothing is a gap: nothing is decided on it, and too many gaps end the tests',
  async (t) => {
    const world = untilHeld();
    const [{ first } = { first: '' }] = world.detector.positions;
    world.silent.add(first);
    world.board.distrust(world.board.slotOf(first));
    const before = world.signals.length;
    world.bars(40);
    t.equal(world.signals.length, before, 'an exit waits for a book that may be used');
    world.silent.delete(first);
    world.bars(3);
    t.equal(world.signals.length, before + 1, 'and then leaves: it was held too long');
    t.match(world.signals.at(-1)!.position, { action: 'time-stop' });
    t.ok(world.reasons('refused').includes('BOOK_UNTRUSTED'));
  },
);

t.test('a position survives a restart by its journal alone', async (t) => {
  const whole = untilHeld();
  const broken = untilHeld();
  broken.restart();
  t.strictSame(broken.detector.positions, whole.detector.positions);
  t.match(broken.detector.summary().state, /^warming up/);
  broken.bars(200);
  whole.bars(200);
  const exitOf = (world: PairWorld) => ofAction(world.signals, false)[0]!;
  t.ok(exitOf(broken), 'it is left without a test, by its time at the latest');
  t.equal(exitOf(broken).position!.positionId, exitOf(whole).position!.positionId);
  t.equal(exitOf(broken).legs[0]!.instrument, exitOf(whole).legs[0]!.instrument);
  t.equal(broken.positions.length, 0);
});

t.test('an end that is not known is waited for, and never assumed', async (t) => {
  const world = new PairWorld({ seed: LIVELY, fate: () => 'silent' });
  world.bars(700);
  t.equal(world.signals.length, 1, 'one entry, and nothing more of its assets');
  const [pending] = world.detector.positions;
  t.match(pending, { pending: { action: 'enter' }, held: { first: '0', second: '0' } });
  world.restart();
  world.bars(400);
  t.equal(world.signals.length, 1);
  t.strictSame(world.detector.positions[0]!.pending, pending!.pending);
  world.detector.settled('sig-unknown', world.fill(world.signals[0]!), world.nowMs);
  t.ok(world.detector.positions[0]!.pending, 'another signal settles nothing');
  world.detector.settled(world.signals[0]!.signalId, world.fill(world.signals[0]!), world.nowMs);
  t.equal(world.detector.positions[0]!.pending, null);
  world.bars(2);
  t.equal(world.signals.length, 2, 'what turns out to be held too long is left');
});

t.test(
  'a refusal is no position, half of a fill is half of one, and one leg alone is nothing to trade',
  async (t) => {
    const refused = new PairWorld({ seed: LIVELY, fate: () => 'refused' });
    refused.bars(600);
    t.ok(refused.signals.length >= 2, 'offered again');
    t.strictSame(refused.positions, []);
    t.ok(refused.reasons('refused').includes('TEST'));
    const missed = new PairWorld({ seed: LIVELY, fate: () => 0 });
    missed.bars(600);
    t.ok(missed.reasons('missed').includes('NOT_FILLED'));
    t.strictSame(missed.positions, []);
    const half = untilHeld({ fate: ({ position }) => (position!.action === 'enter' ? 0.5 : 1) });
    const [entry] = half.signals;
    half.bars(300);
    const exit = ofAction(half.signals, false)[0]!;
    const ratio = Number(exit.legs[1]!.quantity) / Number(entry!.legs[0]!.quantity);
    t.ok(Math.abs(ratio - 0.5) < 0.01, `left ${ratio} of what was wanted`);
    const stubborn = untilHeld({ fate: ({ position }) => (position!.action === 'enter' ? 1 : 0.5) });
    stubborn.bars(400);
    t.ok(ofAction(stubborn.signals, false).length > 3, 'an exit that fills by halves goes on');
    const lone = new PairWorld({ seed: LIVELY, fate: () => 'silent' });
    lone.bars(700);
    const [{ signalId }] = lone.signals as [Signal];
    const one = { ...lone.fill(lone.signals[0]!)!, second: new Decimal(0) };
    const effects = lone.detector.settled(signalId, one, lone.nowMs);
    t.ok(effects.some((effect) => effect.kind === 'opportunity' && effect.event.reason === 'ONE_SIDED'));
    t.strictSame(lone.detector.positions, []);
  },
);

t.test('watched pairs are shown and never offered', async (t) => {
  const world = new PairWorld({ seed: LIVELY, parameters: { use: 'watch' } });
  world.bars(600);
  t.strictSame(world.signals, []);
  t.ok(world.reasons('refused').includes('WATCH_ONLY'));
  t.strictSame(world.positions, []);
});

t.test('rules and states of markets are obeyed, and their bars stay', async (t) => {
  const world = untilHeld();
  const [{ first, second } = { first: '', second: '' }] = world.detector.positions;
  const market = world.instruments.find(({ id }) => id === first)!;
  world.detector.instrumentChanged({ ...market, state: 'halted' }, world.nowMs);
  const before = world.signals.length;
  world.bars(60);
  t.equal(world.signals.length, before);
  t.ok(world.reasons('refused').includes('NOT_TRADING'));
  world.detector.instrumentChanged({ ...market, lotSize: '0.5', minQuantity: '0.5' }, world.nowMs);
  world.bars(2);
  const exit = world.signals[before]!;
  const leg = exit.legs.find(({ instrument }) => instrument === first)!;
  t.ok(new Decimal(leg.quantity).mod('0.5').isZero(), 'on the new lot');
  t.equal(world.detector.summary().state, 'running');
  world.detector.replaceInstruments(
    world.instruments.filter(({ id }) => id !== second),
    world.nowMs,
  );
  t.equal(world.detector.summary().markets, 2);
  world.bars(3);
});

/** Prices of the simulator, five seconds a bar: DOGE belongs to XRP, and SOL to nobody. */
class SimulatedPrices extends PairPrices {
  readonly world: PriceWorld;

  constructor(seed: number, tie: PriceTie) {
    super(seed);
    const pairs = ['SOL-USDT', 'XRP-USDT', 'DOGE-USDT'];
    this.world = new PriceWorld(seed, ['binance', 'okx'], pairs, { ties: [tie], stepMs: 100 });
  }

  override step(): void {
    for (let step = 0; step < 50; step++) this.world.step();
  }

  override of(asset: string): number {
    return this.world.fair('binance', `${asset}-USDT`);
  }
}

t.test(
  'pairs that the simulator plants are found, entered from the right side and gain; others are not',
  async (t) => {
    const tie = { y: 'DOGE-USDT', x: 'XRP-USDT', beta: 1, halfLifeMs: 60_000, deviationBps: 40 };
    const entered: EnteredPair[] = [];
    let gained = new Decimal(0);
    let exits = 0;
    for (const seed of [1, 2]) {
      const prices = new SimulatedPrices(seed, tie);
      const world = new PairWorld({
        ...{ prices, assets: ['SOL', 'XRP', 'DOGE'] },
        holdings: { SOL: '1000', XRP: '100000', DOGE: '1000000' },
        instrument: { tickSize: '0.00001', lotSize: '1', minQuantity: '1' },
        levelSize: 30_000,
        digits: 5,
        parameters: { windowBars: 500, retestBars: 100 },
        fate: (signal) => {
          const { action, direction, positionId } = signal.position!;
          const [first, second] = positionId.split('~').map((id) => id.split(':')[1]!) as [string, string];
          const spreadBps = prices.world.spreadBps('DOGE-USDT');
          if (action === 'enter') entered.push({ first, second, direction, spreadBps });
          else {
            exits++;
            gained = gained.plus(signal.edge.net);
          }
          return 1;
        },
      });
      world.bars(1_800);
    }
    const oracle = new Oracle(() => 0, [tie]);
    const { right, wrongSide, untied } = oracle.judgePairs(entered);
    t.ok(right.length >= 8, `${right.length} entries on the planted pair`);
    t.equal(wrongSide.length, 0);
    t.ok(untied.length * 4 <= right.length, `${untied.length} on others`);
    t.ok(gained.greaterThan(0), `${gained.toFixed(2)} USDT in ${exits} exits, after all fees`);
  },
);

t.test('equal inputs give equal effects', async (t) => {
  const run = () => {
    const world = new PairWorld({ seed: 3, exchanges: ['alpha', 'beta'] });
    world.bars(450);
    return JSON.stringify(world.effects);
  };
  t.equal(run(), run());
});

t.test('whatever fills and whenever it restarts, what is held is what was filled', async () => {
  const fates = fc.array(fc.constantFrom<number | 'refused'>(0, 0.3, 1, 'refused'), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(fates, fc.integer({ min: 1, max: 300 }), (choices, restartAt) => {
      let turn = 0;
      const booked = { first: new Decimal(0), second: new Decimal(0) };
      const world: PairWorld = new PairWorld({
        seed: LIVELY,
        fate: (signal) => {
          const fate = choices[turn++ % choices.length]!;
          if (typeof fate === 'number') {
            const traded = world.fill(signal, fate);
            booked.first = booked.first.plus(traded?.first ?? 0);
            booked.second = booked.second.plus(traded?.second ?? 0);
          }
          return fate;
        },
      });
      for (let bar = 0; bar < 600; bar++) {
        if (bar === 300 + restartAt) world.restart();
        world.bar();
        const held = world.detector.positions[0]?.held ?? { first: '0', second: '0' };
        const lot = orderRulesOf(world.instruments[0]!).lot.times(2);
        // Rests below what can be ordered may be left when a position is over.
        if (world.detector.positions.length === 0) {
          booked.first = new Decimal(0);
          booked.second = new Decimal(0);
        } else if (booked.first.minus(held.first).abs().greaterThan(lot))
          throw new Error('the journal is wrong');
      }
      return true;
    }),
    { numRuns: 8 },
  );
});

const side = fc
  .array(
    fc.record({
      gap: fc.double({ min: 0.01, max: 1, noNaN: true }),
      size: fc.double({ min: 0.1, max: 20, noNaN: true }),
    }),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((levels) => {
    let away = 0;
    return levels.map(({ gap, size }) => ({ away: (away += gap), size }));
  });

t.test('no other size nets more than the one that is offered', async () => {
  const levelsOf = (levels: readonly { away: number; size: number }[], sign: 1 | -1): FloatLevels => ({
    prices: Float64Array.from(levels, ({ away }) => 100 + sign * away),
    sizes: Float64Array.from(levels, ({ size }) => size),
  });
  fc.assert(
    fc.property(
      fc.tuple(side, side, side, side),
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 6, noNaN: true }),
      fc.double({ min: 0.5, max: 60, noNaN: true }),
      fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 5, maxLength: 20 }),
      fc.boolean(),
      (sides, ratio, gainPerBase, maxBase, others, isReceived) => {
        const fees = isReceived ? { keep: 0.999, feeOnTop: 0 } : { keep: 1, feeOnTop: 0.001 };
        const market = (asks: number, bids: number) => ({
          asks: levelsOf(sides[asks]!, 1),
          bids: levelsOf(sides[bids]!, -1),
          ...fees,
          feeOfSale: 0.001,
          mid: 100,
        });
        const question: PairSizeQuestion = {
          ...{ buy: market(0, 1), sell: market(2, 3), ratio, gainPerBase, maxBase, costRate: 0.0001 },
        };
        const best = bestPairSize(question);
        if (best.net < 0 || best.q > maxBase) return false;
        return others.every((share) => {
          const net = netOfPair(question, share * maxBase);
          return Number.isNaN(net) || net <= best.net + 1e-7;
        });
      },
    ),
    { numRuns: 300 },
  );
});

t.test('bars keep a window, count what is there and bridge few gaps', async (t) => {
  const bars = new MidBars(2, { barMs: 1_000, window: 10 });
  t.equal(bars.lastOver(12_345), 11);
  t.ok(bars.open(11));
  t.notOk(bars.open(11));
  bars.set(0, 100);
  bars.set(1, -1);
  t.strictSame([bars.count(0), bars.count(1)], [1, 0]);
  bars.fill(0, 5, 90);
  bars.fill(0, 11, 7);
  bars.fill(0, 1, 7);
  t.equal(bars.count(0), 2, 'what is known stays, and what is before the window is ignored');
  t.equal(bars.logPrices(0, 0.5), null);
  t.strictSame(
    Array.from(bars.logPrices(0, 0.8)!, (log) => Math.round(Math.exp(log))),
    [90, 90, 90, 90, 90, 90, 90, 90, 90, 100],
  );
  bars.open(30);
  t.equal(bars.count(0), 0, 'a long silence forgets all');
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.integer({ min: 1, max: 13 }), fc.option(fc.double({ min: 1, max: 9, noNaN: true }))),
        { maxLength: 40 },
      ),
      (steps) => {
        const ring = new MidBars(1, { barMs: 1, window: 7 });
        const known = new Map<number, number>();
        let bar = 100;
        for (const [gap, mid] of steps) {
          bar += gap;
          ring.open(bar);
          if (mid !== null) {
            ring.set(0, mid);
            known.set(bar, Math.log(mid));
          }
        }
        const within = [...known].filter(([at]) => at > bar - 7);
        return ring.count(0) === within.length && within.every(([at, log]) => ring.at(0, at) === log);
      },
    ),
    { numRuns: 100 },
  );
});
