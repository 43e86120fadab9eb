import t from 'tap';
import { measureChain, HOPS } from '../../bench/order-path.js';
import { openNotionalSeconds } from '../../bench/order-node.js';
import { available, skipOrFail } from '../servers/postgres.js';
import { runHalts, WAYS } from './halts.js';
import { isBeyondCap, runLegs } from './legs.js';
import { runPauses } from './pauses.js';
import { runUnknowns } from './unknowns.js';

/** The proofs of `npm run chaos` in a small size: that they hold, not how fast. */

t.setTimeout(900_000);

t.test('orders of unknown outcome are settled by asking, and none is sent twice', async (t) => {
  const { byExchange, wrongBalances } = await runUnknowns({
    unknowns: 36,
    seed: 3,
    factor: 6,
    exchanges: ['binance', 'okx', 'bybit'],
  });
  for (const [exchange, one] of Object.entries(byExchange)) {
    t.ok(
      one.unknown >= 12 && one.placed > 0 && one.placed < one.unknown,
      `${exchange}: some were placed, some not`,
    );
    t.equal(one.duplicates, 0, `${exchange}: none twice`);
    t.same([one.wrong, one.resolved], [[], one.unknown], `${exchange}: each as the exchange has it`);
  }
  t.same(wrongBalances, []);
});

t.test('the kill switch blocks and cancels by each of its ways', async (t) => {
  const trials = await runHalts({ trials: 4, seed: 3, downs: ['everything'] });
  t.same(
    trials.map(({ way }) => way),
    WAYS,
  );
  for (const { way, open, offered, cancelledMs, isWritten } of trials) {
    t.ok(open > 0 && offered > 0, `${way}: orders were open, and more were offered`);
    t.ok(cancelledMs !== null, `${way}: all were cancelled`);
    t.ok(isWritten, `${way}: a restart finds it`);
  }
});

t.test('a process that was stopped past its lease places nothing late where requests expire', async (t) => {
  if (skipOrFail(t, available())) return;
  const { late, orders, areFencesGrowing } = await runPauses({ pauses: 2, seed: 3 });
  t.ok(orders > 0);
  t.match(late, { binance: 0, okx: 0, bybit: 0 });
  t.ok(areFencesGrowing);
});

t.test('a leg that fails ends within the cap, and the books are equal', async (t) => {
  const { failures, wrongBalances } = await runLegs({ failures: 3, seed: 3, factor: 1, budgetMs: 120_000 });
  t.ok(failures.length > 0);
  t.notOk(failures.some(isBeyondCap));
  t.same(wrongBalances, []);
});

t.test('the order path ends in signed bytes, each hop timed', async (t) => {
  const { hops, bytes, arbitrages } = await measureChain(6, 2);
  t.same(
    hops.map(({ name }) => name),
    [...HOPS, 'all'],
  );
  t.ok(hops.every(({ ns }) => ns.length === arbitrages && ns.every((one) => one >= 0)));
  t.ok(bytes > 8 * 2 * 100, 'two signed requests each');
});

t.test('open notional counts what is on one side only, while it is', (t) => {
  const trade = (side: 'buy' | 'sell', quantity: string, timeMs: number) =>
    ({ side, quantity, price: '100', timeMs }) as Parameters<typeof openNotionalSeconds>[0][number];
  t.equal(openNotionalSeconds([trade('sell', '2', 500), trade('buy', '2', 0)], 9_000), 100);
  t.equal(openNotionalSeconds([trade('buy', '1', 0)], 2_000), 200);
  t.equal(openNotionalSeconds([trade('buy', '1', 0), trade('sell', '0.999', 1_000)], 9_000), 100);
  t.end();
});
