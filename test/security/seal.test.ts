import { createHmac } from 'node:crypto';
import t from 'tap';
import fc from 'fast-check';
import type { ApprovedVerdict } from '../../src/messages/risk.js';
import { isSealed, verdictText } from '../../src/risk/verdict-text.js';
import { HmacSeal, openVerdictSeal } from '../../src/security/hmac-seal.js';
import { SeededRandom } from '../../src/runtime/platform/random.js';
import { OrderAdmission } from '../../src/execution/order-admission.js';
import { approve } from '../../src/risk/approval.js';
import { ask, gateWith, SEAL, sealed, signalOf } from '../risk/fixtures.js';

const approvedVerdict = (): ApprovedVerdict => {
  const answer = ask(gateWith(), signalOf());
  if (!('decision' in answer)) throw new Error('refused');
  return answer;
};

t.test('a seal is HMAC-SHA256 in hexadecimal, the same in every process that has the key', async (t) => {
  const key = new Uint8Array(32).fill(9);
  const expected = createHmac('sha256', key).update('text', 'utf8').digest('hex');
  t.equal(new HmacSeal(key).sign('text'), expected);
  const hex = Buffer.from(key).toString('hex');
  t.equal(openVerdictSeal(hex, new SeededRandom('a')).sign('text'), expected);
  t.ok(openVerdictSeal(hex.toUpperCase(), new SeededRandom('a')).verify('text', expected));
});

t.test(
  'a key of its own differs by process, and a key of another shape is refused without its value',
  async (t) => {
    const [a, b] = ['a', 'b'].map((seed) => openVerdictSeal(null, new SeededRandom(seed)));
    t.not(a!.sign('x'), b!.sign('x'));
    for (const key of ['', 'zz'.repeat(32), 'ab'.repeat(31)]) {
      const error = t.throws(() => openVerdictSeal(key, new SeededRandom('a'))) as Error;
      t.match(error, { code: 'ARB_CONFIG_INVALID' });
      if (key !== '') t.notMatch(error.message, key);
    }
    t.throws(() => new HmacSeal(new Uint8Array(16)), { code: 'ARB_CONFIG_INVALID' });
  },
);

t.test('nothing but the seal of exactly this text passes', async (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, other) => {
      const seal = SEAL.sign(text);
      if (!SEAL.verify(text, seal)) throw new Error('its own seal');
      if (other !== text && SEAL.verify(other, seal)) throw new Error('another text');
      if (SEAL.verify(text, other)) throw new Error('any text is no seal');
    }),
  );
  t.notOk(SEAL.verify('x', SEAL.sign('x').toUpperCase()));
});

t.test('the seal covers id, nonce, expiry, hedges, order and all that a leg is allowed', async (t) => {
  const verdict = sealed({ ...approvedVerdict(), hedges: ['gamma:BTC-USDT'] });
  t.ok(isSealed(verdict, SEAL));
  const [first, second] = verdict.signal.legs;
  const withLeg = (change: object): ApprovedVerdict => ({
    ...verdict,
    signal: { ...verdict.signal, legs: [{ ...first!, ...change }, second!] },
  });
  const changed: ApprovedVerdict[] = [
    { ...verdict, verdictId: 'v-other' },
    { ...verdict, nonce: '0'.repeat(32) },
    { ...verdict, expiresAtMs: verdict.expiresAtMs + 1 },
    { ...verdict, hedges: ['gamma:BTC-USDT', 'delta:BTC-USDT'] },
    { ...verdict, hedges: [] },
    { ...verdict, follows: [1] },
    withLeg({ quantity: '2' }),
    withLeg({ limitPrice: '1001' }),
    withLeg({ side: 'sell' }),
    withLeg({ instrument: 'gamma:BTC-USDT' }),
    withLeg({ exchange: 'gamma' }),
    { ...verdict, signal: { ...verdict.signal, legs: [second!, first!] } },
  ];
  for (const other of changed) {
    t.not(verdictText(other), verdictText(verdict));
    t.notOk(isSealed(other, SEAL));
  }
  const { seal: _, ...bare } = verdict;
  t.notOk(isSealed(bare, SEAL), 'without a seal');
  t.notOk(isSealed(verdict, new HmacSeal(new Uint8Array(32))), 'under another key');
});

t.test('the last gate forgets nothing it knew for a verdict that is not sealed', async (t) => {
  const limits = { recoveryWindowMs: 1_000, recoveryCollarBps: 10, recoverWhileHalted: false };
  const admission = new OrderAdmission(limits, SEAL);
  const verdict = sealed(approvedVerdict());
  t.ok(admission.onVerdict(verdict));
  t.notOk(admission.onVerdict(approve({ ...verdict, expiresAtMs: verdict.expiresAtMs + 60_000 })));
  const forged = approve({ ...approvedVerdict(), verdictId: 'v-forged' });
  t.notOk(admission.onVerdict(forged));
});
