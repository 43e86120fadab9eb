import fc from 'fast-check';
import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import { netFlows, plannedFlow } from '../../src/market/planned-flows.js';
import type { ApprovedVerdict, Refusal } from '../../src/messages/risk.js';
import { verdict as verdictSchema } from '../../src/messages/risk.js';
import { signal as signalSchema, type Signal } from '../../src/messages/signal.js';
import { netOf } from '../../src/risk/edge-sum.js';
import { stepGate, type GateState } from '../../src/risk/gate.js';
import { verdictText } from '../../src/risk/verdict-text.js';
import { NOW, rulesOf, signalEvent } from './fixtures.js';
import {
  bridgedSignal,
  cycleSignal,
  fourLegs,
  inventorySignal,
  pairSignal,
  plannedLeg,
  shapeGate,
  SHAPE_HOLDINGS,
  SHAPE_INSTRUMENTS,
  SHAPE_MARKS,
  threeBack,
  threeLegs,
  withFees,
} from './shape-fixtures.js';

/** What the gate says of cycles, of trades across the KRW bridge, and of statistical pairs. */

function ask(state: GateState, signal: Signal): readonly Refusal[] | ApprovedVerdict {
  const [effect] = stepGate(state, { ...signalEvent(signal), marks: SHAPE_MARKS }, NOW);
  if (effect?.kind === 'approved') return effect.verdict;
  if (effect?.kind === 'refused') return effect.refusals;
  throw new Error('the gate did not answer');
}

function approved(answer: readonly Refusal[] | ApprovedVerdict): ApprovedVerdict {
  if ('decision' in answer) return answer;
  throw new Error(JSON.stringify(answer));
}

t.test('cycles of three and four legs, bridged ones and pairs are approved as they are', async (t) => {
  for (const signal of [
    cycleSignal(threeLegs()),
    cycleSignal(threeBack()),
    cycleSignal(fourLegs()),
    cycleSignal(threeLegs(withFees('received'))),
    bridgedSignal(),
    pairSignal(),
  ]) {
    t.ok(signalSchema.safeParse(signal).success, 'the fixture is a signal');
    const state = shapeGate();
    const verdict = approved(ask(state, signal));
    t.ok(verdictSchema.safeParse(verdict).success);
    t.strictSame(verdict.signal, signal);
    t.equal(verdict.follows, undefined, 'everything is there, so all legs may go at once');
    for (const { instrument } of signal.legs)
      t.ok(verdictText(verdict).includes(instrument), 'each leg is sealed');
    t.equal(state.exposure.reservationCount, 1);
    t.ok(state.exposure.release(`arb-${verdict.verdictId}`));
  }
});

t.test('legs that do not belong together are refused, whatever the signal calls them', async (t) => {
  const rules = (signal: Signal) => rulesOf(ask(shapeGate(), signal));
  const [one, two, three] = threeLegs();
  const cycle = cycleSignal(threeLegs());
  t.has(rules({ ...cycle, legs: [one!, three!] }), ['LEG_SHAPE'], 'two legs are no cycle');
  t.has(rules({ ...cycle, legs: [one!, three!, two!] }), ['LEG_SHAPE'], 'not in order');
  t.has(rules({ ...cycle, legs: [two!, three!, one!] }), ['LEG_SHAPE'], 'begins elsewhere');
  t.has(rules({ ...cycle, quote: 'BTC' }), ['LEG_SHAPE']);
  t.has(rules({ ...cycle, pair: 'ETH-USDT' }), ['LEG_SHAPE'], 'its pair is that of the first leg');
  const bought = plannedLeg('alpha:BTC-USDT', 'buy', '1', '1000');
  const sold = plannedLeg('alpha:BTC-USDT', 'sell', '1', '1000');
  t.ok(rules({ ...cycle, legs: [bought, sold, bought, sold] }).includes('LEG_SHAPE'), 'an asset twice');
  const { shape: _shape, ...plain } = cycle;
  t.ok(rules(plain).includes('LEG_SHAPE'), 'three legs without a shape are two-sided');
  const pair = pairSignal();
  const { position: _position, ...nameless } = pair;
  t.has(rules(nameless), ['LEG_SHAPE'], 'a pair without a position');
  t.has(
    rules({ ...pair, legs: [pair.legs[0]!, { ...pair.legs[0]!, side: 'sell' }] }),
    ['LEG_SHAPE'],
    'one asset',
  );
  const both = pair.legs.map((leg) => ({ ...leg, side: 'buy' as const }));
  t.has(rules({ ...pair, legs: both }), ['LEG_SHAPE'], 'bought twice');
  t.has(rules({ ...pair, quote: 'KRW' }), ['LEG_SHAPE']);
  const unknown = { ...one!, instrument: 'alpha:XYZ-USDT' };
  t.ok(rules({ ...cycle, legs: [unknown, two!, three!] }).includes('IDENTITY_UNKNOWN'));
});

t.test('a leg that nothing is there for waits for the one before, where that brings it here', async (t) => {
  const only = (...assets: string[]) => SHAPE_HOLDINGS.filter(({ asset }) => assets.includes(asset));
  const start = approved(ask(shapeGate({}, SHAPE_INSTRUMENTS, only('USDT')), cycleSignal(threeLegs())));
  t.strictSame(start.follows, [1, 2]);
  const some = approved(ask(shapeGate({}, SHAPE_INSTRUMENTS, only('USDT', 'ETH')), cycleSignal(threeLegs())));
  t.strictSame(some.follows, [1]);
  t.strictSame(rulesOf(ask(shapeGate({}, SHAPE_INSTRUMENTS, only('ETH', 'BTC')), cycleSignal(threeLegs()))), [
    'INVENTORY',
  ]);
  const apart = SHAPE_HOLDINGS.filter(({ exchange, asset }) => exchange !== 'korea' || asset === 'KRW');
  t.match(ask(shapeGate({}, SHAPE_INSTRUMENTS, apart), bridgedSignal()), [
    { rule: 'INVENTORY', unit: 'BTC', subject: 'korea' },
  ]);
  const noWon = SHAPE_HOLDINGS.filter(({ asset }) => asset !== 'KRW');
  t.strictSame(approved(ask(shapeGate({}, SHAPE_INSTRUMENTS, noWon), bridgedSignal())).follows, [2]);
});

t.test('every leg is judged, and every asset counts at its worst while a cycle is in flight', async (t) => {
  const signal = cycleSignal(threeLegs());
  const state = shapeGate({ maxAssetExposure: '1500' });
  approved(ask(state, signal));
  const { low, high } = state.exposure.intervalOf('ETH');
  t.equal(high.toFixed(), '9.98');
  t.equal(low.toFixed(), '-9.97');
  const again = { ...cycleSignal(threeLegs()), signalId: 'c-2', opportunityId: 'o-c-2' };
  t.match(ask(state, again), [
    { rule: 'ASSET_EXPOSURE', subject: 'BTC' },
    { rule: 'ASSET_EXPOSURE', subject: 'ETH' },
  ]);
  const held = shapeGate();
  stepGate(
    held,
    { kind: 'hold', hold: { source: 's', held: true, asset: 'ETH', reason: 'r', atMs: NOW } },
    NOW,
  );
  t.strictSame(rulesOf(ask(held, signal)), ['RISK_HOLD'], 'of an asset in the middle too');
  const stale = signalEvent(signal);
  const books = stale.books.map((one, at) => (at === 1 ? { ...one, trusted: false } : one));
  const [effect] = stepGate(shapeGate(), { ...stale, books, marks: SHAPE_MARKS }, NOW);
  t.match(effect, { kind: 'refused', refusals: [{ rule: 'BOOK_UNTRUSTED', subject: 'alpha:ETH-BTC' }] });
  t.match(ask(shapeGate(), { ...signal, edge: { ...signal.edge, net: '99' } }), [{ rule: 'NET_PARTS' }]);
  const tiny = threeLegs().map((leg) => ({
    ...leg,
    quantity: new Decimal(leg.quantity).div(1000).toFixed(3),
  }));
  t.ok(
    rulesOf(ask(shapeGate({ minTradeNotional: '0', minNetProfit: '0' }), cycleSignal(tiny))).includes(
      'MIN_NOTIONAL',
    ),
  );
});

t.test('KRW may run away from what is held so far, and no further', async (t) => {
  const bridge = { bridge: 'inventory' as const, maxBridgeExposure: '2000' };
  t.ok(
    rulesOf(ask(shapeGate(), inventorySignal())).includes('IDENTITY_MISMATCH'),
    'without a bridge it is refused',
  );
  const state = shapeGate(bridge);
  const first = approved(ask(state, inventorySignal()));
  t.equal(first.hedges, undefined);
  t.equal(
    state.exposure.intervalOf('KRW').high.minus(state.exposure.intervalOf('KRW').current).toFixed(),
    '1428000',
  );
  const second = inventorySignal({ signalId: 'i-2', opportunityId: 'o-i-2' });
  approved(ask(state, second));
  const third = inventorySignal({ signalId: 'i-3', opportunityId: 'o-i-3' });
  t.match(ask(state, third), [{ rule: 'BRIDGE_EXPOSURE', subject: 'KRW', limit: '2000' }]);
  const small = shapeGate({ ...bridge, shrinkToFit: true, maxBridgeExposure: '500' });
  const smaller = approved(ask(small, inventorySignal({ opportunityId: 'o-i-4' }))).signal;
  t.equal(smaller.legs[0]!.quantity, '0.5');
  t.equal(netOf(smaller.edge), smaller.edge.net);
});

t.test('what closes a position is refused for no profit, no loss and no size of its own', async (t) => {
  const limits = {
    minNetEdgeBps: 5,
    minNetProfit: '1',
    maxTotalExposure: '1',
    maxStrategyExposure: '1',
    minTradeNotional: '100000',
  };
  const exit = ask(shapeGate(limits), pairSignal('stop', ['900', '120']));
  t.ok('decision' in exit, JSON.stringify(exit));
  const entry = rulesOf(ask(shapeGate(limits), pairSignal('enter')));
  t.has(entry.sort(), ['STRATEGY_EXPOSURE', 'TOTAL_EXPOSURE', 'TRADE_MINIMUM']);
  const losing = shapeGate({ maxLossStreak: 1 });
  stepGate(
    losing,
    {
      kind: 'closed',
      arbitrageId: 'a',
      opportunityId: 'o',
      filled: true,
      flagged: false,
      realisedNet: '-3',
      carried: true,
    },
    NOW,
  );
  const { verdictId } = approved(ask(losing, pairSignal('enter')));
  losing.exposure.release(`arb-${verdictId}`);
  stepGate(
    losing,
    { kind: 'closed', arbitrageId: 'b', opportunityId: 'o', filled: true, flagged: false, realisedNet: '-3' },
    NOW,
  );
  t.strictSame(rulesOf(ask(losing, { ...pairSignal('enter'), signalId: 'p2', opportunityId: 'o2' })), [
    'LOSS_STREAK',
  ]);
  approved(ask(losing, pairSignal('exit')));
  t.strictSame(rulesOf(ask(losing, { ...pairSignal('exit'), signalId: 'p3', opportunityId: 'o3' })), [
    'POSITION_BUSY',
  ]);
  const halted = shapeGate();
  stepGate(halted, { kind: 'halt', halt: { engaged: true, reason: 'r', by: 'b', atMs: NOW + 1 } }, NOW);
  t.strictSame(rulesOf(ask(halted, pairSignal('exit'))), ['KILL_SWITCH']);
  const poor = SHAPE_HOLDINGS.map((one) => (one.asset === 'BTC' ? { ...one, amount: '0.5' } : one));
  t.strictSame(rulesOf(ask(shapeGate({}, SHAPE_INSTRUMENTS, poor), pairSignal('exit'))), ['INVENTORY']);
});

t.test('property: a cycle that is made smaller stays whole, and its edge is what its legs make', async () => {
  const routes = [threeLegs, threeBack, fourLegs];
  fc.assert(
    fc.property(
      fc.constantFrom(...routes),
      fc.constantFrom('quote' as const, 'received' as const),
      fc.integer({ min: 60, max: 990 }),
      (route, fees, limit) => {
        const instruments = withFees(fees);
        const whole = cycleSignal(route(instruments));
        const state = shapeGate(
          { shrinkToFit: true, maxOrderNotional: String(limit), minNetProfit: '0', minNetEdgeBps: 0 },
          instruments,
        );
        const answer = ask(state, whole);
        if (!('decision' in answer)) {
          if (limit > 200) throw new Error(JSON.stringify(answer));
          return;
        }
        const { signal } = answer;
        if (!signalSchema.safeParse(signal).success) throw new Error('no signal any more');
        const flows = netFlows(
          signal.legs.map((leg) => plannedFlow(leg, new Decimal(leg.quantity), leg.expectedVwap)),
        );
        const left = new Map((signal.residues ?? []).map(({ asset, quantity }) => [asset, quantity]));
        let made = flows.get('USDT')!;
        for (const [asset, amount] of flows) {
          if (asset === 'USDT') continue;
          if (amount.isNegative()) throw new Error(`${asset} is short by ${amount.toFixed()}`);
          if (
            amount
              .minus(left.get(asset) ?? 0)
              .abs()
              .gt('1e-18')
          )
            throw new Error(`${asset} is left over untold`);
        }
        for (const { worth } of signal.residues ?? []) made = made.plus(worth);
        if (made.minus(signal.edge.net).abs().gt('1e-15'))
          throw new Error(`${signal.edge.net} is not ${made.toFixed()}`);
        if (netOf(signal.edge) !== signal.edge.net) throw new Error('the parts do not add up');
        for (const [at, leg] of signal.legs.entries())
          if (new Decimal(leg.quantity).gt(whole.legs[at]!.quantity)) throw new Error('a leg grew');
      },
    ),
    { numRuns: 120 },
  );
});
