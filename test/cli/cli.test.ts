import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { exchangeOf, renderFile, renderTotals, runConformance } from '../../src/conformance/runner.js';
import { runCommand } from '../../src/cli/main.js';
import type { RunningNode, StartOptions } from '../../src/cli/options.js';
import type { Terminal } from '../../src/cli/output.js';
import { showFeeds } from '../../src/cli/feeds.js';
import { askScan, scanLines } from '../../src/cli/scan.js';
import { showTop } from '../../src/cli/top.js';
import type { ActorRow, ClusterActors } from '../../src/http/cluster-answers.js';
import type { OpportunityEvent } from '../../src/messages/signal.js';
import type { HttpClient } from '../../src/ports/network.js';
import { clockFinding, nodeFinding } from '../../src/cli/doctor.js';
import { ArbotError } from '../../src/messages/errors.js';
import { referenceFolder, wireFolder } from '../shared-data.js';

const repository = new URL('../../', import.meta.url).pathname;

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly options: StartOptions | null;
}
interface Setting {
  readonly folder?: string;
  readonly environment?: Record<string, string>;
  /** Plays the node. */
  readonly start?: (signal: (name: 'SIGINT' | 'SIGTERM') => void) => Promise<RunningNode>;
}

const ended = (code: number): RunningNode => ({
  mode: 'SIMULATED',
  url: 'http://127.0.0.1:1/',
  finished: Promise.resolve(code),
  stop: async () => undefined,
});

async function run(line: string, setting: Setting = {}): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  let options: StartOptions | null = null;
  const handlers = new Set<(name: 'SIGINT' | 'SIGTERM') => void>();
  const terminal: Terminal = {
    environment: setting.environment ?? {},
    workingFolder: setting.folder ?? repository,
    print: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    onSignal: (handler) => {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
  const startNode = async (given: StartOptions): Promise<RunningNode> => {
    options = given;
    return setting.start === undefined
      ? ended(0)
      : setting.start((name) => handlers.forEach((one) => one(name)));
  };
  const code = await runCommand(line.split(' ').filter(Boolean), {
    terminal,
    importStartNode: async () => startNode,
  });
  return { code, out: out.join('\n'), err: err.join('\n'), options };
}

t.test('every command explains itself with examples', async (t) => {
  for (const command of [
    '',
    'start',
    'record',
    'replay',
    'conformance',
    'config check',
    'pairs list',
    'actors',
    'top',
    'doctor',
  ]) {
    const { code, out } = await run(`${command} --help`);
    t.equal(code, 0, command);
    t.match(out, /Usage: arbot/, command);
    t.match(out, /Examples:\n {2}\$ arbot/, command);
  }
  t.match(await run('--version'), { code: 0, out: /^\d+\.\d+\.\d+$/ });
});

t.test('wrong usage ends with 2 and one clear line that names the flag', async (t) => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['bogus', /unknown command 'bogus'/],
    ['start --prot 1', /unknown option '--prot'/],
    ['start --market paper', /--market: must be/],
    ['start --speed fast', /--speed: must be a number/],
    ['start --speed 0', /--speed/],
    ['start --speed max', /--speed: max is for replays/],
    ['start --market live --speed 2', /--speed: live data/],
    ['start --minutes -1', /--minutes/],
    ['start --port 70000', /--port: must be a whole number/],
    ['start --port 80.5', /--port/],
    ['start --market replay', /--replay: name the folder/],
    ['start --replay x', /--replay: needs --market replay/],
    [`start --seed ${'x'.repeat(65)}`, /--seed/],
    ['start --exchanges kraken', /--exchanges: kraken is not in/],
    ['start --exchanges BIN', /--exchanges: must be names/],
    ['record --market replay', /--market: a replay is recorded already/],
    ['replay', /missing required argument/],
    ['start --log syslog', /--log: must be file or stderr/],
    ['start --log-level loud', /--log-level: must be debug, info, warn, error/],
    ['start --node mars', /nodes: no node has the name/],
  ];
  for (const [line, message] of wrong) {
    const { code, err, options } = await run(line);
    t.equal(code, 2, line);
    t.match(err, message, line);
    t.match(err, /^arbot: ARB_(CLI_USAGE|CONFIG_INVALID): /, line);
    t.notMatch(err, /\n {4}at /, `${line}: no stack`);
    t.equal(options, null, `${line}: nothing was started`);
  }
});

t.test('start hands checked options to the node, flags before environment before file', async (t) => {
  const plain = (await run('start')).options;
  t.match(plain, {
    market: 'simulated',
    speed: 1,
    minutes: null,
    port: 8787,
    replayFolder: null,
    recordFolder: null,
    exchanges: null,
    quiet: false,
  });
  t.equal(plain?.dataFolder, `${repository}.arbot`);
  const environment = { ARBOT_HTTP_PORT: '9000', ARBOT_DATA_FOLDER: '/srv/arbot' };
  t.match((await run('start', { environment })).options, { port: 9000, dataFolder: '/srv/arbot' });
  const flags =
    'start --port 0 --data d --speed 20 --minutes 10 --seed friday --exchanges okx,bybit,okx --quiet';
  t.match((await run(flags, { environment })).options, {
    port: 0,
    dataFolder: `${repository}d`,
    speed: 20,
    minutes: 10,
    seed: 'friday',
    exchanges: ['okx', 'bybit'],
    quiet: true,
  });
  t.same(plain?.log, { to: 'file', level: 'info' }, 'people read the console, the log is a file');
  const logs = { ARBOT_LOG: 'stderr', ARBOT_LOG_LEVEL: 'debug' };
  t.same((await run('start', { environment: logs })).options?.log, { to: 'stderr', level: 'debug' });
  t.same((await run('start --log file --log-level error', { environment: logs })).options?.log, {
    to: 'file',
    level: 'error',
  });
  t.same((await run('start --quiet --log stderr')).options?.log, { to: 'stderr', level: 'warn' });
  t.match(await run('start', { environment: { ARBOT_LOG: 'disk' } }), { code: 2, err: /ARBOT_LOG: must be/ });
  t.match((await run('replay rec --speed max --recording okx-1,bybit-2')).options, {
    recordings: ['okx-1', 'bybit-2'],
    market: 'replay',
    replayFolder: `${repository}rec`,
    speed: 'max',
  });
  t.match((await run('record --out friday')).options, {
    market: 'live',
    recordFolder: `${repository}friday`,
  });
});

t.test('the exit code says how a node ended, and every end is an ordered stop', async (t) => {
  t.equal((await run('start', { start: async () => ended(0) })).code, 0);
  t.equal((await run('start', { start: async () => ended(1) })).code, 1);
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ] as const) {
    let stops = 0;
    const result = await run('start', {
      start: async (signal) => {
        setImmediate(() => signal(name));
        return {
          ...ended(0),
          finished: new Promise<number>(() => undefined),
          stop: async () => void stops++,
        };
      },
    });
    t.match(result, { code, err: /Stopping in order/ }, name);
    t.equal(stops, 1, name);
  }
  let stoppedLate = false;
  const early = await run('start', {
    start: async (signal) => {
      signal('SIGINT');
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { ...ended(0), stop: async () => void (stoppedLate = true) };
    },
  });
  t.equal(early.code, 130);
  t.ok(stoppedLate, 'interrupted while starting: what was started is stopped');
});

t.test('errors are one line with their code; --verbose adds the stack', async (t) => {
  const start = () =>
    Promise.reject(new ArbotError('ARB_FOLDER_LOCKED', 'data folder /x is in use by process 7'));
  t.match(await run('start', { start }), {
    code: 1,
    err: 'arbot: ARB_FOLDER_LOCKED: data folder /x is in use by process 7',
  });
  t.match((await run('start --verbose', { start })).err, /\n {4}at /);
  const defect = await run('start', { start: () => Promise.reject(new TypeError('x is undefined')) });
  t.match(defect, { code: 1, err: /ARB_INVARIANT: x is undefined\nRun again with --verbose/ });
});

t.test('config check names every problem of both files at once', async (t) => {
  t.match(await run('config check'), { code: 0, out: /Both files are valid/ });
  const printed = JSON.parse((await run('config check --print')).out) as {
    trading: { edge: { minNetEdgeBps: number } };
  };
  t.equal(printed.trading.edge.minNetEdgeBps, 5);
  const folder = t.testdir({
    'cluster.config.ts': 'export default { nodes: [], colour: 1 };',
    'trading.config.ts': 'export default { pears: [] };',
  });
  const bad = await run('config check', { folder });
  t.equal(bad.code, 2);
  for (const key of ['nodes', 'colour', 'pears', 'assets', 'pairs', 'exchanges'])
    t.match(bad.err, new RegExp(`config\\.ts: ${key}: `), key);
  t.match(await run('config check', { folder: t.testdir({}) }), { code: 2, err: /file not found/ });
});

t.test('pairs list shows exchanges, directions and what is blacklisted', async (t) => {
  const folder = t.testdir({
    'trading.config.ts': `export default {
      assets: { BTC: {}, ETH: {}, XRP: {}, USDT: {} }, exchanges: { okx: {}, bybit: {}, gate: { enabled: false } },
      pairs: [{ pair: 'BTC-USDT', directions: [{ buy: 'okx', sell: 'bybit' }] }, { pair: 'ETH-USDT', enabled: false }, { pair: 'XRP-USDT' }],
      blacklist: { assets: ['XRP'] } };`,
  });
  const { out, code } = await run('pairs list', { folder });
  t.equal(code, 0);
  t.match(out, /BTC-USDT {2}enabled +okx bybit +okx>bybit/);
  t.match(out, /ETH-USDT {2}disabled/);
  t.match(out, /XRP-USDT {2}blacklisted/);
  t.match(JSON.parse((await run('pairs list --json', { folder })).out), [
    { pair: 'BTC-USDT', exchanges: ['okx', 'bybit'], maxNotional: '5000' },
    {},
    {},
  ]);
});

t.test('feeds shows what a running node says of its market data, once or again and again', async (t) => {
  const book = {
    instrument: 'okx:BTC-USDT',
    trusted: true,
    state: 'live',
    market: 'trading',
    ageMs: 12.4,
    messagesPerSecond: 31.26,
    gaps: 2,
    resyncs: 3,
    latencyMs: 41,
    latencyP99Ms: 12_345,
  };
  const feed = {
    exchange: 'okx',
    state: 'syncing',
    reason: '',
    ageMs: null,
    messagesPerSecond: 90,
    gaps: 2,
    resyncs: 3,
    reconnects: 4,
    fallbackFrames: { books: 3, trades: 2 },
    latencyMs: 41,
    latencyP99Ms: 80,
    connections: [{ phase: 'open' }, { phase: 'waiting' }],
    books: [book, { ...book, instrument: 'okx:XRP-USDT', trusted: false, state: 'stale', market: 'halted' }],
  };
  let answer: unknown = [feed];
  const asked: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const token = 'a-token-of-more-than-24-letters';
  const { code, out } = await run(`feeds --port ${port}`, { environment: { ARBOT_HTTP_TOKEN: token } });
  t.equal(code, 0);
  t.same(asked, [`/api/feeds Bearer ${token}`]);
  const lines = out.split('\n').map((line) => line.trim().split(/ {2,}/));
  t.same(lines[1], [
    'okx',
    '1/2',
    'syncing (1 of 2 lines)',
    '-',
    '90.0',
    '2',
    '3',
    '4',
    '41 ms',
    '80 ms',
    '5',
  ]);
  t.same(lines[2], ['BTC-USDT', 'yes', 'live', '12 ms', '31.3', '2', '3', '41 ms', '12 s']);
  t.same(lines[3]!.slice(0, 3), ['XRP-USDT (halted)', 'NO', 'stale']);

  answer = [{ ...feed, gaps: 'many' }];
  const wrong = await run(`feeds --url http://127.0.0.1:${port}/`);
  t.equal(wrong.code, 1);
  t.match(wrong.err, /ARB_MESSAGE_INVALID: .*gaps/);
  t.equal((await run('feeds --url ftp://here')).code, 2);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  t.match((await run(`feeds --port ${port}`)).err, /ARB_HTTP_FAILED/);

  const printed: string[] = [];
  let turns = 0;
  const answers = [feed, null, feed];
  const http = {
    request: () => {
      const next = answers[turns];
      return next === null
        ? Promise.reject(new ArbotError('ARB_HTTP_FAILED', 'gone'))
        : Promise.resolve({ status: 200, headers: {}, body: Buffer.from(JSON.stringify([next])) });
    },
  };
  await showFeeds(
    { url: 'http://here/', token: null },
    {
      environment: {},
      workingFolder: '',
      print: (text) => void printed.push(text),
      complain: () => undefined,
      onSignal: () => () => undefined,
    },
    { http, pause: () => Promise.resolve(void turns++), isOver: () => turns === answers.length },
    true,
  );
  t.same(
    printed.map((text) => /does not answer|BTC-USDT/.exec(text)?.[0]),
    ['BTC-USDT', 'does not answer', 'BTC-USDT'],
    'a watch outlives a restart of the node',
  );
});

t.test('the doctor finds taken ports, absent stores, an old Node and a wrong clock', async (t) => {
  const folder = t.testdir({
    'cluster.config.ts': `export default {
      nodes: [{ name: 'a', region: 'x', roles: ['feeds', 'detectors', 'trade', 'recorder'], dataFolder: 'data' }],
      bus: { kind: 'nats', urls: ['nats://127.0.0.1:1'] }, stores: { trades: { kind: 'postgres', urlEnv: 'PG_URL' } } };`,
    'trading.config.ts': `export default { assets: { BTC: {}, USDT: {} }, pairs: [{ pair: 'BTC-USDT' }], exchanges: { okx: {}, bybit: {} } };`,
  });
  const taken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const port = (taken.address() as AddressInfo).port;
  const sick = await run(`doctor --port ${port}`, { folder });
  t.equal(sick.code, 1);
  t.match(sick.out, /bad +port +127\.0\.0\.1:\d+: .*EADDRINUSE/);
  t.match(sick.out, /bad +trades +PG_URL is not set/);
  t.match(sick.out, /ok +prices +in-process, embedded/);
  t.match(sick.out, /bad +bus .*ECONNREFUSED/);
  t.match(sick.out, /ok +folder lock/);
  const secret = await run('doctor --port 0', {
    folder,
    environment: { PG_URL: `postgres://me:hunter2@127.0.0.1:${port}/db` },
  });
  t.match(secret.out, /bad +trades /, 'a server that says nothing is none');
  t.notMatch(secret.out + secret.err, /hunter2/);
  t.equal(nodeFinding('v18.20.0').state, 'bad');
  t.equal(nodeFinding('v20.18.9').state, 'bad');
  t.equal(nodeFinding('v20.19.0').state, 'ok');
  t.equal(nodeFinding('v22.1.0').state, 'ok');
  t.equal(clockFinding({ nowMs: () => 0, monotonicMs: () => 0 }).state, 'bad');
  t.match(await run('doctor', { folder: t.testdir({}) }), {
    code: 2,
    out: /ok {2}Node/,
    err: /file not found/,
  });
});

t.test('replay --list says what a folder holds, and names what it refuses', async (t) => {
  const folder = t.testdir({
    'okx-20231114.jsonl':
      '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[],"bids":[],"ts":"1"}]}\n',
    'okx-20231114.ts': '1700000000.5\n',
  });
  t.match(await run('replay . --list', { folder }), {
    code: 0,
    out: /okx +okx-20231114 +2023-11-14T22:13:20\.500Z +0\.0 +1 +BTC-USDT/,
  });
  t.match(await run('replay absent --list', { folder }), { code: 1, err: /ARB_RECORDING_INVALID: .*absent/ });
});

t.test('conformance: failures, nothing run and skips of built kinds end with 1', async (t) => {
  const spread = (dec: string) => ({
    kind: 'spread',
    cases: [
      {
        id: 'one',
        input: {
          askBuy: '100',
          bidSell: '101',
          feeBuy: '0',
          feeSell: '0',
          feeModeBuy: 'quote',
          feeModeSell: 'quote',
          thirdCoinDiscount: '0',
        },
        expected: { grossBps: { dec, num: Number(dec), exact: true } },
      },
    ],
  });
  const json = JSON.stringify;
  const good = await run('conformance .', {
    folder: t.testdir({
      deep: {
        'spread.json': json(spread('100')),
        'later.json': json({ kind: 'rebalance_flow', cases: [] }),
        'MANIFEST.json': '{}',
      },
    }),
  });
  t.equal(good.code, 0, good.out);
  t.match(good.out, /ok {4}deep\/spread\.json {2}1 passed, 0 failed/);
  t.match(
    good.out,
    /skip {2}deep\/later\.json {2}\(skipped: cases of kind rebalance_flow are not built yet\)/,
  );
  t.match(good.out, /\n1 passed, 0 failed, 1 skipped$/);
  const bad = await run('conformance .', { folder: t.testdir({ 'spread.json': json(spread('99')) }) });
  t.equal(bad.code, 1);
  t.match(bad.out, /FAIL {2}spread\.json {2}0 passed, 1 failed\n {6}one grossBps.*99/);
  t.match(
    await run('conformance .', {
      folder: t.testdir({ 'later.json': json({ kind: 'rebalance_flow', cases: [] }) }),
    }),
    { code: 1, out: /0 passed, 0 failed, 1 skipped/ },
  );
  t.match(
    await run('conformance .', {
      folder: t.testdir({ 'a.json': 'not json', 'spread.json': json(spread('100')) }),
    }),
    { code: 1, out: /FAIL {2}a\.json/ },
  );
  t.match(await run('conformance absent', { folder: t.testdir({}) }), {
    code: 2,
    err: /absent: cannot be read/,
  });
  const missed = { file: 'f', passed: 1, failed: 0, failures: [], skipped: ['why'], isDone: true };
  t.match(renderFile(missed), /ok {4}f {2}1 passed, 0 failed {2}\(skipped: why\)/);
  for (const [file, exchange] of [
    ['okx/a.jsonl', 'okx'],
    ['answers/okx--b.json', 'okx'],
    ['answers/derived--upbit-default.json', 'upbit'],
    ['rest/jkorf-gate-rest.ndjson', 'gate'],
  ] as const)
    t.equal(exchangeOf(file), exchange);
});

const reference = referenceFolder();
t.test(
  'the reference cases of built kinds pass',
  { skip: reference === null ? 'shared/reference is not present' : false },
  async (t) => {
    const result = await runConformance(`${reference}/finance`);
    t.equal(result.failed, 0, renderTotals(result));
    t.ok(result.passed >= 50);
  },
);

const wire = wireFolder();
t.test(
  'nothing of captured traffic is skipped, since every exchange of it is built',
  { skip: wire === null ? 'shared/wire is not present' : false },
  async (t) => {
    const result = await runConformance(String(wire));
    t.same(
      result.files.filter(({ skipped }) => skipped.length > 0).map(({ skipped }) => skipped),
      [],
    );
    t.ok(result.passed > 1_000);
  },
);

t.test('the real command runs from another folder and ends with its code', async (t) => {
  const child = spawn(
    process.execPath,
    [`${repository}bin/arbot.mjs`, 'pairs', 'list', '--config', repository],
    { cwd: t.testdir({}) },
  );
  let out = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  t.equal(code, 0);
  t.match(out, /BTC-USDT/);
});

t.test('top shows the screen anew, sorts by keys, says when its node is away, and ends with q', async (t) => {
  const row = (path: string, handledPerSecond: number, mailboxDepth: number): ActorRow => ({
    ...{ path, id: path, depth: 1, kind: 'feed', restart: 'permanent', strategy: null, state: 'running' },
    ...{ incarnation: 1, mailboxDepth, mailboxCapacity: 10, handled: 1, dead: 0, dropped: 0, crashes: 0 },
    ...{ handledPerSecond, handlingP50Ms: 0.1, handlingP99Ms: 12, restarts: 0, startedAtMs: 1 },
    ...{ heldByOperator: false, nextStartInMs: null, lastError: null },
  });
  const all: ClusterActors = {
    atMs: 0,
    nodes: [
      {
        ...{ node: 'tokyo-1', state: 'up', detail: '', isSelf: true, version: '1.0.0', fence: null },
        ...{ draining: true, actors: [row('node/quick', 90, 1), row('node/full', 2, 9)] },
      },
    ],
  };
  let turn = 0;
  let press = (_key: string): void => undefined;
  const printed: string[] = [];
  const asked: string[] = [];
  const keys = ['m', 'x', '', 'q'];
  const http: HttpClient = {
    request: async ({ url }) => {
      asked.push(url);
      if (turn === 2) throw new ArbotError('ARB_HTTP_FAILED', 'gone');
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(all)) };
    },
  };
  let isOver = false;
  let isForgotten = false;
  await showTop(
    { url: 'http://here/', token: null },
    {
      ...{ environment: {}, workingFolder: '', complain: () => undefined, onSignal: () => () => undefined },
      print: (text) => void printed.push(text),
      screen: {
        size: () => ({ rows: 8, columns: 60 }),
        onKey: (handler) => {
          press = handler;
          return () => void (isForgotten = true);
        },
      },
    },
    {
      ...{ http, wake: () => undefined, isOver: () => isOver, stop: () => void (isOver = true) },
      pause: async () => press(keys[turn++] ?? 'q'),
    },
    { filter: { node: 'tokyo-1' }, sort: 'rate', once: false },
  );
  t.equal(asked[0], 'http://here/api/cluster/actors?node=tokyo-1');
  t.ok(isForgotten, 'the terminal is given back');
  t.equal(printed.length, 4);
  t.match(printed[0], /^\u001b\[2J\u001b\[H00:00:00 UTC {2}1 of 1 nodes {2}2 actors, 0 not running/);
  t.match(printed[0], /tokyo-1 is drained/);
  const first = (text: string | undefined) => /node\/(?:quick|full)/.exec(text ?? '')?.[0];
  t.strictSame(
    [first(printed[0]), first(printed[1])],
    ['node/quick', 'node/full'],
    'by rate, then by mailbox',
  );
  t.match(printed[2], /http:\/\/here\/ does not answer: gone/);
  t.match(printed[3], /r rate {2}m mailbox .* q quit$/);
  for (const text of printed)
    t.ok(
      text
        .replace(/^\u001b\[2J\u001b\[H/, '')
        .split('\n')
        .every((line) => line.length <= 60),
      'no line is wider than the screen',
    );
});

t.test('scan shows what all detectors see, the best first, and why it is not traded', async (t) => {
  const seen = (more: Partial<OpportunityEvent>): OpportunityEvent => ({
    ...{ opportunityId: 'opp-1', phase: 'refused', strategy: 'spatial', pair: 'BTC-USDT' },
    ...{ buyExchange: 'binance', sellExchange: 'okx', grossBps: 30, netBps: 9.96, quantity: '0.5' },
    ...{
      netProfit: '12.5',
      reason: 'NET_EDGE',
      detail: '9.96 bps against 12',
      openedAtMs: 201_000,
      atMs: 202_000,
    },
    ...more,
  });
  const cycle = 'gate:BTC-USDT > gate:ETH-BTC > gate:ETH-USDT';
  const best = [
    seen({}),
    seen({
      strategy: 'triangular',
      route: cycle,
      netBps: 20,
      reason: 'WATCH_ONLY',
      detail: '',
      openedAtMs: 1_000,
    }),
    seen({ phase: 'opened', reason: 'OFFERED', netBps: 1, quantity: '0', netProfit: '0' }),
    seen({ phase: 'executed', reason: 'EXECUTED', netBps: 2 }),
  ];
  const row = (path: string, kind: string) => ({
    ...{ path, id: path, depth: 1, kind, restart: 'permanent', strategy: null, state: 'running' },
    ...{ incarnation: 1, mailboxDepth: 0, mailboxCapacity: 10, handled: 1, dead: 0, dropped: 0, crashes: 0 },
    ...{ handledPerSecond: 1, handlingP50Ms: 0.1, handlingP99Ms: 12, restarts: 0, startedAtMs: 1 },
    ...{ heldByOperator: false, nextStartInMs: null, lastError: null },
  });
  const actors = [
    row('node/detect/spatial', 'detector'),
    row('node/detect/statistical', 'statistical-detector'),
    row('node/feeds/okx', 'feed'),
  ];
  const summaries: Readonly<Record<string, object>> = {
    'node/detect/spatial': { strategy: 'spatial', best },
    'node/detect/statistical': { state: 'warming up: 3 of 10 bars' },
  };
  const asked: string[] = [];
  const answerOf = (path: string): object => {
    const place = /^\/api\/cluster\/actors\/seoul-1\/(.+)$/.exec(path)?.[1];
    if (place === undefined)
      return {
        atMs: 203_000,
        nodes: [
          { node: 'seoul-1', state: 'up', detail: '', isSelf: true, version: '1.0.0', fence: null, actors },
        ],
      };
    const { depth: _depth, id: _id, ...known } = row(place, 'detector');
    return {
      ...known,
      node: 'seoul-1',
      sent: 0,
      conflated: 0,
      watchers: [],
      fence: null,
      summary: summaries[place],
    };
  };
  const http: HttpClient = {
    request: async ({ url }) => {
      const { pathname } = new URL(url);
      asked.push(pathname);
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(answerOf(pathname))) };
    },
  };
  const api = { url: 'http://here/', token: null };
  const scan = await askScan(api, http, { sort: 'net', once: true });
  t.notOk(
    asked.some((path) => path.includes('feeds')),
    'only detectors are asked',
  );
  t.equal(scan.detectors, 2);
  const lines = scanLines(scan, 'net');
  t.match(lines[0], /^00:03:23 UTC {2}4 opportunities of 2 detectors {2}by net$/);
  t.match(lines[1], /node\/detect\/statistical: warming up: 3 of 10 bars/);
  const text = lines.slice(4);
  t.match(
    text[0],
    new RegExp(`^triangular +${cycle} +30\\.0 +20\\.0 +0\\.5 BTC +12\\.5 USDT +3 min +WATCH_ONLY$`),
  );
  t.match(
    text[1],
    /^spatial +BTC-USDT {2}binance > okx +30\.0 +10\.0 .* 2\.0 s +NET_EDGE 9\.96 bps against 12$/,
  );
  t.match(text[2], /traded$/);
  t.match(text[3], /30\.0 +2\.0 s +offered to the gate$/, 'what has no size shows none');
  t.match(scanLines(scan, 'age')[4], /triangular/);
  t.equal((await askScan(api, http, { sort: 'net', once: true, strategy: 'triangular' })).best.length, 1);
  t.match(scanLines({ ...scan, best: [] }, 'net').at(-1), /no edge above the floor/);
  for (const line of scanLines(scan, 'net', { rows: 6, columns: 40 })) t.ok(line.length <= 40);
});
