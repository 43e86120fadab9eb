import t from 'tap';
import { arbitrageIdOf } from '../../src/risk/approval.js';
import { stepGate } from '../../src/risk/gate.js';
import { decodeKillSwitch, newerSwitch } from '../../src/risk/kill-switch.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import { PaperVenue } from '../../src/execution/paper-venue.js';
import { decimalText, unsignedDecimalText } from '../../src/messages/primitives.js';
import { Decimal } from '../../src/market/decimal.js';
import { ask, gateWith, instrument, INSTRUMENTS, NOW, rulesOf, signalOf } from './fixtures.js';

const journalled = (changes: Partial<SubmitLeg> = {}): SubmitLeg => ({
  clientOrderId: 'c-1',
  arbitrageId: arbitrageIdOf('v-before'),
  legIndex: 0,
  attempt: 0,
  verdictId: 'v-before',
  nonce: 'ab'.repeat(16),
  verdictExpiresAtMs: NOW,
  instrument: 'alpha:BTC-USDT',
  exchange: 'alpha',
  side: 'buy',
  quantity: '1',
  limitPrice: '1000',
  timeInForce: 'IOC',
  decisionPrice: '1000',
  submittedAtMs: NOW,
  ...changes,
});

t.test('what is counted in packs, or pays its fee in a third coin, is refused by name', async (t) => {
  const others = INSTRUMENTS.filter((one) => one.id !== 'beta:BTC-USDT');
  const withBeta = (changes: Parameters<typeof instrument>[2]) =>
    rulesOf(ask(gateWith({}, [...others, instrument('beta', 'BTC', changes)]), signalOf()));
  t.strictSame(withBeta({ unitMultiplier: '1.0' }), []);
  t.strictSame(withBeta({ unitMultiplier: '1000' }), ['UNIT_MULTIPLIER']);
  t.strictSame(withBeta({ feeMode: 'received' }), []);
  t.strictSame(withBeta({ feeMode: 'third' }), ['FEE_COIN']);
  const signal = signalOf();
  const legs = signal.legs.map((leg) => ({ ...leg, feeMode: 'third' as const }));
  t.strictSame(rulesOf(ask(gateWith(), { ...signal, legs })), ['FEE_COIN', 'FEE_COIN']);

  const venue = new PaperVenue({ rejectShare: 0, thinShare: 0 });
  venue.open([instrument('alpha', 'BTC', { unitMultiplier: '1000' })], [{ asset: 'USDT', amount: '5000' }]);
  const level = [new Decimal(1000), new Decimal(5)] as const;
  const result = venue.execute({
    leg: journalled(),
    book: { timeMs: NOW, asks: [level], bids: [] },
    draws: { reject: 1, thin: 1, share: 1 },
    nextTradeId: () => 'trade-1',
    nowMs: NOW,
  });
  t.match(result, { status: 'rejected', reason: 'UNIT_MULTIPLIER' }, 'the last gate holds too');
});

t.test('legs of the life before count with their slack, and what was traded stays traded', async (t) => {
  const state = gateWith({ recoverySlackBps: 20 });
  stepGate(state, { kind: 'recovered', legs: [journalled()] }, NOW);
  t.equal(state.exposure.available('alpha', 'USDT').toFixed(), '98996.998', '100000 − 1000 · 1.002 · 1.001');
  t.strictSame(state.exposure.unclaimed(), []);
  stepGate(state, { kind: 'traded', opportunityIds: ['o-old'] }, NOW);
  t.strictSame(rulesOf(ask(state, signalOf({ opportunity: 'o-old' }))), ['DUPLICATE_OPPORTUNITY']);
  t.ok('decision' in ask(state, signalOf({ id: 's-new' })));
  t.equal(state.exposure.unclaimed().length, 1);
});

t.test('what a person was handed before the restart is let go by the journal alone', async (t) => {
  const state = gateWith();
  const leg = journalled();
  stepGate(state, { kind: 'recovered', legs: [leg], ended: [leg.arbitrageId] }, NOW);
  const compare = (openLegs: readonly (typeof leg)[]) =>
    stepGate(state, { kind: 'journal', arbitrageIds: [leg.arbitrageId], openLegs }, NOW);
  t.strictSame(compare([leg]), []);
  t.equal(state.exposure.reservationCount, 1, 'nobody knows yet');
  t.strictSame(compare([]), [{ kind: 'released', arbitrageId: leg.arbitrageId }]);
  t.equal(state.exposure.reservationCount, 0);
});

t.test('a switch never set is older than anything a person says', async (t) => {
  const engaged = { engaged: true, reason: 'r', by: 'person', atMs: 1 };
  t.equal(newerSwitch(decodeKillSwitch(null), engaged), engaged);
});

t.test('zero has no sign in a message', async (t) => {
  for (const text of ['-0', '-0.0', '-0.000'])
    for (const schema of [decimalText, unsignedDecimalText]) t.notOk(schema.safeParse(text).success, text);
  for (const text of ['0', '0.00', '-0.01', '-10', '-1']) t.ok(decimalText.safeParse(text).success, text);
});
