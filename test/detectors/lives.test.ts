import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import { bestLives, OpportunityLife } from '../../src/detectors/opportunity-life.js';

/** What is shown of a life while it lasts. */

const edge = (netBps: number, grossBps = 20) => ({
  ...{ grossBps, netBps, quantity: new Decimal('0.5') },
  net: new Decimal(netBps).div(10),
});
const life = (id: string, netBps: number) =>
  new OpportunityLife(
    { opportunityId: id, pair: 'BTC-USDT', buyExchange: 'okx', sellExchange: 'gate', openedAtMs: 1 },
    edge(netBps),
  );

t.test('a life shows its newest figures and why it is not traded, whatever was told', async (t) => {
  const one = life('opp-1', 1);
  const seen = (atMs: number) => {
    const { phase, reason, detail, netBps } = one.asItStands(atMs);
    return [phase, reason, detail, netBps];
  };
  t.same(seen(2), ['opened', 'EDGE_OPENED', '', 1]);
  one.improved(edge(2, 21), 2, 3);
  t.same(seen(3), ['opened', 'EDGE_OPENED', '', 2], 'also where the growth is too small to be told');
  one.obstructed('NET_EDGE', '2 against 5', 4);
  t.equal(one.obstructed('NET_EDGE', '3 against 5', 5), null, 'told once');
  t.same(seen(5), ['refused', 'NET_EDGE', '3 against 5', 2], 'and shown as it is now');
  one.offered(edge(7));
  t.same(seen(6), ['opened', 'OFFERED', '', 7]);
  one.declined('refused', 'DAILY_LOSS', '500 against 400', 7);
  t.same(seen(7), ['refused', 'DAILY_LOSS', '500 against 400', 7]);
  one.offered(edge(8));
  one.executed(8);
  t.same(seen(8), ['executed', 'EXECUTED', '', 8]);
  t.match(one.asItStands(9), {
    opportunityId: 'opp-1',
    atMs: 9,
    quantity: '0.5',
    netProfit: '0.8',
    openedAtMs: 1,
  });
});

t.test('of many lives the best are shown, the best first', async (t) => {
  const lives = [3, 9, -1, 7].map((netBps, at) => life(`opp-${at}`, netBps));
  t.same(
    bestLives(lives, 3, 5).map(({ netBps }) => netBps),
    [9, 7, 3],
  );
  t.same(bestLives([], 3, 5), []);
});
