import fc from 'fast-check';
import t from 'tap';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { Exact, judgeResult, requireBalanced } from '../../src/storage/ledger-rules.js';
import { openStores } from '../../src/storage/open-stores.js';
import { summariseStderr } from '../../src/storage/child/fork-entry.js';
import { toArbotError } from '../../src/storage/sql/sql-errors.js';
import { storeContract } from './contract.js';
import { claimOf, tradeFence } from './lease-contract.js';
import { testPorts } from './ports.js';
import * as s from './samples.js';

t.test('the stores in memory keep the contract', async (t) => {
  const stores = await openStores({ kind: 'memory', mode: 'SIMULATED' }, testPorts());
  await storeContract(t, stores);
  await stores.close();
  await t.rejects(stores.settings.get('x'), { code: 'ARB_STORE_UNAVAILABLE' }, 'closed is closed');
});

t.test('the content outlives the stores, and its mode with it', async (t) => {
  const database = createMemoryDatabase();
  const first = await openStores({ kind: 'memory', mode: 'PAPER', database }, testPorts());
  await first.trades.journalLegs([s.sampleLeg('crash')], await tradeFence(first));
  const second = await openStores({ kind: 'memory', mode: 'PAPER', database }, testPorts());
  t.strictSame(await second.trades.openLegs(), [s.sampleLeg('crash')]);
  await t.rejects(openStores({ kind: 'memory', mode: 'LIVE', database }, testPorts()), {
    code: 'ARB_MODE_MIXED',
  });
});

t.test(
  'failure switches: down changes nothing, a lost acknowledgement is settled by reading back',
  async (t) => {
    const faults = noFaults();
    const stores = await openStores({ kind: 'memory', mode: 'SIMULATED', faults }, testPorts());
    const fill = s.sampleFill('fault');
    faults.down = true;
    const down = { code: 'ARB_STORE_UNAVAILABLE', retryable: true };
    await t.rejects(stores.ledger.bookFill(fill, s.fillEntry(fill)), down);
    await t.rejects(stores.ping(), down);
    faults.down = false;
    t.strictSame(await stores.ledger.fills(0, 10), []);
    faults.full = true;
    await t.rejects(stores.ledger.bookFill(fill, s.fillEntry(fill)), { ...down, message: /no space/ });
    t.strictSame(await stores.ledger.fills(0, 10), [], 'a full store still answers');
    faults.full = false;
    faults.lostAcknowledgements = 1;
    await t.rejects(stores.ledger.bookFill(fill, s.fillEntry(fill)), down);
    t.equal(await stores.ledger.bookFill(fill, s.fillEntry(fill)), 'duplicate', 'it had taken effect');
    faults.lostAcknowledgements = 1;
    const claim = claimOf('trade', 'a');
    await t.rejects(stores.leases.acquire(claim), down, 'nobody knows whether it is ours');
    const { kind, lease } = await stores.leases.acquire(claim);
    t.strictSame([kind, lease.fence], ['granted', 1], 'it was, once');
    const key = { resource: 'trade', fence: 1, nonce: claim.nonce };
    faults.lostAcknowledgements = 1;
    await t.rejects(stores.leases.renew(key), down);
    t.equal((await stores.leases.renew(key))?.renewals, 2);
    faults.lostAcknowledgements = 1;
    await t.rejects(stores.leases.release(key), down);
    await stores.leases.release(key);
    t.equal(await stores.leases.renew(key), null, 'given back once');
    faults.delayMs = 30;
    const startedMs = performance.now();
    await stores.settings.set('slow', '1');
    t.ok(performance.now() - startedMs >= 25, 'slow is slow');
  },
);

const amount = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 20 }))
  .map(([digits, places]) => new Exact(digits.toString()).div(new Exact(10).pow(places)).toFixed())
  .filter((text) => /^-?\d{1,24}(\.\d{1,20})?$/.test(text));

t.test('an entry is balanced exactly when its amounts sum to zero for each asset', async (t) => {
  const accepted = (amounts: readonly string[], last: string): boolean => {
    const postings = [...amounts, last].map((text) => ({ account: 'trading', asset: 'BTC', amount: text }));
    try {
      requireBalanced(s.sampleEntry('p', postings));
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.array(amount, { minLength: 1, maxLength: 15 }), (amounts) => {
      const rest = amounts.reduce((sum, text) => sum.minus(text), new Exact(0));
      const off = rest.plus('0.00000000000000000001');
      return accepted(amounts, rest.toFixed()) && !accepted(amounts, off.toFixed());
    }),
  );
  t.pass('to the twentieth decimal');
});

t.test('in whatever order results of a leg arrive, the known filled quantity never shrinks', async (t) => {
  const leg = s.sampleLeg('order');
  const result = fc
    .record({
      status: fc.constantFrom('filled', 'partially_filled', 'expired', 'rejected', 'unknown'),
      filledQuantity: fc.constantFrom('0', '0.0001', '0.00010', '0.0005', '0.001'),
    })
    .map((change) => s.sampleResult(leg, { ...change, status: change.status as 'filled' }));
  fc.assert(
    fc.property(fc.array(result, { maxLength: 12 }), (results) => {
      let known: ReturnType<typeof s.sampleResult> | null = null;
      for (const next of results) {
        const before = known;
        if (judgeResult(known, next) === 'save') known = next;
        if (before === null || known === null || before.status === 'unknown') continue;
        if (known.status === 'unknown' || new Exact(known.filledQuantity).lt(before.filledQuantity))
          return false;
      }
      return results.length === 0 || known !== null;
    }),
  );
  t.pass('knowledge only grows');
});

t.test('what an engine reports becomes the right code, and a dying engine one line', async (t) => {
  const cases = [
    ['AR001', 'ARB_LEDGER_UNBALANCED', false],
    ['23505', 'ARB_STORE_CONFLICT', false],
    ['AR002', 'ARB_STORE_CONFLICT', false],
    ['42P01', 'ARB_INVARIANT', false],
    ['57014', 'ARB_STORE_UNAVAILABLE', true],
    ['40001', 'ARB_STORE_UNAVAILABLE', true],
    ['53300', 'ARB_STORE_UNAVAILABLE', true],
    ['28P01', 'ARB_STORE_UNAVAILABLE', false],
    ['ECONNREFUSED', 'ARB_STORE_UNAVAILABLE', true],
    [undefined, 'ARB_STORE_UNAVAILABLE', true],
  ] as const;
  for (const [code, expected, retryable] of cases) {
    const error = toArbotError({ code, message: 'what happened' });
    t.strictSame([error.code, error.retryable], [expected, retryable], String(code));
    t.match(error.message, /what happened/);
  }
  const stderr = `file:///x/y.js:3\nvar a=${'x'.repeat(60_000)}\n   ^\nRuntimeError: Aborted(). Build with -sASSERTIONS\n    at abort (file:///x)\n\nNode.js v20`;
  t.equal(summariseStderr(stderr), 'RuntimeError: Aborted(). Build with -sASSERTIONS');
  t.equal(summariseStderr(''), '');
});
