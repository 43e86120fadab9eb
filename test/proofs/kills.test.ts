import t from 'tap';
import { runKills } from './kills.js';

t.setTimeout(600_000);

t.test('a trading process that is killed leaves nothing half done behind its next start', async (t) => {
  const { kills, endless, strangers, wrongBalances, wrongRows } = await runKills({ times: 2, seed: 5 });
  t.equal(kills, 2);
  t.same(endless, [], 'each arbitrage has exactly one end');
  t.same(strangers, [], 'each order of the exchanges is in the journal, once');
  t.same(wrongBalances, [], 'the ledger holds what the exchanges hold');
  t.same(wrongRows, []);
});
