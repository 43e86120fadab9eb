import fc from 'fast-check';
import t from 'tap';
import { OrderAdmission } from '../../src/execution/order-admission.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import { arbitrageIdOf } from '../../src/risk/approval.js';
import { clearedSwitch } from '../../src/risk/kill-switch.js';
import {
  permitText,
  RECOVERY_PERMIT_LIMITS,
  recoveryRefusal,
  type RecoveryFacts,
} from '../../src/risk/recovery-permit.js';
import { NOW, SEAL } from './fixtures.js';

/** Leave for recovery orders of a life before: what the journal allows, and that it is good for one order only. */

const CLEARED = clearedSwitch(0);

const leg = (changes: Partial<SubmitLeg> = {}): SubmitLeg => ({
  clientOrderId: 'c-0-0',
  arbitrageId: arbitrageIdOf('v-1'),
  legIndex: 0,
  attempt: 0,
  verdictId: 'v-1',
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
const BUY = leg();
const SELL = leg({
  ...{ clientOrderId: 'c-1-0', legIndex: 1, instrument: 'beta:BTC-USDT', exchange: 'beta' },
  ...{ side: 'sell', limitPrice: '1010' },
});
/** Sells on beta what was bought on alpha. */
const HOME = leg({ ...SELL, clientOrderId: 'c-1-1', attempt: 1, limitPrice: '1004' });

/** On the market on which the leg had been bought. */
const BUY_BACK = { instrument: 'alpha:BTC-USDT', exchange: 'alpha', clientOrderId: 'c-0-1' };

const resultOf = (of: SubmitLeg, filledQuantity: string): LegResult => ({
  clientOrderId: of.clientOrderId,
  arbitrageId: of.arbitrageId,
  legIndex: of.legIndex,
  status: filledQuantity === '0' ? 'expired' : filledQuantity === of.quantity ? 'filled' : 'partially_filled',
  filledQuantity,
  averagePrice: filledQuantity === '0' ? null : of.limitPrice,
  fills: [],
  reason: '',
  acknowledgedAtMs: NOW,
});
const fillOf = (of: SubmitLeg, quantity: string, price = of.limitPrice): Fill => ({
  ...{ exchange: of.exchange, instrument: of.instrument, side: of.side, quantity, price },
  ...{ tradeId: `t-${of.clientOrderId}`, clientOrderId: of.clientOrderId, arbitrageId: of.arbitrageId },
  ...{ fee: '0', feeAsset: 'USDT', liquidity: 'taker', exchangeTimeMs: NOW },
});
const facts = (changes: Partial<RecoveryFacts> = {}): RecoveryFacts => ({
  orders: [
    { leg: BUY, result: null },
    { leg: SELL, result: resultOf(SELL, '0') },
  ],
  fills: [fillOf(BUY, '1')],
  hedges: ['gamma:BTC-USDT'],
  closed: null,
  ...changes,
});

t.test('the journal decides what a recovery order may be', async (t) => {
  const refusal = (changes: Partial<SubmitLeg>, told: Partial<RecoveryFacts> = {}) =>
    recoveryRefusal({ ...HOME, ...changes }, facts(told), CLEARED);
  const gamma = { instrument: 'gamma:BTC-USDT', exchange: 'gamma' };
  t.equal(refusal({}), null);
  t.equal(refusal(gamma), null, 'a market that the approval allows');
  t.equal(refusal({ legIndex: 0, attempt: 1, ...BUY_BACK }), null, 'the leg that filled is taken back');
  t.equal(refusal(gamma, { hedges: [] }), 'LEG_NOT_APPROVED');
  t.equal(refusal({ exchange: 'alpha' }), 'LEG_NOT_APPROVED', 'another account than that of the market');
  t.equal(refusal({ legIndex: 2 }), 'LEG_NOT_APPROVED');
  t.equal(refusal({ attempt: 0 }), 'NO_RECOVERY');
  t.equal(refusal({ nonce: '0'.repeat(32) }), 'VERDICT_WRONG');
  t.equal(refusal({ verdictId: 'v-2' }), 'VERDICT_WRONG');
  t.equal(refusal({}, { orders: [] }), 'ARBITRAGE_UNKNOWN');
  t.equal(refusal({ clientOrderId: BUY.clientOrderId }), 'ATTEMPT_USED');
  t.equal(
    refusal({}, { orders: [...facts().orders, { leg: { ...HOME, side: 'buy' }, result: null }] }),
    'ATTEMPT_USED',
  );
  t.equal(refusal({ quantity: '1.001' }), 'SIZE_NOT_OPEN');
  t.equal(refusal({ side: 'buy' }), 'SIZE_NOT_OPEN', 'nothing was sold that would have to be bought back');
  t.equal(refusal({ limitPrice: '985' }), 'PRICE_COLLAR');
  t.equal(refusal({ limitPrice: '1030' }), 'PRICE_COLLAR');
  t.equal(refusal({ limitPrice: '989' }), 'LOSS_CAP');
  t.equal(refusal({ limitPrice: '990' }), null, 'one percent below what it was bought for');
  t.equal(
    refusal({ limitPrice: '989' }, { fills: [fillOf(BUY, '1', '998')] }),
    null,
    'what it was really bought for',
  );
  const closed = { outcome: 'flagged' } as ArbitrageClosed;
  t.equal(refusal({}, { closed }), 'HANDED_OVER');
  const spent = Array.from({ length: RECOVERY_PERMIT_LIMITS.maxRecoveries }, (_, i) => {
    const one = { ...HOME, clientOrderId: `c-1-${i + 2}`, attempt: i + 2 };
    return { leg: one, result: resultOf(one, '0') };
  });
  t.equal(refusal({}, { orders: [...facts().orders, ...spent] }), 'RECOVERIES_SPENT');
  const engaged = { engaged: true, reason: '', by: '', atMs: 1 };
  t.equal(recoveryRefusal(HOME, facts(), engaged), 'KILL_SWITCH');
  t.equal(recoveryRefusal(HOME, facts(), { ...engaged, policy: 'flatten' }), null);
});

t.test('all permitted orders together never trade more than may be open at worst', async () => {
  const quantity = fc.integer({ min: 0, max: 100 }).map((hundredths) => (hundredths / 100).toString());
  const ask = fc.record({
    side: fc.constantFrom('buy' as const, 'sell' as const),
    wanted: quantity,
    filled: fc.option(fc.integer({ min: 0, max: 100 })),
  });
  fc.assert(
    fc.property(
      fc.option(quantity),
      fc.option(quantity),
      fc.array(ask, { maxLength: 8 }),
      (bought, sold, asks) => {
        const orders: { leg: SubmitLeg; result: LegResult | null }[] = [
          { leg: BUY, result: bought === null ? null : resultOf(BUY, bought) },
          { leg: SELL, result: sold === null ? null : resultOf(SELL, sold) },
        ];
        const most = { buy: Number(bought ?? 1), sell: Number(sold ?? 1) };
        const permitted = { buy: 0, sell: 0 };
        for (const [index, { side, wanted, filled }] of asks.entries()) {
          if (wanted === '0') continue;
          const order = leg({
            ...{ ...SELL, side, clientOrderId: `r-${index}`, attempt: index + 1, quantity: wanted },
            limitPrice: '1005',
          });
          if (recoveryRefusal(order, facts({ orders, fills: [] }), CLEARED) !== null) continue;
          const filledQuantity = filled === null ? null : ((Number(wanted) * filled) / 100).toFixed(4);
          orders.push({
            leg: order,
            result: filledQuantity === null ? null : resultOf(order, filledQuantity),
          });
          permitted[side] += filledQuantity === null ? Number(wanted) : Number(filledQuantity);
        }
        // Each side at most undoes what the other may have done, planned and recovered.
        const { buy, sell } = permitted;
        return sell <= most.buy + buy + 1e-9 && buy <= (most.sell + sell) * 1.006 + 1e-9;
      },
    ),
    { numRuns: 300 },
  );
});

t.test('a permit is good for exactly its order, once, and not for long', async (t) => {
  const limits = { recoveryWindowMs: 90_000, recoveryCollarBps: 140, recoverWhileHalted: false };
  const permit = { permitId: 'permit-1', expiresAtMs: NOW + 2_000 };
  const permitted: SubmitLeg = {
    ...HOME,
    permit: { ...permit, seal: SEAL.sign(permitText(HOME, permit)) },
  };
  const gate = () => new OrderAdmission(limits, SEAL);
  t.equal(gate().admit(HOME, NOW), 'VERDICT_UNKNOWN', 'without it nothing leaves');
  t.equal(gate().admit(permitted, NOW), null);
  t.equal(gate().admit(permitted, NOW + 2_000), 'PERMIT_EXPIRED');
  const used = gate();
  used.admit(permitted, NOW);
  t.equal(used.admit({ ...permitted, attempt: 2 }, NOW), 'PERMIT_NOT_SEALED');
  t.equal(used.admit(permitted, NOW), 'PERMIT_USED');
  const changes: Partial<SubmitLeg>[] = [
    { clientOrderId: 'c-9' },
    { arbitrageId: 'arb-2' },
    { legIndex: 0 },
    { verdictId: 'v-2' },
    { instrument: 'gamma:BTC-USDT', exchange: 'gamma' },
    { side: 'buy' },
    { quantity: '0.5' },
    { limitPrice: '1003' },
    { permit: { ...permitted.permit!, expiresAtMs: NOW + 9_000 } },
    { permit: { ...permitted.permit!, permitId: 'permit-2' } },
  ];
  for (const change of changes) t.equal(gate().admit({ ...permitted, ...change }, NOW), 'PERMIT_NOT_SEALED');
  const halted = gate();
  halted.onHalt({ engaged: true, reason: '', by: '', atMs: NOW });
  t.equal(halted.admit(permitted, NOW), 'KILL_SWITCH');
});
