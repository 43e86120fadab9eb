import t from 'tap';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { describe } from '../../src/replay/describe.js';
import { Recorder } from '../../src/replay/recorder.js';
import {
  decodeFrame,
  encodeFrame,
  findRecordings,
  MAX_LINE_BYTES,
  parseTime,
  readFrames,
  readRest,
  readSent,
} from '../../src/replay/recording.js';
import { startReplayServer } from '../../src/replay/replay-server.js';
import type { ReplayOptions, ReplayServer } from '../../src/replay/replay-server.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import type { Files } from '../../src/ports/files.js';
import type { Logger } from '../../src/ports/log.js';
import { isClosedAfterRefusal, resetDuringUpgrade } from '../reset-client.js';
import { wireFolder } from '../shared-data.js';

const files = new LocalFiles();
const clock = new SystemClock();
const timers = new SystemTimers();
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

const depth = (U: number, u: number, price: string, size: string): string =>
  `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":${U},"u":${u},"b":[["${price}","${size}"]],"a":[]}}`;
const BINANCE = [
  depth(8, 10, '99.90', '1.50'),
  depth(11, 12, '99.80', '2'),
  depth(13, 13, '99.90', '0'),
  depth(14, 14, '99.70', '3'),
];
const SNAPSHOT = '{"lastUpdateId":10,"bids":[["99.90","1.50"]],"asks":[["100.10","4"]]}';
const okx = (action: string, seq: number, prev: number, bids: string): string =>
  `{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"${action}","data":[{"asks":[["101","1","0","1"]],"bids":${bids},"ts":"1700000000000","checksum":0,"seqId":${seq},"prevSeqId":${prev}}]}`;
const OKX = [
  '{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"c"}',
  okx('snapshot', 5, -1, '[["100","1","0","1"],["99.5","2","0","1"]]'),
  okx('update', 6, 5, '[["100","0","0","0"]]'),
  okx('update', 9, 6, '[["99.7","3","0","1"]]'),
];
const bybit = (type: string, u: number, bids: string): string =>
  `{"topic":"orderbook.50.BTCUSDT","ts":1700000000000,"type":"${type}","data":{"s":"BTCUSDT","b":${bids},"a":[["101","1"]],"u":${u},"seq":${u * 7}},"cts":1700000000000}`;
const BYBIT = [
  bybit('snapshot', 4, '[["100","1"]]'),
  bybit('delta', 5, '[["99","2"]]'),
  bybit('delta', 6, '[["100","0"]]'),
];

/** The files of one recording whose frames are `stepMs` apart. */
function recordingOf(
  exchange: string,
  frames: readonly string[],
  stepMs: number,
  rest: object[] = [],
): Record<string, string> {
  const name = `${exchange}-20231114`;
  const times = frames.map((_, index) => ((1_700_000_000_000 + index * stepMs) / 1_000).toFixed(6));
  return {
    [`${name}.jsonl`]: frames.map((one) => `${one}\n`).join(''),
    [`${name}.ts`]: times.map((one) => `${one}\n`).join(''),
    [`${name}.rest.jsonl`]: rest.map((one) => `${JSON.stringify(one)}\n`).join(''),
  };
}
const ALL = {
  ...recordingOf('binance', BINANCE, 20, [
    {
      t: '1700000000.01',
      url: 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000',
      after_frame: 1,
      body: SNAPSHOT,
    },
  ]),
  ...recordingOf('okx', OKX, 20),
  ...recordingOf('bybit', BYBIT, 20),
};

async function serve(t: Tap, folder: string, more: Partial<ReplayOptions> = {}): Promise<ReplayServer> {
  const recordings = await findRecordings(files, folder);
  const options = {
    files,
    clock,
    timers,
    log: silent,
    recordings,
    speed: 'max',
    settleMs: 30,
    ...more,
  } as const;
  const server = await startReplayServer(options);
  t.teardown(() => server.close());
  return server;
}
interface Tap {
  teardown(end: () => unknown): void;
}

interface Client {
  readonly socket: WebSocket;
  readonly got: string[];
  /** Resolves once so many frames arrived. */
  has(count: number): Promise<void>;
}
async function connect(t: Tap, url: string): Promise<Client> {
  const socket = new WebSocket(url);
  const got: string[] = [];
  socket.on('message', (data: Buffer) => got.push(data.toString()));
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  const has = async (count: number): Promise<void> => {
    while (got.length < count) await once(socket, 'message');
  };
  return { socket, got, has };
}
const endpoint = (server: ReplayServer, exchange: string): { ws: string; rest: string } => {
  const found = server.endpoints[exchange];
  if (found === undefined) throw new Error(`no endpoint for ${exchange}`);
  return found;
};
const json = async (
  url: string,
): Promise<{ status: number; inferred: boolean; body: Record<string, unknown> }> => {
  const response = await fetch(url);
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, inferred: response.headers.get('x-arbot-inferred') === '1', body };
};
const OKX_SUBSCRIBE = '{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}';
const OKX_UNSUBSCRIBE = OKX_SUBSCRIBE.replace('subscribe', 'unsubscribe');

t.test('any frame survives the format, whatever its bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isBinary) => {
      const line = encodeFrame(bytes, isBinary);
      t.notOk(line.includes(0x0a));
      const isText = !isBinary && Buffer.from(Buffer.from(bytes).toString()).equals(Buffer.from(bytes));
      if (!isBinary && !isText) return; // a socket never hands out a text frame that is not UTF-8
      const back = decodeFrame(line.toString(), { file: 'f', line: 1 });
      t.same([...back.data], [...bytes]);
      t.equal(back.isBinary, isBinary);
    }),
  );
  const tricky = '{"arbotFrame":"base64","binary":false,"data":""}';
  t.equal(
    decodeFrame(encodeFrame(Buffer.from(tricky), false).toString(), { file: 'f', line: 1 }).data.toString(),
    tricky,
  );
  t.end();
});

t.test('times are understood in seconds, milliseconds, microseconds and nanoseconds', (t) => {
  t.equal(parseTime('1652459225.5037491').toFixed(3), '1652459225503.749');
  t.equal(parseTime('1652459225503'), 1652459225503);
  t.equal(parseTime('1652459225503749').toFixed(3), '1652459225503.749');
  t.equal(parseTime('1723161254024619568').toFixed(3), '1723161254024.620');
  for (const bad of [
    '',
    '-1',
    'NaN',
    '1e12',
    '12',
    '1652459225.',
    ' 1652459225',
    '0x1',
    '99999999999999999999',
  ])
    t.ok(Number.isNaN(parseTime(bad)), JSON.stringify(bad));
  t.end();
});

t.test('damaged recordings are refused with file and line', async (t) => {
  const name = 'okx-20231114';
  const read = async (spoilt: Record<string, string>): Promise<void> => {
    const folder = t.testdir({ ...recordingOf('okx', OKX, 20), ...spoilt });
    const [recording] = await findRecordings(files, folder);
    if (recording === undefined) throw new Error('none');
    for await (const frame of readFrames(files, recording)) void frame;
    await readSent(files, recording);
    await readRest(files, recording);
  };
  const refused = (spoilt: Record<string, string>, message: RegExp) =>
    t.rejects(read(spoilt), { code: 'ARB_RECORDING_INVALID', message });
  await refused({ [`${name}.ts`]: '1700000000.0\n' }, /\.ts:2: the times end before the frames do/);
  await refused({ [`${name}.ts`]: '1700000000.0\nsoon\n1\n1\n' }, /\.ts:2: not a time/);
  await refused({ [`${name}.jsonl`]: '{}\n\n{}\n' }, /\.jsonl:2: empty line/);
  await refused({ [`${name}.jsonl`]: '{"arbotFrame":"base64","binary":1,"data":""}\n' }, /\.jsonl:1: binary/);
  await refused({ [`${name}.jsonl`]: '{"arbotFrame":oops\n' }, /\.jsonl:1: not JSON/);
  await refused(
    { [`${name}.rest.jsonl`]: '{"t":"1700000000.1","url":"u","body":{}}\n' },
    /\.rest\.jsonl:1: body/,
  );
  await refused(
    { [`${name}.sent.jsonl`]: '{"t":"x","kind":"send","url":null,"data":null}\n' },
    /\.sent\.jsonl:1: t: not a time/,
  );
  await t.rejects(findRecordings(files, t.testdir({ 'notes.txt': '' })), { message: /no recording/ });
  await t.rejects(findRecordings(files, join(t.testdirName, 'absent')), { message: /ENOENT/ });
});

t.test('a recorder writes what it was given, and its files replay', async (t) => {
  const folder = t.testdir({});
  const recorder = new Recorder({ files, folder, exchange: 'okx', clock, log: silent });
  recorder.sent('connect', 'wss://ws.okx.com:8443/ws/v5/public', null);
  recorder.sent('send', 'wss://ws.okx.com:8443/ws/v5/public', OKX_SUBSCRIBE);
  OKX.forEach((text, index) => recorder.frame(1_700_000_000_000.25 + index, Buffer.from(text), false));
  recorder.frame(1_700_000_000_010, Buffer.from([0, 10, 255, 13]), true);
  recorder.rest('https://www.okx.com/api/v5/public/instruments?instType=SPOT', '{"code":"0","data":[]}');
  recorder.rest('https://www.okx.com/huge', 'x'.repeat(MAX_LINE_BYTES));
  await recorder.close();
  const [recording] = await findRecordings(files, folder);
  if (recording === undefined) throw new Error('nothing was recorded');
  const frames = [];
  for await (const frame of readFrames(files, recording)) frames.push(frame);
  t.same(
    frames.slice(0, 4).map((one) => one.data.toString()),
    OKX,
  );
  t.equal(frames[0]?.receiveTimeMs, 1_700_000_000_000.25);
  t.same([...(frames[4]?.data ?? [])], [0, 10, 255, 13]);
  t.equal(frames[4]?.isBinary, true);
  t.equal((await readSent(files, recording))[1]?.data, OKX_SUBSCRIBE);
  t.same(
    (await readRest(files, recording)).map((one) => one.afterFrame),
    [5],
    'an answer that no reader would take is left out',
  );
  const [described] = await describe(files, folder);
  t.match(described, { exchange: 'okx', frames: 5, binaryFrames: 1, instruments: 'recorded' });
  t.match(described?.symbols, [
    { symbol: 'BTC-USDT', base: 'BTC', quote: 'USDT', frames: 3, priceDecimals: 1 },
  ]);
});

/** Files whose appends wait until released, to play a disk that is too slow or full. */
function slowFiles(state: { hold: Promise<void>; fail: boolean }): Files {
  const slow = Object.create(files) as Files;
  slow.openAppend = async (path, mode) => {
    const real = await files.openAppend(path, mode);
    const append = async (data: string | Uint8Array): Promise<void> => {
      await state.hold;
      if (state.fail) throw new Error('disk full');
      await real.append(data);
    };
    return { append, sync: () => real.sync(), close: () => real.close() };
  };
  return slow;
}

t.test(
  'a slow disk never costs unbounded memory: frames are dropped, counted, and new files begin after the hole',
  async (t) => {
    let release: () => void = () => undefined;
    const state = { hold: new Promise<void>((resolve) => (release = resolve)), fail: false };
    const rotated: string[] = [];
    const recorder = new Recorder({
      files: slowFiles(state),
      folder: t.testdir({}),
      exchange: 'bybit',
      clock,
      log: silent,
      maxBufferedBytes: 1_000,
      onRotated: (reason) => rotated.push(reason),
    });
    const frame = Buffer.alloc(100, 'x');
    for (let n = 0; n < 50; n++) recorder.frame(1_700_000_000_000 + n, frame, false);
    t.ok(recorder.statistics().bufferedBytes <= 1_200);
    t.ok(recorder.statistics().dropped > 0);
    release();
    while (recorder.statistics().bufferedBytes > 0) await new Promise((resolve) => setImmediate(resolve));
    recorder.frame(1_700_000_001_000, frame, false);
    await recorder.close();
    t.same(rotated, ['gap']);
    const { frames, dropped } = recorder.statistics();
    t.equal(frames + dropped, 51);
    let read = 0;
    for (const recording of await findRecordings(files, t.testdirName))
      for await (const one of readFrames(files, recording)) read += one.data.length / 100;
    t.equal(read, frames, 'everything that was not counted as dropped is on disk');
  },
);

t.test('a frame that arrives while its predecessors are written never stands without its time', async (t) => {
  const lines = { times: 0, frames: 0 };
  let duringTheFirst: () => void = () => undefined;
  const counting = new LocalFiles();
  counting.openAppend = (path) => {
    const kind = path.endsWith('.ts') ? 'times' : 'frames';
    const append = (data: string | Uint8Array): Promise<void> => {
      duringTheFirst();
      lines[kind] += Buffer.from(data).toString().split('\n').length - 1;
      t.ok(lines.frames <= lines.times, `${lines.frames} frames and ${lines.times} times`);
      return Promise.resolve();
    };
    return Promise.resolve({ append, sync: () => Promise.resolve(), close: () => Promise.resolve() });
  };
  const options = { files: counting, folder: t.testdir({}), exchange: 'okx', clock, log: silent };
  const recorder = new Recorder(options);
  duringTheFirst = () => {
    duringTheFirst = () => undefined;
    recorder.frame(1_700_000_000_001, Buffer.from('second'), false);
  };
  recorder.frame(1_700_000_000_000, Buffer.from('first'), false);
  while (lines.frames === 0) await new Promise((resolve) => setImmediate(resolve));
  await recorder.close();
  t.same(lines, { times: 2, frames: 2 });
});

t.test('a disk that refuses is reported and does not stop the recorder', async (t) => {
  const state = { hold: Promise.resolve(), fail: true };
  const recorder = new Recorder({
    files: slowFiles(state),
    folder: t.testdir({}),
    exchange: 'okx',
    clock,
    log: silent,
  });
  recorder.frame(1_700_000_000_000, Buffer.from('lost'), false);
  while (recorder.statistics().lastError === null) await new Promise((resolve) => setImmediate(resolve));
  state.fail = false;
  recorder.frame(1_700_000_000_001, Buffer.from('kept'), false);
  await t.rejects(recorder.close(), { code: 'ARB_STORE_UNAVAILABLE', message: /disk full/ });
  const kept: string[] = [];
  for (const recording of await findRecordings(files, t.testdirName))
    for await (const one of readFrames(files, recording)) kept.push(one.data.toString());
  t.same(kept, ['kept']);
});

t.test('nothing flows before the subscription; then every frame arrives in order, once', async (t) => {
  const server = await serve(t, t.testdir(ALL));
  const [binance, okxClient, bybitClient] = await Promise.all([
    connect(t, `${endpoint(server, 'binance').ws}/stream?streams=btcusdt@depth@100ms`),
    connect(t, `${endpoint(server, 'okx').ws}/ws/v5/public`),
    connect(t, `${endpoint(server, 'bybit').ws}/v5/public/spot`),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 80));
  t.same([binance.got, okxClient.got, bybitClient.got], [[], [], []]);
  t.match(server.progress(), [{ state: 'waiting' }, { state: 'waiting' }, { state: 'waiting' }]);
  okxClient.socket.send(OKX_SUBSCRIBE);
  bybitClient.socket.send('{"op":"subscribe","args":["orderbook.50.BTCUSDT"],"req_id":"r1"}');
  const snapshot = await json(`${endpoint(server, 'binance').rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
  t.same(snapshot, { status: 200, inferred: false, body: JSON.parse(SNAPSHOT) as unknown });
  await server.finished;
  await Promise.all([binance.has(4), okxClient.has(4), bybitClient.has(4)]);
  t.same(binance.got, BINANCE);
  t.same(okxClient.got, OKX, 'the captured acknowledgement is the only one');
  t.match(JSON.parse(bybitClient.got[0] ?? ''), { success: true, op: 'subscribe', req_id: 'r1' });
  t.same(bybitClient.got.slice(1), BYBIT);
  t.match(server.progress(), [
    { state: 'finished', sent: 4 },
    { state: 'finished', sent: 3 },
    { state: 'finished', sent: 4 },
  ]);
});

t.test('a raw Binance socket gets bare events, and only of the symbols it asked for', async (t) => {
  const other = depth(1, 1, '1', '1').replaceAll('btcusdt', 'ethusdt').replaceAll('BTCUSDT', 'ETHUSDT');
  const server = await serve(t, t.testdir(recordingOf('binance', [...BINANCE, other], 1)));
  const client = await connect(t, `${endpoint(server, 'binance').ws}/ws`);
  client.socket.send('{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":7}');
  await client.has(5);
  await server.finished;
  t.same(JSON.parse(client.got[0] ?? ''), { result: null, id: 7 });
  t.same(
    client.got.slice(1).map((one) => (JSON.parse(one) as { u: number }).u),
    [10, 12, 13, 14],
  );
});

t.test('a client that asks again gets the book as the frames so far imply it', async (t) => {
  const server = await serve(t, t.testdir(ALL), { snapshotWaitMs: 50, startWaitMs: 60 });
  const okxClient = await connect(t, `${endpoint(server, 'okx').ws}/ws/v5/public`);
  okxClient.socket.send(OKX_SUBSCRIBE);
  await okxClient.has(4);
  okxClient.socket.send(OKX_UNSUBSCRIBE);
  okxClient.socket.send(OKX_SUBSCRIBE);
  await okxClient.has(7);
  t.match(
    okxClient.got.slice(4, 6).map((one) => JSON.parse(one) as unknown),
    [{ event: 'unsubscribe' }, { event: 'subscribe' }],
  );
  const again = JSON.parse(okxClient.got[6] ?? '') as {
    action: string;
    data: { bids: string[][]; seqId: number }[];
  };
  t.equal(again.action, 'snapshot');
  t.match(again.data[0], { seqId: 9, prevSeqId: -1, checksum: 0 });
  t.same(
    again.data[0]?.bids.map((level) => level.slice(0, 2)),
    [
      ['99.7', '3'],
      ['99.5', '2'],
    ],
  );

  const binance = await connect(t, `${endpoint(server, 'binance').ws}/stream?streams=btcusdt@depth@100ms`);
  await binance.has(4);
  const rest = endpoint(server, 'binance').rest;
  await json(`${rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
  const second = await json(`${rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
  t.equal(second.inferred, true);
  t.same(second.body, {
    lastUpdateId: 14,
    bids: [
      ['99.80', '2'],
      ['99.70', '3'],
    ],
    asks: [['100.10', '4']],
  });
});

t.test('instrument lists that were not recorded follow from the decimals observed, and say so', async (t) => {
  const server = await serve(t, t.testdir(ALL));
  const binance = await json(`${endpoint(server, 'binance').rest}/api/v3/exchangeInfo`);
  t.equal(binance.inferred, true);
  t.match(binance.body, {
    symbols: [
      {
        symbol: 'BTCUSDT',
        baseAsset: 'BTC',
        quoteAsset: 'USDT',
        filters: [{ tickSize: '0.1' }, { stepSize: '0.1' }],
      },
    ],
  });
  const okxList = await json(`${endpoint(server, 'okx').rest}/api/v5/public/instruments?instType=SPOT`);
  t.match(okxList.body, {
    code: '0',
    data: [{ instId: 'BTC-USDT', tickSz: '0.1', lotSz: '1', state: 'live' }],
  });
  const bybitList = await json(`${endpoint(server, 'bybit').rest}/v5/market/instruments-info?category=spot`);
  t.match(bybitList.body, {
    retCode: 0,
    result: { list: [{ symbol: 'BTCUSDT', priceFilter: { tickSize: '1' } }] },
  });
  const time = await json(`${endpoint(server, 'binance').rest}/api/v3/time`);
  t.same(time.body, { serverTime: 1_700_000_000_000 }, 'the clock of the recording');
  t.equal((await json(`${endpoint(server, 'okx').rest}/nothing`)).status, 404);
  const refused = new WebSocket(`${endpoint(server, 'okx').ws}/other`);
  const [error] = (await once(refused, 'error')) as [Error];
  t.match(error.message, /404/);
  for (const path of ['/other', '/ws/v5/public']) await resetDuringUpgrade(endpoint(server, 'okx').ws, path);
  t.ok(await isClosedAfterRefusal(endpoint(server, 'okx').ws, '/other'), 'a refused line is not kept');
  t.equal(
    (await json(`${endpoint(server, 'binance').rest}/api/v3/time`)).status,
    200,
    'a reset line harms nobody',
  );
});

t.test(
  'a hole in a Binance recording is bridged by the snapshot its own client fetched, never papered over',
  async (t) => {
    const frames = [depth(11, 11, '99', '1'), depth(50, 51, '98', '1'), depth(52, 52, '97', '1')];
    const body = (id: number, size: string) =>
      `{"lastUpdateId":${id},"bids":[["90","${size}"]],"asks":[["110","1"]]}`;
    const url = 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000';
    const rest = [
      { t: '1700000000.0', url, body: body(10, '1') },
      { t: '1700000000.0', url, body: body(51, '7') },
    ];
    const server = await serve(t, t.testdir(recordingOf('binance', frames, 1, rest)), { snapshotWaitMs: 10 });
    const client = await connect(t, `${endpoint(server, 'binance').ws}/stream?streams=btcusdt@depth@100ms`);
    await client.has(3);
    await json(`${endpoint(server, 'binance').rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
    const healed = await json(`${endpoint(server, 'binance').rest}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
    t.same(healed.body, {
      lastUpdateId: 52,
      bids: [
        ['97', '1'],
        ['90', '7'],
      ],
      asks: [['110', '1']],
    });
  },
);

t.test('faults reach the client exactly where they were asked for', async (t) => {
  const play = async (kind: 'drop' | 'duplicate' | 'swap' | 'truncate', count: number): Promise<string[]> => {
    const folder = t.testdir(recordingOf('bybit', BYBIT, 1));
    const server = await serve(t, folder, { acks: 'never', faults: [{ exchange: 'bybit', frame: 1, kind }] });
    const client = await connect(t, `${endpoint(server, 'bybit').ws}/v5/public/spot`);
    client.socket.send('{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}');
    await client.has(count);
    await server.finished;
    return client.got;
  };
  const [first = '', second = '', third = ''] = BYBIT;
  t.same(await play('drop', 2), [first, third]);
  t.same(await play('duplicate', 4), [first, second, second, third]);
  t.same(await play('swap', 3), [first, third, second]);
  t.same(await play('truncate', 3), [first, second.slice(0, second.length >> 1), third]);
});

t.test('recording time is kept at the asked speed', async (t) => {
  const folder = t.testdir(recordingOf('bybit', BYBIT, 200));
  const server = await serve(t, folder, { speed: 2, acks: 'never' });
  const client = await connect(t, `${endpoint(server, 'bybit').ws}/v5/public/spot`);
  client.socket.send('{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}');
  await client.has(1);
  const beganMs = clock.monotonicMs();
  await client.has(3);
  t.ok(
    clock.monotonicMs() - beganMs >= 150,
    '400 ms of recording take at least about 200 ms at double speed',
  );
});

t.test('closing in the middle ends the pump and refuses nothing later', async (t) => {
  const server = await serve(t, t.testdir(recordingOf('bybit', BYBIT, 60_000)), { speed: 1 });
  const client = await connect(t, `${endpoint(server, 'bybit').ws}/v5/public/spot`);
  client.socket.send('{"op":"subscribe","args":["orderbook.50.BTCUSDT"]}');
  await client.has(2);
  await server.close();
  await server.finished;
  await server.close();
  t.match(server.progress(), [{ state: 'running' }]);
});

const wire = wireFolder();
t.test(
  'captures of three exchanges replay as they are',
  { skip: wire === null ? 'shared/wire is not present' : false },
  async (t) => {
    const all = (
      await Promise.all(['binance', 'okx', 'bybit'].map((one) => findRecordings(files, `${wire}/${one}`)))
    ).flat();
    const pick = (part: string) => all.filter((one) => one.base.includes(part));
    const chosen = [
      ...pick('binance/cryptofeed-20211012'),
      ...pick('okx/cryptofeed-20220513'),
      ...pick('bybit/cryptofeed-20260809'),
    ];
    const server = await startReplayServer({
      files,
      clock,
      timers,
      log: silent,
      recordings: chosen,
      speed: 'max',
      settleMs: 30,
    });
    t.teardown(() => server.close());
    const symbols = (exchange: string) =>
      server.descriptions.find((one) => one.exchange === exchange)?.symbols.map((one) => one.symbol) ?? [];
    const streams = symbols('binance')
      .map((one) => `${one.toLowerCase()}@depth@100ms`)
      .join('/');
    const clients = {
      binance: await connect(t, `${endpoint(server, 'binance').ws}/stream?streams=${streams}`),
      okx: await connect(t, `${endpoint(server, 'okx').ws}/ws/v5/public`),
      bybit: await connect(t, `${endpoint(server, 'bybit').ws}/v5/public/linear`),
    };
    clients.okx.socket.send(
      JSON.stringify({
        op: 'subscribe',
        args: symbols('okx').map((instId) => ({ channel: 'books', instId })),
      }),
    );
    clients.bybit.socket.send(
      JSON.stringify({ op: 'subscribe', args: symbols('bybit').map((one) => `orderbook.200.${one}`) }),
    );
    for (const symbol of symbols('binance')) {
      const { status, inferred } = await json(
        `${endpoint(server, 'binance').rest}/api/v3/depth?symbol=${symbol}&limit=1000`,
      );
      t.same({ status, inferred }, { status: 200, inferred: false });
    }
    await server.finished;
    for (const recording of chosen) {
      const lines = readFileSync(recording.frames, 'utf8').split('\n').filter(Boolean);
      const client = clients[recording.exchange as keyof typeof clients];
      await client.has(lines.length);
      t.same(client.got, lines, `${recording.exchange}: ${lines.length} frames, byte for byte`);
    }
  },
);

const obu = (t: string, O: number, C: number, bids: string): string =>
  `{"T":"obu.SPOT", "dp":"increment@10ms", "t":"${t}", "P":1700000000001676191, "d":{"a":[["101","1"]],"b":${bids},"s":"BTC-USDT","C":${C},"M":1700000000001000000,"O":${O}}}`;
const PRO = [
  '{"sessionId":"recorded","message":"welcome","pingInterval":18000}',
  obu('snapshot', 5, 5, '[["100","1"],["99.5","2"]]'),
  obu('delta', 6, 7, '[["100","0"]]'),
  obu('delta', 8, 9, '[["99.7","3"]]'),
];
const level2 = (start: number, end: number, bids: string): string =>
  `{"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{"changes":{"asks":[],"bids":${bids}},"sequenceEnd":${end},"sequenceStart":${start},"symbol":"BTC-USDT","time":1700000000000}}`;
const CLASSIC = [
  '{"id":"recorded","type":"welcome"}',
  level2(8, 9, '[["99.9","9","8"],["99.8","8","9"]]'),
  // Straddles the snapshot at 11, out of order, with a price that changed twice and one that only counts.
  level2(10, 13, '[["99.9","4","13"],["99.9","3","12"],["99.8","1","10"],["0","0","11"]]'),
  level2(14, 14, '[["99.7","5","14"]]'),
];
const CLASSIC_SNAPSHOT =
  '{"code":"200000","data":{"time":1700000000000,"sequence":"11","bids":[["99.9","2"],["99.8","7"]],"asks":[["100","4"]]}}';

t.test('KuCoin: the Pro socket greets, and gives the book as it is now to whoever asks again', async (t) => {
  const server = await serve(t, t.testdir(recordingOf('kucoin', PRO, 20)));
  const { ws, rest } = endpoint(server, 'kucoin');
  const client = await connect(t, `${ws}/`);
  const request = { id: '1', channel: 'obu', tradeType: 'SPOT', symbol: 'BTC-USDT', depth: 'increment@10ms' };
  client.socket.send(JSON.stringify({ ...request, action: 'SUBSCRIBE' }));
  await server.finished;
  await client.has(5);
  t.same(client.got[1], '{"id":"1","result":true}');
  t.same(client.got.slice(2), PRO.slice(1), 'the recorded greeting is not sent a second time');
  client.socket.send(JSON.stringify({ ...request, action: 'SUBSCRIBE' }));
  await client.has(7);
  t.match(JSON.parse(client.got[6]!), {
    t: 'snapshot',
    d: {
      O: 9,
      C: 9,
      b: [
        ['99.7', '3'],
        ['99.5', '2'],
      ],
    },
  });
  const symbols = await json(`${rest}/api/v2/symbols`);
  t.match(symbols.body, {
    code: '200000',
    data: [{ symbol: 'BTC-USDT', priceIncrement: '0.1', baseIncrement: '1' }],
  });
  t.match((await json(`${rest}/api/v1/timestamp`)).body, { code: '200000' });
});

t.test('KuCoin: level2 waits for its snapshot and knows which of its changes that holds', async (t) => {
  const url = 'https://api.kucoin.com/api/v1/market/orderbook/level2_100?symbol=BTC-USDT';
  const recorded = [{ t: '1700000000.03', url, after_frame: 2, body: CLASSIC_SNAPSHOT }];
  const server = await serve(t, t.testdir(recordingOf('kucoin', CLASSIC, 20, recorded)));
  const { ws, rest } = endpoint(server, 'kucoin');
  const response = await fetch(`${rest}/api/v1/bullet-public`, { method: 'POST' });
  const { data } = (await response.json()) as { data: { token: string; instanceServers: object[] } };
  t.match(data.instanceServers, [{ pingInterval: 18_000 }]);
  const client = await connect(t, `${ws}/?token=${data.token}&connectId=1`);
  const topic = '/market/level2:BTC-USDT';
  client.socket.send(JSON.stringify({ id: 1, type: 'subscribe', topic, response: true }));
  await client.has(3);
  t.same(client.got.slice(1), ['{"id":"1","type":"ack"}', CLASSIC[1]], 'the stream waits for the snapshot');
  const depth = `${rest}/api/v1/market/orderbook/level2_100?symbol=BTC-USDT`;
  t.same((await json(depth)).body, JSON.parse(CLASSIC_SNAPSHOT));
  await server.finished;
  await client.has(5);
  t.same(client.got.slice(3), CLASSIC.slice(2));
  const again = await json(depth);
  t.ok(again.inferred);
  t.match(again.body['data'], {
    sequence: '14',
    bids: [
      ['99.9', '4'],
      ['99.8', '7'],
      ['99.7', '5'],
    ],
  });
});

const wholeBook = (bids: string, at: string): string =>
  `{"type":"orderbook","code":"KRW-BTC","timestamp":${at},"total_ask_size":1,"total_bid_size":1,"orderbook_units":[{"ask_price":1.16539E8,"bid_price":${bids},"ask_size":5.0E-4,"bid_size":0.5},{"ask_price":0,"bid_price":116520000,"ask_size":0,"bid_size":1}],"stream_type":"REALTIME","level":0}`;

t.test('Upbit and Bithumb: whole books, the list of markets and the rules it lacks, the clock', async (t) => {
  for (const [exchange, at] of [
    ['upbit', '1700000000000'],
    ['bithumb', '1700000000000000'],
  ] as const) {
    const frames = [wholeBook('1.16538E8', at), wholeBook('116537000', at.replace('70', '71'))];
    const rules = 'https://api.example/v1/orderbook?markets=KRW-BTC,KRW-ETH';
    const recorded =
      exchange === 'upbit' ? [] : [{ t: '1700000000.01', url: rules, body: '[{"recorded":1}]' }];
    const server = await serve(t, t.testdir(recordingOf(exchange, frames, 20, recorded)));
    const { ws, rest } = endpoint(server, exchange);
    const list = await fetch(`${rest}/v1/market/all?is_details=true`);
    t.match(await list.json(), [{ market: 'KRW-BTC' }]);
    t.equal(Date.parse(list.headers.get('date')!), 1_700_000_000_000, 'the clock of the recording');
    const path = exchange === 'upbit' ? '/v1/orderbook/instruments' : '/v1/orderbook';
    const details = await fetch(`${rest}${path}?markets=KRW-BTC`);
    t.match(
      await details.json(),
      exchange === 'upbit'
        ? [{ market: 'KRW-BTC', quote_currency: 'KRW', tick_size: 1000 }]
        : [
            {
              market: 'KRW-BTC',
              orderbook_units: [{ ask_price: 116_539_000, bid_price: 116_538_000 }, { ask_price: 0 }],
            },
          ],
    );
    if (exchange === 'bithumb')
      t.same(await (await fetch(`${rest}${path}?markets=KRW-BTC,KRW-ETH`)).json(), [{ recorded: 1 }]);
    const client = await connect(t, `${ws}/websocket/v1`);
    const request = (code: string) => JSON.stringify([{ ticket: 'a' }, { type: 'orderbook', codes: [code] }]);
    client.socket.send(request('KRW-ETH'));
    client.socket.send(request('KRW-BTC'));
    await server.finished;
    await client.has(2);
    t.same(client.got, frames);
    client.socket.send('PING');
    client.socket.send(request('KRW-BTC'));
    await client.has(4);
    t.equal(client.got[2], '{"status":"UP"}');
    t.match(JSON.parse(client.got[3]!), {
      stream_type: 'SNAPSHOT',
      orderbook_units: [
        { ask_price: 116_539_000, bid_price: 116_537_000, ask_size: 0.0005, bid_size: 0.5 },
        { ask_price: 0, bid_price: 116_520_000 },
      ],
    });
  }
});
