import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket as TcpSocket,
} from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { WebSocketServer, type WebSocket } from 'ws';
import type { SocketOptions } from '../../src/ports/network.js';
import {
  InlineCompute,
  WorkerCompute,
  type WorkerComputeOptions,
} from '../../src/runtime/platform/compute.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { tasks } from './compute-sample-tasks.js';

const OPTIONS: SocketOptions = { maxFrameBytes: 1_000, connectTimeoutMs: 5_000 };

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(2);
  }
}

/** Everything a socket's owner is told, as text. */
function witness() {
  const events: string[] = [];
  return {
    events,
    closes: () => events.filter((event) => event.startsWith('close')),
    handlers: {
      onOpen: () => void events.push('open'),
      onFrame: (data: Buffer, isBinary: boolean) =>
        void events.push(`${isBinary ? 'binary' : 'text'} ${data.toString('latin1')}`),
      onPing: (data: Buffer) => void events.push(`ping ${data.toString()}`),
      onPong: (data: Buffer) => void events.push(`pong ${data.toString()}`),
      onClose: (code: number, reason: string) => void events.push(`close ${code} ${reason}`),
    },
  };
}

async function webSocketServer(t: Test, onConnection: (ws: WebSocket, request: IncomingMessage) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', onConnection);
  await once(server, 'listening');
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function listening(t: Test, server: Server): Promise<number> {
  const open = new Set<TcpSocket>();
  server.on('connection', (socket: TcpSocket) => open.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test('sockets', async (t) => {
  const sockets = new WsSockets();

  await t.test(
    'frames, pings and the closing handshake pass both ways; no Origin, no compression',
    async (t) => {
      let headers: IncomingMessage['headers'] = {};
      const received: string[] = [];
      const url = await webSocketServer(t, (ws, request) => {
        headers = request.headers;
        ws.on('message', (data: Buffer, isBinary) =>
          received.push(`${isBinary ? 'binary' : 'text'} ${data.toString()}`),
        );
        ws.on('ping', () => received.push('ping'));
        ws.send('hello');
        ws.send(Buffer.from([1, 255]));
        ws.ping('beat');
      });
      const seen = witness();
      const socket = sockets.connect(url, { ...OPTIONS, headers: { 'X-Key': 'v' } }, seen.handlers);
      t.throws(
        () => socket.send('too early'),
        { code: 'ARB_SOCKET_FAILED' },
        'a subscription is not lost silently',
      );
      await eventually(() => seen.events.length === 4, 'open, two frames, ping');
      t.strictSame(seen.events, ['open', 'text hello', 'binary \u0001ÿ', 'ping beat']);
      t.equal(headers['x-key'], 'v');
      t.equal(headers.origin, undefined);
      t.equal(headers['sec-websocket-extensions'], undefined);
      socket.send('text');
      socket.send(Uint8Array.of(65));
      socket.ping(Buffer.from('p'));
      await eventually(() => received.length === 3 && seen.events.includes('pong p'), 'frames at the server');
      t.strictSame(received, ['text text', 'binary A', 'ping']);
      t.equal(socket.bufferedBytes(), 0);
      socket.close(1000, 'done');
      await eventually(() => seen.closes().length === 1, 'close');
      t.match(seen.closes(), ['close 1000 ']);
      t.doesNotThrow(() => {
        socket.send('late');
        socket.ping();
        socket.close();
        socket.terminate();
      }, 'nothing throws after the end');
      await sleep(20);
      t.equal(seen.closes().length, 1, 'told once');
    },
  );

  await t.test('a frame above the limit closes with 1009', async (t) => {
    const closed: number[] = [];
    const url = await webSocketServer(t, (ws) => {
      ws.on('close', (code) => closed.push(code));
      ws.send('x'.repeat(1_001));
    });
    const seen = witness();
    sockets.connect(url, OPTIONS, seen.handlers);
    await eventually(() => seen.closes().length === 1 && closed.length === 1, 'close on both sides');
    t.match(seen.events, ['open', /close 1009 Max payload/]);
    t.strictSame(closed, [1009]);
  });

  await t.test('whatever prevents a connection is told once, after connect has returned', async (t) => {
    const refusing = createServer((_request, response) => response.writeHead(403).end());
    const refusingPort = await listening(t, refusing);
    const silentPort = await listening(t, createTcpServer());
    const trickling = createTcpServer((socket) => {
      const timer = setInterval(() => socket.write('H'), 20);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => clearInterval(timer));
    });
    const tricklingPort = await listening(t, trickling);
    const cases: [string, Partial<SocketOptions>, RegExp][] = [
      ['not a url', {}, /close 1006 Invalid URL/],
      ['ws://127.0.0.1:1', {}, /close 1006 .*ECONNREFUSED/],
      [`ws://127.0.0.1:${refusingPort}`, {}, /close 1006 Unexpected server response: 403/],
      [`ws://127.0.0.1:${silentPort}`, { connectTimeoutMs: 100 }, /close 1006 .*handshake/],
      [`ws://127.0.0.1:${tricklingPort}`, { connectTimeoutMs: 150 }, /close 1006 /],
      [`ws://127.0.0.1:${silentPort}`, { headers: { 'bad name': 'x' } }, /close 1006 .*Header name/],
    ];
    for (const [url, changes, expected] of cases) {
      const seen = witness();
      const socket = sockets.connect(url, { ...OPTIONS, ...changes }, seen.handlers);
      t.strictSame(seen.events, [], 'not within the call');
      await eventually(() => seen.closes().length > 0, url);
      t.match(seen.events, [expected]);
      t.doesNotThrow(() => socket.send('late'));
      await sleep(10);
      t.equal(seen.closes().length, 1, url);
    }
  });

  await t.test('terminate ends at once, also while connecting, and a server that dies is told', async (t) => {
    const url = await webSocketServer(t, (ws) => ws.on('message', () => ws.terminate()));
    const [early, late] = [witness(), witness()];
    sockets.connect(url, OPTIONS, early.handlers).terminate();
    const socket = sockets.connect(url, OPTIONS, late.handlers);
    await eventually(() => late.events.includes('open'), 'open');
    socket.send('die');
    await eventually(() => early.closes().length === 1 && late.closes().length === 1, 'both closed');
    t.match(late.closes(), ['close 1006 ']);
  });
});

t.test('http', async (t) => {
  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/echo': (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (data: Buffer) => chunks.push(data));
      request.on('end', () => {
        response.writeHead(418, { 'X-Method': request.method, 'X-Key': request.headers['x-key'] });
        response.end(Buffer.concat(chunks));
      });
    },
    '/large': (_request, response) => response.end('x'.repeat(5_000)),
    '/stream': (_request, response) => {
      response.on('error', () => response.destroy());
      const timer = setInterval(() => response.write('x'.repeat(500)), 2);
      response.on('close', () => clearInterval(timer));
    },
    '/gzip': (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('packed'));
    },
    '/bomb': (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)));
    },
    '/silent': () => undefined,
    '/slow': (_request, response) => void response.write('beginning'),
    '/cut': (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('ten bytes.');
      setTimeout(() => response.destroy(), 20);
    },
    '/headers': (_request, response) => response.writeHead(200, { 'x-long': 'x'.repeat(40_000) }).end(),
    '/moved': (_request, response) => response.writeHead(302, { location: '/echo' }).end(),
  };
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    answers[request.url!.split('?')[0]!]!(request, response);
  });
  const origin = `http://127.0.0.1:${await listening(t, server)}`;
  const client = new UndiciHttpClient();
  t.teardown(() => client.close());
  const get = (
    path: string,
    changes: { timeoutMs?: number; maxBodyBytes?: number } = {},
    signal?: AbortSignal,
  ) =>
    client.request(
      { method: 'GET', url: origin + path, timeoutMs: 5_000, maxBodyBytes: 1_000, ...changes },
      signal,
    );

  await t.test('any status resolves, with lower-case header names and the body', async (t) => {
    const request = {
      method: 'POST',
      url: `${origin}/echo`,
      headers: { 'X-Key': 'v' },
      body: '{"a":1}',
    } as const;
    const answer = await client.request({ ...request, timeoutMs: 5_000, maxBodyBytes: 100 });
    t.match(answer, { status: 418, headers: { 'x-method': 'POST', 'x-key': 'v' } });
    t.equal(answer.body.toString(), '{"a":1}');
    t.equal((await get('/gzip')).body.toString(), 'packed');
    t.equal((await get('/moved')).status, 302, 'a redirect is not followed');
  });

  await t.test('too much is refused, announced or not, packed or not', async (t) => {
    const expected = { code: 'ARB_HTTP_TOO_LARGE', message: /larger than 1000 bytes/ };
    for (const path of ['/large', '/stream', '/bomb']) await t.rejects(get(path), expected, path);
    t.equal((await get('/large', { maxBodyBytes: 5_000 })).body.length, 5_000);
  });

  await t.test('silence and slowness end at the time-out', async (t) => {
    for (const path of ['/silent', '/slow']) {
      const expected = { code: 'ARB_HTTP_TIMEOUT', retryable: true, message: /no answer within 100 ms/ };
      await t.rejects(get(path, { timeoutMs: 100 }), expected, path);
    }
    const stream = get('/stream', { timeoutMs: 100, maxBodyBytes: 1e9 });
    await t.rejects(stream, { code: 'ARB_HTTP_TIMEOUT' }, 'an answer without end too');
  });

  await t.test('other failures are ARB_HTTP_FAILED and never show the query', async (t) => {
    await t.rejects(get('/cut'), { code: 'ARB_HTTP_FAILED' });
    await t.rejects(get('/headers'), { code: 'ARB_HTTP_FAILED' });
    const abort = new AbortController();
    const aborted = get('/silent', {}, abort.signal);
    abort.abort();
    await t.rejects(aborted, { code: 'ARB_HTTP_FAILED', message: /aborted by the caller/, retryable: false });
    for (const url of ['http://127.0.0.1:1/x?signature=hunter2x', 'nonsense?signature=hunter2x']) {
      const failed = client.request({ method: 'GET', url, timeoutMs: 1_000, maxBodyBytes: 10 });
      const error = await failed.then(
        () => t.fail('resolved'),
        (reason: Error) => reason,
      );
      t.match(error, { code: 'ARB_HTTP_FAILED' });
      t.notMatch((error as Error).message, /hunter2x/);
    }
  });
});

t.test('compute', async (t) => {
  const tasksUrl = new URL('./compute-sample-tasks.ts', import.meta.url).href;
  const pool = (t: Test, changes: Partial<WorkerComputeOptions> = {}) => {
    const compute = new WorkerCompute({ tasksUrl, workers: 1, queueLimit: 8, ...changes });
    t.teardown(() => compute.close());
    return compute;
  };

  await t.test('inline and on threads a task gives the same result or the same error', async (t) => {
    for (const compute of [new InlineCompute(tasks), pool(t)]) {
      t.equal(await compute.run('square', 12), 144);
      t.equal(await compute.run('total', { values: Float64Array.of(1, 2, 3.5) }), 6.5);
      await t.rejects(compute.run('refuse', 1), {
        code: 'ARB_DECIMAL_INVALID',
        message: 'refuse: not a decimal',
      });
      await t.rejects(compute.run('fail', 1), { code: 'ARB_COMPUTE_FAILED', message: /x is undefined/ });
      for (const name of ['absent', 'toString', '__proto__']) {
        await t.rejects(compute.run(name, 1), { code: 'ARB_COMPUTE_FAILED', message: /there is no task/ });
      }
      await t.rejects(
        compute.run('square', () => 1),
        { code: 'ARB_COMPUTE_FAILED' },
        'input that cannot be cloned',
      );
    }
  });

  await t.test('threads see no environment and leave the event loop free', async (t) => {
    const compute = pool(t);
    t.strictSame(await compute.run('environment', null), []);
    let turns = 0;
    const counting = setInterval(() => turns++, 5);
    t.equal(await compute.run('spin', 200), 'done');
    clearInterval(counting);
    t.ok(turns > 3, `${turns} turns meanwhile`);
  });

  await t.test('a thread that crashes rejects its own task and is replaced', async (t) => {
    const compute = pool(t);
    const crashing = compute.run('endThread', null);
    const waiting = compute.run('square', 3);
    await t.rejects(crashing, { code: 'ARB_COMPUTE_FAILED', message: /ended with code 7/ });
    t.equal(await waiting, 9, 'what waited runs on the new thread');
    t.equal(await compute.run('square', 4), 16);
  });

  await t.test('a task without end is ended, and the queue is bounded', async (t) => {
    const compute = pool(t, { queueLimit: 1, taskTimeoutMs: 3_000 });
    const spinning = compute.run('spin', 3_600_000);
    const waiting = compute.run('square', 5);
    await t.rejects(compute.run('square', 6), { code: 'ARB_COMPUTE_BUSY', retryable: true });
    await t.rejects(spinning, { code: 'ARB_COMPUTE_FAILED', message: /longer than 3000 ms/ });
    t.equal(await waiting, 25);
  });

  await t.test('a module that does not load fails each task, without threads in a loop', async (t) => {
    const compute = pool(t, { tasksUrl: new URL('./absent.ts', import.meta.url).href });
    await t.rejects(compute.run('square', 1), { code: 'ARB_COMPUTE_FAILED', message: /absent/ });
    await t.rejects(compute.run('square', 1), { code: 'ARB_COMPUTE_FAILED', message: /absent/ });
  });

  await t.test('close rejects what runs and what waits', async (t) => {
    const compute = pool(t);
    const open = [compute.run('spin', 3_600_000), compute.run('square', 1)];
    const rejected = open.map((run) => t.rejects(run, { code: 'ARB_COMPUTE_FAILED', message: /closed/ }));
    await compute.close();
    await Promise.all(rejected);
    await t.rejects(compute.run('square', 1), { code: 'ARB_COMPUTE_FAILED' });
  });
});
