import { EventEmitter } from 'node:events';
import t from 'tap';
import { installProcessNet, type EscapedError } from '../../src/supervisors/process-net.js';
import { checkSpec } from '../../src/supervisors/spec-check.js';
import { renderTable, specShape } from '../../src/supervisors/tree-shape.js';
import { Diary, during, plant, supervisor, worker } from './forest.js';

function sample() {
  const diary = new Diary();
  const giveUp = { kind: 'quarantine', probeMinMs: 30_000, probeMaxMs: 600_000 } as const;
  const feeds = supervisor('feeds', [worker('okx', diary, { giveUp, restart: 'transient' })]);
  return supervisor('root', [{ supervisor: feeds }, worker('gate', diary)], { strategy: 'rest_for_one' });
}

t.test('the tree prints as a table of its specification', async (t) => {
  const rows = renderTable(sample())
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.replaceAll('\u00a0', '.').trim()),
    );
  t.equal(
    new Set(
      renderTable(sample())
        .split('\n')
        .map((line) => line.length),
    ).size,
    1,
    'columns align',
  );
  t.same(rows[0], ['child', 'kind', 'strategy', 'restart', 'intensity', 'backoff', 'shutdown', 'give-up']);
  const backoff = '10 ms to 1 s, 0 % jitter';
  t.same(rows.slice(2), [
    ['root', 'supervisor', 'rest_for_one', 'permanent', '3 within 1 s', backoff, 'children', 'escalate'],
    ['..feeds', 'supervisor', 'one_for_one', 'permanent', '3 within 1 s', backoff, 'children', 'escalate'],
    ['....okx', 'probe', '', 'transient', '', backoff, '100 ms', 'quarantine, probe 30 s to 600 s'],
    ['..gate', 'probe', '', 'permanent', '', backoff, '100 ms', 'escalate'],
  ]);
});

t.test('the running tree has the shape of its specification', async (t) => {
  const spec = sample();
  const { tree, time } = plant(spec);
  t.same(tree.runningShape(), specShape(spec), 'also before the start');
  await tree.start();
  t.same(tree.runningShape(), specShape(spec));
  await tree.addChild('root/feeds', worker('bybit', new Diary()));
  t.notSame(tree.runningShape(), specShape(spec), 'a child more is seen');
  t.match(tree.tree(), {
    path: 'root',
    state: 'running',
    inspection: { kind: 'supervisor', summary: { strategy: 'rest_for_one', children: ['feeds', 'gate'] } },
    children: [
      { path: 'root/feeds', children: [{ path: 'root/feeds/okx', inspection: { kind: 'probe' } }] },
      {},
    ],
  });
  t.doesNotThrow(() => JSON.stringify(tree.tree()));
  await during(time, tree.stop(), 10);
});

t.test('a wrong specification is refused with every field named', async (t) => {
  const diary = new Diary();
  const wrong = worker('a/b', diary, {
    shutdownMs: -1,
    backoff: { minMs: 50, maxMs: 10, jitter: 2 },
    giveUp: { kind: 'quarantine', probeMinMs: Number.NaN, probeMaxMs: 1e12 },
  });
  const spec = supervisor('root', [wrong, worker('c', diary), worker('c', diary)], {
    intensity: { restarts: 0, stableMs: Number.POSITIVE_INFINITY },
  });
  const expected = [
    'id must be',
    'shutdownMs',
    'backoff.minMs is above',
    'backoff.jitter',
    'giveUp.probeMinMs',
    'giveUp.probeMaxMs',
    'two children are named c',
    'intensity.restarts',
    'intensity.stableMs',
  ];
  try {
    checkSpec(spec);
    t.fail('not refused');
  } catch (error) {
    t.match(error, { code: 'ARB_CONFIG_INVALID' });
    for (const part of expected) t.ok((error as Error).message.includes(part), part);
  }
  t.throws(() => plant(spec), { code: 'ARB_CONFIG_INVALID' });
});

t.test('errors that escape every actor become reports, and the net can be taken away', async (t) => {
  const events = new EventEmitter();
  const escaped: EscapedError[] = [];
  const remove = installProcessNet(events, (error) => void escaped.push(error));
  events.emit('uncaughtException', new Error('timer'));
  events.emit('unhandledRejection', 'text');
  t.same(
    escaped.map(({ kind, error }) => `${kind}: ${error.message}`),
    ['uncaughtException: timer', 'unhandledRejection: text'],
  );
  remove();
  t.same(events.eventNames(), []);
});
