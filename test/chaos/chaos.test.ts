import t from 'tap';
import { skipOrFail } from '../servers/nats.js';
import { lateOf } from './auditor.js';
import { gainMs, pooledP99Ms, runClusterChaos } from './cluster.js';
import { alertsIn, growthOf, runConnectorChaos, type Sample } from './connectors.js';
import { Line } from './line.js';
import { drawSchedules, KINDS } from './schedules.js';
import { unavailable } from './stage.js';
import { Prng } from '../../src/simulator/prng.js';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';

/** The chaos suite in a small size (`npm run chaos -- cluster`, `… -- connectors`), and that its auditor sees what it looks for. */

t.setTimeout(900_000);

t.test('an auditor sees an order of an old holder', (t) => {
  const term = { holder: 'a', seenAtMs: 0, graceMs: 500 };
  const terms = [
    { ...term, fence: 1, deadlineMs: 1_000 },
    { ...term, fence: 2, deadlineMs: 9_000 },
  ];
  const order = (createdAtMs: number, fence: number) => ({
    ...{ exchange: 'okx', clientOrderId: `${createdAtMs}`, createdAtMs, fence },
  });
  t.same(lateOf([order(900, 1), order(2_000, 2)], { terms }), { late: [], inGrace: 0 });
  t.same(lateOf([order(900, 1), order(1_400, 1)], { terms }), { late: [], inGrace: 1 });
  t.match(lateOf([order(900, 1), order(1_600, 1)], { terms }).late, [/600 ms after its lease/]);
  t.match(lateOf([order(900, 2), order(950, 1)], { terms }).late, [/after the first order under fence 2/]);
  t.end();
});

t.test('schedules follow from their seed and meet every kind', (t) => {
  const draw = (seed: number) => drawSchedules(Prng.of(seed, 'chaos'), 2 * KINDS.length);
  t.same(draw(1), draw(1));
  t.notSame(draw(1), draw(2));
  for (const kind of KINDS) t.equal(draw(3).filter((one) => one.kind === kind).length, 2, kind);
  t.end();
});

t.test('what a kill costs the others is told of all kills together', (t) => {
  const stretch = (p99Ms: number, delaysMs: readonly number[]) => {
    return { p50Ms: 1, p99Ms, books: delaysMs.length, delaysMs, lostBatches: 0, loopP99Ms: 1 };
  };
  const hundred = (ms: number) => Array.from({ length: 100 }, () => ms);
  const kill = (before: number, after: readonly number[]) => ({
    bystanders: { before: stretch(before, hundred(before)), after: stretch(80, after), mishaps: 0 },
  });
  const trials = [kill(5, [...hundred(6), 400]), kill(7, hundred(9)), { bystanders: null }];
  t.same(trials.map(gainMs), [75, 73, null]);
  t.same(pooledP99Ms(trials), { beforeMs: 7, afterMs: 9, books: 401 });
  t.equal(pooledP99Ms([{ bystanders: null }]), null);
  t.end();
});

t.test('a line that is cut holds what travels one way, and gives it when it heals', async (t) => {
  const server = createServer((socket) => socket.on('data', (data) => socket.write(`re ${data.toString()}`)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const line = await Line.open((server.address() as AddressInfo).port);
  const client = connect(line.port, '127.0.0.1').setEncoding('utf8');
  t.teardown(async () => {
    client.destroy();
    await line.close();
    server.close();
  });
  const heard: string[] = [];
  client.on('data', (text: string) => heard.push(text));
  const heardMore = async (count: number): Promise<void> => {
    while (heard.length < count) await new Promise((done) => setTimeout(done, 5));
  };
  client.write('1');
  await heardMore(1);
  for (const way of ['in', 'out', 'both'] as const) {
    const before = heard.length;
    line.cut(way);
    client.write(way);
    await new Promise((done) => setTimeout(done, 100));
    t.equal(heard.length, before, `nothing comes while it is cut: ${way}`);
    line.heal();
    await heardMore(before + 1);
    t.equal(heard.at(-1), `re ${way}`);
  }
});

t.test('feeds that die in every way leave nothing behind and are told once each', async (t) => {
  const sample = (heapMegabytes: number): Sample => ({
    ...{ kills: 0, rssMegabytes: 0, timers: 0, sockets: 0, processes: 0, heapMegabytes },
  });
  const heap = (one: Sample): number => one.heapMegabytes;
  t.equal(growthOf([9, 5, 5, 5].map(sample), heap), 0);
  t.equal(growthOf([9, 5, 5, 10].map(sample), heap), 1);
  t.same(
    ['2 alerts  arbot SIMULATED\nx', 'WARNING  arbot\nx\n3 times from a to b', 'WARNING  arbot\nx\na'].map(
      alertsIn,
    ),
    [2, 3, 1],
  );
  const report = await runConnectorChaos({
    kills: 24,
    seed: 4,
    alertSpeed: 10,
    heard: (line) => t.comment(line),
  });
  t.equal(report.kills, 24);
  for (const [where, count] of Object.entries(report.counted))
    t.equal(count, 24, `each counts once: ${where}`);
  t.equal(report.parked, 0);
  for (const [way, count] of Object.entries(report.killed)) t.ok(count > 0, `killed in a ${way}: ${count}`);
  t.ok(
    report.samples.every(({ processes }) => processes <= 1),
    'no process is left behind',
  );
  const [first, last] = [report.samples[1]!, report.samples.at(-1)!];
  t.ok(last.timers <= first.timers + 6, `timers ${first.timers} to ${last.timers}`);
  t.ok(last.sockets <= first.sockets + 6, `sockets ${first.sockets} to ${last.sockets}`);
});

t.test('three nodes keep what they promise through a kill, a pause and a cut', async (t) => {
  const why = unavailable();
  if (why !== null) {
    skipOrFail(t, why);
    return;
  }
  const { audit, trials } = await runClusterChaos({
    ...{ schedules: 3, seed: 2, heard: (line: string) => t.comment(line) },
    kinds: ['kill -9 of a node', 'pause of a node', 'cut both ways'],
  });
  t.equal(trials.length, 3);
  t.same(audit.fences, [], 'never two accepted fences');
  t.same(audit.late, [], 'no late order');
  t.same(audit.strangers, [], 'no order that the journal does not know');
  t.same(audit.ledger, [], 'the ledger holds what the exchanges hold');
  t.ok(audit.orders > 0, 'it traded');
  t.notOk(
    trials.some(({ isTold }) => isTold === false),
    'losses and returns were told',
  );
});
