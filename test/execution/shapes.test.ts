import fc from 'fast-check';
import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import { arbitrageClosed } from '../../src/messages/order.js';
import { PairPositions } from '../../src/execution/pair-positions.js';
import type { ApprovedVerdict } from '../../src/messages/risk.js';
import type { Signal } from '../../src/messages/signal.js';
import type { Approved } from '../../src/risk/approval.js';
import { NOW, sealed } from '../risk/fixtures.js';
import {
  bridgedSignal,
  cycleSignal,
  fourLegs,
  inventorySignal,
  pairSignal,
  SHAPE_MARKS,
  threeBack,
  threeLegs,
  withFees,
} from '../risk/shape-fixtures.js';
import { ShapeWorld, type WorldFaults } from './shape-world.js';

/** Arbitrages whose legs are of several pairs: how they are sent, brought home, taken up again and told. */

t.setTimeout(process.env['SHAPE_RUNS'] === undefined ? 300_000 : 0);

/** More of them by hand: `SHAPE_RUNS=5000`. */
const RUNS = Number(process.env['SHAPE_RUNS'] ?? 100);

const CALM: WorldFaults = { short: 0, lost: 0, drift: 0, dieAfter: null, forgets: false };

let verdicts = 0;
function verdictOf(signal: Signal, follows: readonly number[] = []): Approved<ApprovedVerdict> {
  const verdictId = `shape-${++verdicts}`;
  const { signalId, opportunityId } = signal;
  return sealed({
    ...{ verdictId, signalId, opportunityId, decidedAtMs: NOW, decision: 'approved', signal },
    ...{ expiresAtMs: NOW + 1_000, nonce: 'ab'.repeat(16) },
    ...(follows.length > 0 && { follows: [...follows] }),
  });
}

interface Scene {
  readonly name: string;
  readonly signal: (instruments: readonly Instrument[]) => Signal;
  readonly follows: readonly number[];
}

const SCENES: readonly Scene[] = [
  { name: 'three at once', signal: (i) => cycleSignal(threeLegs(i)), follows: [] },
  { name: 'three in order', signal: (i) => cycleSignal(threeLegs(i)), follows: [1, 2] },
  { name: 'the other way round', signal: (i) => cycleSignal(threeBack(i)), follows: [] },
  { name: 'the other way in order', signal: (i) => cycleSignal(threeBack(i)), follows: [1, 2] },
  { name: 'four at once', signal: (i) => cycleSignal(fourLegs(i)), follows: [] },
  { name: 'four, two of them in order', signal: (i) => cycleSignal(fourLegs(i)), follows: [1, 2] },
  { name: 'over the bridge', signal: (i) => bridgedSignal(i), follows: [2] },
];

const played = (seed: number, scene: Scene, faults: WorldFaults, fees: 'quote' | 'received' = 'quote') => {
  const instruments = withFees(fees);
  return new ShapeWorld(seed, verdictOf(scene.signal(instruments), scene.follows), {
    instruments,
    faults,
  }).play();
};

/** What a trade of about 1,000 USDT may lose: the cap of one percent, and the fees of what was planned. */
const MOST_LOSS = -(10.01 + 4.5);

function checkEnd(world: ShapeWorld, quote = 'USDT'): ArbitrageClosed {
  const { stored, ledger, placed, truth } = world;
  if (stored === null) throw new Error('it has no end');
  if (!arbitrageClosed.safeParse(stored).success)
    throw new Error(JSON.stringify(arbitrageClosed.safeParse(stored)));
  const fills = [...placed.values()].flat();
  if (stored.outcome !== 'flagged') {
    if (ledger.size !== fills.length) throw new Error(`${ledger.size} fills are booked of ${fills.length}`);
    for (const [asset, amount] of truth) {
      if (asset === quote) continue;
      const worth = amount.times(SHAPE_MARKS.find((one) => one.asset === asset)!.price).abs();
      if (worth.gt(13)) throw new Error(`${stored.outcome} with ${amount.toFixed()} ${asset}`);
    }
    const left = (stored.residues ?? []).reduce((sum, { worth }) => sum.plus(worth), new Decimal(0));
    const made = (truth.get(quote) ?? new Decimal(0)).plus(left);
    if (made.minus(stored.realisedNet).abs().gt('1e-12'))
      throw new Error(`${stored.realisedNet} is not ${made.toFixed()}`);
  }
  if (new Decimal(stored.realisedNet).lt(MOST_LOSS)) throw new Error(`it lost ${stored.realisedNet}`);
  if (stored.attribution !== undefined) {
    const sum = Object.values(stored.attribution).reduce(
      (total, part) => total.plus(part),
      new Decimal(stored.expectedNet),
    );
    if (!sum.eq(stored.realisedNet)) throw new Error(`parts of ${sum.toFixed()}, not ${stored.realisedNet}`);
  }
  return stored;
}

t.test('a cycle that goes as planned makes what it promised, whole or leg after leg', async (t) => {
  for (const scene of SCENES)
    for (const fees of ['quote', 'received'] as const) {
      const world = played(1, scene, CALM, fees);
      const end = checkEnd(world);
      t.match(end, { outcome: 'completed', quote: 'USDT', shape: 'cycle' }, `${scene.name} ${fees}`);
      const apart = new Decimal(end.realisedNet).minus(end.expectedNet).abs();
      t.ok(apart.lt(0.2), `${scene.name}: ${end.realisedNet} for ${end.expectedNet}`);
      t.match(end.attribution, { legFailure: scene.follows.length === 0 ? '0' : String });
      t.strictSame(world.refusedByGate, []);
      t.ok(world.placed.size >= scene.signal(withFees(fees)).legs.length);
    }
});

const faults = fc.record({
  short: fc.constantFrom(0.2, 0.6),
  lost: fc.constantFrom(0, 0.15),
  drift: fc.constantFrom(0, 0.0004),
  dieAfter: fc.oneof(fc.constant(null), fc.nat(40)),
  forgets: fc.boolean(),
});

t.test(
  'property: whatever fills, is lost, moves or dies, a cycle comes home within its cap, and nothing twice',
  async (t) => {
    const ends: Record<string, number> = {};
    const refusals = new Map<string, number>();
    let permits = 0;
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.constantFrom(...SCENES),
        faults,
        fc.constantFrom('quote' as const, 'received' as const),
        (seed, scene, drawn, fees) => {
          const world = played(seed, scene, drawn, fees);
          permits += world.permits;
          for (const refusal of world.refusedByGate) refusals.set(refusal, (refusals.get(refusal) ?? 0) + 1);
          // Journalled rows are what an end follows from: dead before the first, there is nothing to end.
          if (world.journal.size === 0) return;
          const { outcome } = checkEnd(world);
          ends[outcome] = (ends[outcome] ?? 0) + 1;
        },
      ),
      { numRuns: RUNS },
    );
    t.comment(JSON.stringify(ends), `${permits} permits`, JSON.stringify([...refusals]));
    t.ok((ends['completed'] ?? 0) > 0 && permits > 0);
  },
);

t.test('on calm markets a cycle is brought home, whatever did not fill and wherever it died', async (t) => {
  const calm = fc.record({
    ...{ short: fc.constant(0.6), lost: fc.constant(0), drift: fc.constant(0), forgets: fc.boolean() },
    dieAfter: fc.oneof(fc.constant(null), fc.nat(40)),
  });
  let handedOver = 0;
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      fc.constantFrom(...SCENES),
      calm,
      fc.constantFrom('quote' as const, 'received' as const),
      (seed, scene, drawn, fees) => {
        const world = played(seed, scene, drawn, fees);
        if (world.journal.size > 0 && checkEnd(world).outcome === 'flagged') handedOver++;
      },
    ),
    { numRuns: RUNS },
  );
  t.comment(`${handedOver} were handed over`);
  // Each market may refuse as often as orders are allowed; that is rarer than one in a thousand.
  t.ok(handedOver <= RUNS * 0.03, `${handedOver} of ${RUNS}`);
});

t.test('KRW that is kept counts at what the plan took it for, and is told as left over', async (t) => {
  const instruments = withFees('quote');
  const world = new ShapeWorld(3, verdictOf(inventorySignal()), { instruments, faults: CALM }).play();
  const end = world.stored!;
  t.match(end, { outcome: 'completed', shape: 'two-sided', strategy: 'spatial', quote: 'USDT' });
  t.match(end, { boughtQuantity: '1', soldQuantity: '1', residualBase: '0' });
  t.match(end.residues, [{ asset: 'KRW', quantity: '1426572' }]);
  t.ok(new Decimal(end.realisedNet).minus('17.98').abs().lt('1e-9'), end.realisedNet);
  for (let seed = 1; seed <= 60; seed++) {
    const faults = { ...CALM, short: 0.7, dieAfter: seed % 3 === 0 ? seed % 25 : null };
    const short = new ShapeWorld(seed, verdictOf(inventorySignal()), { instruments, faults }).play();
    const { stored } = short;
    if (short.journal.size === 0) continue;
    const base = short.truth.get('BTC') ?? new Decimal(0);
    if (stored?.outcome !== 'flagged' && base.abs().gt('0.02')) t.fail(`seed ${seed}: ${base.toFixed()} BTC`);
    if (new Decimal(stored!.realisedNet).lt(MOST_LOSS)) t.fail(`seed ${seed}: lost ${stored!.realisedNet}`);
  }
});

const pairWorld = (seed: number, signal: Signal, faults: WorldFaults, positions = new PairPositions()) => {
  const carried = positions.of(signal.position?.positionId);
  const facts = carried === undefined ? {} : { carried };
  return new ShapeWorld(seed, verdictOf(signal), { instruments: withFees('quote'), faults, facts }).play();
};

t.test(
  'a position is carried from its entry to its exit, and the round trip is what both made',
  async (t) => {
    const positions = new PairPositions();
    const entry = pairWorld(5, pairSignal('enter'), CALM, positions).stored!;
    t.match(entry, {
      outcome: 'completed',
      strategy: 'statistical',
      shape: 'pair',
      expectedNet: '-2',
      realisedNet: '-2',
    });
    t.match(entry, { boughtQuantity: '1', soldQuantity: '10', residualBase: '0', residues: undefined });
    t.strictSame(entry.position, {
      ...{ positionId: 'alpha:BTC-USDT~alpha:ETH-USDT', action: 'enter', net: '-2' },
      carried: [
        { asset: 'BTC', quantity: '1', worth: '1000' },
        { asset: 'ETH', quantity: '-10', worth: '-1000' },
      ],
    });
    positions.onClosed(entry);
    // BTC is sold at 1006 and ETH bought at 99.5: 11 more than was paid, less two fees.
    const exit = pairWorld(6, pairSignal('exit', ['1006', '99.5']), CALM, positions).stored!;
    t.match(exit, { outcome: 'completed', realisedNet: '8.999', expectedNet: '8.999' });
    t.match(exit.position, { action: 'exit', carried: [], net: '6.999' });
    t.match(exit.attribution, { legFailure: '0', slippage: '0', fees: '0' });
    positions.onClosed(exit);
    t.equal(positions.count, 0);
  },
);

t.test(
  'property: of a pair both legs or none are left, and all its trades together made what the money says',
  async (t) => {
    const ends: Record<string, number> = {};
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.array(faults, { minLength: 2, maxLength: 3 }), (seed, drawn) => {
        const positions = new PairPositions();
        let made = new Decimal(0);
        let cash = new Decimal(0);
        const actions = ['enter', 'exit', 'stop'] as const;
        for (const [at, fault] of drawn.entries()) {
          const world = pairWorld(
            seed + at,
            pairSignal(actions[at]),
            { ...fault, forgets: false },
            positions,
          );
          if (world.journal.size === 0) return;
          const { stored, ledger, placed, truth } = world;
          if (stored === null) throw new Error('it has no end');
          if (!arbitrageClosed.safeParse(stored).success) throw new Error(JSON.stringify(stored));
          ends[stored.outcome] = (ends[stored.outcome] ?? 0) + 1;
          if (new Decimal(stored.realisedNet).lt(-25)) throw new Error(`it lost ${stored.realisedNet}`);
          const sum = Object.values(stored.attribution!).reduce(
            (total, one) => total.plus(one),
            new Decimal(stored.expectedNet),
          );
          if (!sum.eq(stored.realisedNet)) throw new Error('the parts do not add up');
          if (stored.outcome === 'flagged') return;
          if (ledger.size !== [...placed.values()].flat().length) throw new Error('a fill is not booked');
          const [btc, eth] = ['BTC', 'ETH'].map((asset) => truth.get(asset) ?? new Decimal(0));
          // Ten ETH stand against one BTC; a hundredth of the trade is dust.
          if (btc!.times(10).plus(eth!).abs().gt('0.12'))
            throw new Error(`${btc!.toFixed()} BTC against ${eth!.toFixed()} ETH`);
          positions.onClosed(stored);
          made = made.plus(stored.realisedNet);
          cash = cash.plus(truth.get('USDT') ?? 0);
          const { carried, net } = stored.position!;
          const held = [...carried, ...(stored.residues ?? [])].reduce(
            (total, one) => total.plus(one.worth),
            new Decimal(0),
          );
          if (cash.plus(held).minus(made).abs().gt('1e-9'))
            throw new Error(`${made.toFixed()} is not ${cash.plus(held).toFixed()}`);
          if (made.minus(net).abs().gt('1e-9'))
            throw new Error(`the position says ${net}, not ${made.toFixed()}`);
          if (carried.length === 0) return;
        }
      }),
      { numRuns: RUNS },
    );
    t.comment(JSON.stringify(ends));
    t.ok((ends['completed'] ?? 0) > 0);
  },
);
