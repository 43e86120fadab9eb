import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { entityId } from '../../src/messages/primitives.js';
import type { Clock, TimerHandle, Timers } from '../../src/ports/time.js';
import { ReplayTime, ScaledTime, SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { openLog, prettyLine } from '../../src/runtime/platform/log.js';
import { CryptoRandom, SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { redactFields, redactText } from '../../src/runtime/platform/redaction.js';

/** A clock that stands still until it is told, and timers that only note what was asked. */
class StillTime implements Clock, Timers {
  wallMs = 5_000;
  monotonic = 100;
  readonly asked: number[] = [];

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.monotonic;
  }

  setTimer(_callback: () => void, delayMs: number): TimerHandle {
    return { id: this.asked.push(delayMs) };
  }

  clearTimer(): void {
    this.asked.length = 0;
  }

  setImmediate(callback: () => void): void {
    callback();
  }
}

t.test('system timers fire once, in order of their delay, unless cleared', async (t) => {
  const timers = new SystemTimers();
  const fired: string[] = [];
  timers.setTimer(() => fired.push('late'), 40);
  timers.setTimer(() => fired.push('early'), -5);
  const cleared = timers.setTimer(() => fired.push('cleared'), 10);
  timers.clearTimer(cleared);
  timers.clearTimer(cleared);
  timers.setImmediate(() => fired.push('immediate'));
  t.equal(fired.length, 0);
  while (timers.pendingCount > 0) await sleep(5);
  t.strictSame(fired.sort(), ['early', 'immediate', 'late']);
  for (const delay of [Number.NaN, Infinity])
    t.throws(() => timers.setTimer(() => {}, delay), { code: 'ARB_INVARIANT' });
});

t.test('a delay beyond 2^31 ms does not fire at once', async (t) => {
  const timers = new SystemTimers();
  let fired = false;
  const handle = timers.setTimer(() => (fired = true), 2 ** 33);
  await sleep(30);
  t.equal(fired, false);
  t.equal(timers.pendingCount, 1);
  timers.clearTimer(handle);
  t.equal(timers.pendingCount, 0);
});

t.test('the system clocks give Unix milliseconds and a time that never goes back', async (t) => {
  const clock = new SystemClock();
  t.ok(Math.abs(clock.nowMs() - Date.now()) < 1_000);
  let last = clock.monotonicMs();
  for (let i = 0; i < 1_000; i++) {
    const next = clock.monotonicMs();
    if (next < last) t.fail('went back');
    last = next;
  }
  t.pass('never went back');
});

t.test('scaled time: clocks run faster and timers are shorter by the same factor', async (t) => {
  const real = new StillTime();
  const scaled = new ScaledTime({ clock: real, timers: real, factor: 10 });
  t.equal(scaled.nowMs(), 5_000);
  real.monotonic += 7;
  real.wallMs = 0;
  t.equal(scaled.nowMs(), 5_070, 'a jump of the wall clock does not reach it');
  t.equal(scaled.monotonicMs(), 70);
  scaled.setTimer(() => {}, 250);
  t.strictSame(real.asked, [25]);
  for (const factor of [0, -1, Number.NaN, Infinity]) {
    t.throws(() => new ScaledTime({ clock: real, timers: real, factor }), { code: 'ARB_INVARIANT' });
  }
});

t.test('replay time starts at the first timestamp of the recording', async (t) => {
  const real = new StillTime();
  const replay = new ReplayTime({
    clock: real,
    timers: real,
    firstTimestampMs: 1_600_000_000_000,
    speed: 0.5,
  });
  t.equal(replay.nowMs(), 1_600_000_000_000);
  real.monotonic += 1_000;
  t.equal(replay.nowMs(), 1_600_000_000_500);
});

t.test('a seed repeats its sequence for ever, and forks are independent', async (t) => {
  const values = (random: SeededRandom) => [random.next(), random.next(), random.next()];
  t.strictSame(values(new SeededRandom('arbot')), values(new SeededRandom('arbot')));
  t.notSame(values(new SeededRandom('arbot')), values(new SeededRandom('arbot2')));
  const parent = new SeededRandom(7);
  const before = parent.fork('prices').next();
  parent.next();
  t.equal(parent.fork('prices').next(), before, 'a fork does not depend on what the parent has drawn');
  t.strictSame([...new SeededRandom(1).bytes(5)].length, 5);
  t.strictSame(values(new SeededRandom('held')), HELD, 'the sequence is part of the contract');
});

const HELD = [0.019666726967085157, 0.35816131320707323, 0.5496583600233171];

t.test('chance is uniform in [0, 1)', async (t) => {
  for (const random of [new CryptoRandom(), new SeededRandom('uniform')]) {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const value = random.next();
      if (!(value >= 0 && value < 1)) t.fail(`${value} is out of range`);
      buckets[Math.floor(value * 10)]!++;
    }
    // 2,000 expected, standard deviation 42: seven of them.
    t.ok(
      buckets.every((count) => Math.abs(count - 2_000) < 300),
      buckets.join(),
    );
    t.equal(random.bytes(16).length, 16);
  }
  t.notSame(new CryptoRandom().bytes(16), new CryptoRandom().bytes(16));
});

t.test('ids sort by time, are unique, and never go back with the clock', async (t) => {
  const time = new StillTime();
  const ids = new TimeOrderedIds(time, new SeededRandom('ids'));
  const made: string[] = [];
  for (let i = 0; i < 5_000; i++) {
    time.wallMs += (i % 7) - 3;
    made.push(ids.next('arb'));
  }
  t.strictSame(made, [...made].sort(), 'in order');
  t.equal(new Set(made).size, 5_000, 'unique');
  t.ok(made.every((id) => entityId.safeParse(id).success && id.length === 30));
  for (const prefix of ['', 'a-b', '7up', 'x'.repeat(17)])
    t.throws(() => ids.next(prefix), { code: 'ARB_INVARIANT' });
});

/** Built from pieces, so that no scanner takes them for real ones. */
const SECRETS = {
  hex: 'a1'.repeat(32),
  exchangeKey: `vmPUZE6mv9SD5VNHk4${'HlWFsOr6aKE2zvsw0'.repeat(3)}`,
  base64: `${Buffer.from('0123456789'.repeat(5)).toString('base64')}`,
  jwt: `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${'sig'.repeat(8)}`,
  pem: '-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----',
  telegram: `123456789:${'AAbbCC11_-x'.repeat(4).slice(0, 35)}`,
};

t.test('no secret-looking value reaches a line, wherever it stands', async (t) => {
  for (const [name, secret] of Object.entries(SECRETS)) {
    const text = JSON.stringify(
      redactFields({ note: `failed with ${secret} there`, deep: { list: [{ x: secret }] } }),
    );
    t.notOk(text.includes(secret), name);
    t.notOk(
      redactText(new Error(`request ${secret} failed`).message).includes(secret),
      `${name} in an error`,
    );
  }
  const texts = [
    'postgres://arbot:hunter2x@db:5432/a',
    'GET /api?timestamp=1&signature=hunter2x&x=1',
    'Authorization: Bearer hunter2xhunter2x',
    '{"apiKey":"hunter2x","secretKey": "hunter2x"}',
    'password=hunter2x',
    'passphrase: hunter2x',
  ];
  for (const text of texts) t.notOk(redactText(text).includes('hunter2x'), redactText(text));
  for (const key of [
    'apiKey',
    'API_KEY',
    'secret',
    'password',
    'Authorization',
    'x-mbx-apikey',
    'OK-ACCESS-SIGN',
    'authToken',
    'passphrase',
  ]) {
    t.strictSame({ ...redactFields({ [key]: 'hunter2x' }) }, { [key]: '[redacted]' }, key);
  }
});

t.test('what a person needs to read stays readable', async (t) => {
  const kept = [
    'arb-01hqzx3v6m0000000000000000.0.1',
    'binance:BTC-USDT',
    'wss://stream.binance.com:9443/ws',
    'node-a/system/feeds/okx/BTC-USDT/incarnation/12345678901234567890',
    'at handle (/home/user/Projects/ArBot2/src/actors/feed.ts:12:7)',
    '0123456789abcdef0123456789abcdef',
  ];
  for (const text of kept) t.equal(redactText(text), text);
  t.match(
    { ...redactFields({ exchange: 'okx', ageMs: 12.5, pair: 'BTC-USDT', side: 'buy' }) },
    { exchange: 'okx', ageMs: 12.5 },
  );
});

t.test('any field becomes JSON, bounded', async (t) => {
  const loop: Record<string, unknown> = {
    big: 2n ** 70n,
    nan: Number.NaN,
    bytes: Buffer.alloc(9),
    error: new Error('bad'),
  };
  loop['self'] = loop;
  loop['deep'] = JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`);
  const text = JSON.stringify(redactFields({ ...loop, long: 'x'.repeat(1e6), map: new Map([[1, 2]]) }));
  t.match(text, /1180591620717411303424/);
  t.match(text, /"nan":"NaN"/);
  t.ok(text.length < 60_000, `${text.length} characters`);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), (fields) => {
      JSON.stringify(redactFields(fields));
    }),
    { numRuns: 300 },
  );
});

t.test('a log line is JSON with level, time of the given clock and fields, redacted', async (t) => {
  const lines: string[] = [];
  const clock = new StillTime();
  const { log } = openLog({
    level: 'info',
    clock,
    base: { node: 'a', mode: 'PAPER' },
    write: (line) => lines.push(line),
  });
  log.debug({}, 'not written');
  log
    .child({ part: 'feed', token: 'x' })
    .warn({ level: 3, time: 4, apiKey: 'k' }, 'password=hunter2x\nsecond line');
  t.equal(lines.length, 1);
  t.ok(lines[0]!.endsWith('\n') && lines[0]!.indexOf('\n') === lines[0]!.length - 1, 'one line');
  t.strictSame(JSON.parse(lines[0]!), {
    level: 'warn',
    time: '1970-01-01T00:00:05.000Z',
    node: 'a',
    mode: 'PAPER',
    part: 'feed',
    token: '[redacted]',
    level_: 3,
    time_: 4,
    apiKey: '[redacted]',
    msg: 'password=[redacted]\nsecond line',
  });
  t.equal(
    prettyLine(lines[0]!),
    '00:00:05.000 ! password=[redacted] second line node=a mode=PAPER part=feed token=[redacted] level_=3 time_=4 apiKey=[redacted]\n',
  );
  const hostile = prettyLine(JSON.stringify({ level: 'info', time: 'x', msg: '\u001b[2Jgone', a: 'b\nc' }));
  t.notMatch(hostile.slice(0, -1), /[\u001b\n]/, 'no terminal commands, no second line');
});

t.test('a log in a file holds every line as JSON, the console only what a person must know', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'arbot-log-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'arbot.log');
  const console: string[] = [];
  const open = (maxBytes: number) =>
    openLog({
      level: 'info',
      clock: new StillTime(),
      base: { node: 'a', mode: 'PAPER' },
      write: (line) => console.push(line),
      file: { path, maxBytes },
    });
  const linesOf = (name: string) =>
    readFileSync(name, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const listeners = process.listenerCount('exit');

  const first = open(1_000_000);
  first.log.debug({}, 'not written');
  first.log.info({ token: 'x' }, 'started');
  first.log.warn({ exchange: 'okx', apiKey: 'k' }, 'feed stale');
  await Promise.all([first.close(), first.close()]);
  first.log.info({}, 'after the end');
  t.match(linesOf(path), [
    { level: 'info', msg: 'started', node: 'a', token: '[redacted]' },
    { level: 'warn', msg: 'feed stale', apiKey: '[redacted]' },
  ]);
  t.equal(linesOf(path).length, 2);
  t.same(
    console,
    ['00:00:05.000 ! feed stale exchange=okx apiKey=[redacted]\n'],
    'plain, redacted, one line',
  );
  t.equal(statSync(path).mode & 0o777, 0o600, 'only its owner reads it');
  t.equal(process.listenerCount('exit'), listeners, 'nothing is left behind');

  const second = open(4_000);
  for (let round = 0; round < 40; round++) {
    for (let line = 0; line < 5; line++) second.log.info({ round, line }, 'written on and on');
    // Lets the disk answer, so that files turn in between.
    await new Promise((done) => setTimeout(done, 2));
  }
  await second.close();
  t.ok(statSync(path).size <= 4_000 && statSync(`${path}.1`).size <= 4_000, 'bounded');
  t.same(readdirSync(folder).sort(), ['arbot.log', 'arbot.log.1']);
  const kept = [...linesOf(`${path}.1`), ...linesOf(path)].map(
    ({ round, line }) => Number(round) * 5 + Number(line),
  );
  t.equal(kept.at(-1), 199, 'the newest lines are there');
  t.same(
    kept,
    Array.from({ length: kept.length }, (_, i) => 200 - kept.length + i),
    'whole and in order',
  );

  const absent = { path: join(folder, 'absent/log'), maxBytes: 1 };
  t.throws(() => openLog({ level: 'info', clock: new StillTime(), file: absent }), { code: 'ENOENT' });
});

t.test('files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'arbot-files-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const files = new LocalFiles();
  const path = (name: string) => join(folder, name);

  await t.test('an atomic write leaves the old or the new file and no other', async (t) => {
    await files.writeAtomic(path('state'), 'one', 0o600);
    await files.writeAtomic(path('state'), 'two', 0o600);
    t.equal((await files.read(path('state'))).toString(), 'two');
    t.equal(statSync(path('state')).mode & 0o777, 0o600);
    await t.rejects(files.writeAtomic(path('absent/state'), 'x'), { code: 'ENOENT' });
    await files.makeFolder(path('folder/in/folder'));
    await t.rejects(files.writeAtomic(path('folder'), 'x'), 'a folder is in the way');
    t.strictSame(readdirSync(folder).sort(), ['folder', 'state'], 'no temporary file is left');
  });

  await t.test('appends keep the order of their calls, also without waiting', async (t) => {
    const file = await files.openAppend(path('log'));
    const appends = Array.from({ length: 200 }, (_, i) => file.append(`${i}\n`));
    await Promise.all([...appends, file.sync()]);
    await file.close();
    await t.rejects(file.append('late'));
    const lines: string[] = [];
    for await (const line of files.lines(path('log'))) lines.push(line);
    t.strictSame(
      lines,
      Array.from({ length: 200 }, (_, i) => String(i)),
    );
  });

  await t.test('lines are whole over chunk borders, with or without a last line feed', async (t) => {
    const long = 'ü'.repeat(100_000);
    writeFileSync(path('lines'), `a\r\n\n${long}\nlast`);
    const lines: string[] = [];
    for await (const line of files.lines(path('lines'))) lines.push(line);
    t.strictSame(lines, ['a', '', long, 'last']);
    const bounded = new LocalFiles({ maxLineBytes: 70_000 });
    const readAll = async () => {
      for await (const line of bounded.lines(path('lines'))) t.ok(line.length <= 70_000);
    };
    await t.rejects(readAll(), { code: 'ARB_RECORDING_INVALID', message: /lines: line 3 is longer/ });
  });

  await t.test('absence is an answer or an error with its code', async (t) => {
    t.equal(await files.exists(path('nothing')), false);
    t.equal(await files.exists(path('state')), true);
    t.equal(await files.exists(path('state/below')), false);
    await t.rejects(files.read(path('nothing')), { code: 'ENOENT' });
    await files.remove(path('nothing'));
    await files.remove(path('folder'));
    t.strictSame(await files.list(folder), ['lines', 'log', 'state']);
    t.equal(readFileSync(path('state'), 'utf8'), 'two');
  });
});
