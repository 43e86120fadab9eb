import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { AppendFile, Files } from '../../src/ports/files.js';
import type { TickBatch } from '../../src/ports/tick-store.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { DiskSpool, type DiskSpoolOptions } from '../../src/storage/spool/disk-spool.js';
import { KeptLog } from '../runtime/harness.js';
import { tradeBatch } from '../recording/model.js';

const root = mkdtempSync(join(tmpdir(), 'arbot-spool-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
let lives = 0;
const newFolder = (): string => join(root, `f${++folders}`);

function open(folder: string, options: Partial<DiskSpoolOptions> = {}): { spool: DiskSpool; log: KeptLog } {
  const log = new KeptLog();
  const spool = new DiskSpool({
    files: new LocalFiles(),
    folder,
    maxBytes: 1 << 20,
    life: `life${++lives}`,
    pause: () => Promise.resolve(),
    log,
    ...options,
  });
  return { spool, log };
}

/** Everything that waits, in order, each forgotten in its turn. */
async function drained(spool: DiskSpool): Promise<TickBatch[]> {
  const batches: TickBatch[] = [];
  for (let found = await spool.oldest(); found !== null; found = await spool.oldest()) {
    batches.push(found.batch);
    await spool.forget(found.batch.batchId);
  }
  return batches;
}

/** A folder with one file of three records, as a process that was killed leaves it. */
async function threeRecords(): Promise<{
  folder: string;
  file: string;
  ends: number[];
  batches: TickBatch[];
}> {
  const folder = newFolder();
  const { spool } = open(folder);
  const batches = [tradeBatch('b1', 0, 1), tradeBatch('b2', 1, 2), tradeBatch('b3', 3, 1)];
  const ends: number[] = [];
  for (const batch of batches) {
    await spool.append(batch);
    ends.push(spool.status().bytes);
  }
  const [file] = readdirSync(folder);
  return { folder, file: join(folder, file!), ends, batches };
}

t.test(
  'batches come back as they were, oldest first, over the end of a process, and then the folder is empty',
  async (t) => {
    const folder = newFolder();
    const { spool } = open(folder, { segmentRecords: 2 });
    const batches = [1, 2, 3, 4, 5].map((n) => tradeBatch(`b${n}`, n * 10, 3));
    for (const batch of batches) t.equal(await spool.append(batch), 'kept');
    t.equal(await spool.append(batches[4]!), 'kept', 'again, and it stands there once');
    t.equal(readdirSync(folder).length, 3);
    const first = await spool.oldest();
    t.same(first, { batch: batches[0], isCarried: false });
    t.same(await spool.oldest(), first, 'the same until it is forgotten');
    await spool.forget('another');
    await spool.forget('b1');
    await spool.close();
    const { spool: next } = open(folder);
    t.same((await next.oldest())?.isCarried, true);
    t.same(await drained(next), batches, 'what was stored of a file that is not done comes again');
    t.same(readdirSync(folder), []);
    t.equal(next.status().bytes, 0);
    t.equal(next.status().cuts, 0);
  },
);

t.test('long batches come back exactly, hostile texts and every float64 included', async (t) => {
  const { spool } = open(newFolder(), { maxBytes: 16 << 20 });
  const texts = ['"', '\u0000', "'; DROP TABLE x; --", 'é\u2028\ud83d\ude00', 'x'.repeat(10_000)];
  const rows = Array.from({ length: 1_001 }, (_, i) => ({
    exchange: 'alpha',
    instrument: 'alpha:BTC-USDT',
    tradeId: texts[i % texts.length]!,
    price: '12345678901234567890.12345678901234567890',
    quantity: '1.10',
    side: 'buy' as const,
    exchangeTimeMs: 0.1 + 0.2 + i,
    receiveTimeMs: Number.MAX_SAFE_INTEGER / 3,
  }));
  const book = {
    exchange: 'alpha',
    instrument: 'alpha:BTC-USDT',
    exchangeTimeMs: 5e-324,
    receiveTimeMs: 1.7976931348623157e308,
    epoch: 2 ** 53 - 1,
    sequence: 0,
    bidPrices: [1 / 3, 0.1],
    bidSizes: [1e-7, 1e21],
    askPrices: [],
    askSizes: [],
  };
  const batches: TickBatch[] = [
    { table: 'tick_trades', batchId: 'b1', rows },
    { table: 'orderbook_snapshots', batchId: 'b2', rows: [book] },
    { table: 'spread_history', batchId: 'b3', rows: [] },
  ];
  for (const batch of batches) await spool.append(batch);
  t.same(await drained(spool), batches);
});

t.test('a file that ends at any byte gives every whole record and nothing else', async (t) => {
  const { file, ends, batches } = await threeRecords();
  const whole = readFileSync(file);
  for (let length = 0; length <= whole.length; length++) {
    const folder = newFolder();
    const { spool, log } = open(folder);
    await new LocalFiles().makeFolder(folder);
    writeFileSync(join(folder, '000000000001-killed.ticks'), whole.subarray(0, length));
    const count = ends.filter((end) => end <= length).length;
    const found = await drained(spool);
    const isTorn = length > 0 && length !== 8 && !ends.includes(length);
    const told = log.lines.filter(({ level }) => level === 'error').length;
    const { cuts, bytes } = spool.status();
    if (JSON.stringify(found) !== JSON.stringify(batches.slice(0, count)))
      t.fail(`${length}: ${found.length}`);
    if (cuts !== Number(isTorn) || told !== cuts || bytes !== 0)
      t.fail(`${length}: ${cuts} cuts, ${bytes} bytes`);
    // It goes on: what is appended now is kept and read.
    if (length % 10 === 0) await spool.append(batches[0]!);
    if ((await drained(spool)).length !== Number(length % 10 === 0)) t.fail(`${length}: the next is lost`);
    rmSync(folder, { recursive: true });
  }
  t.pass(`${whole.length + 1} lengths`);
});

t.test(
  'a bit that flips at any byte costs its record and what follows in that file, told and counted',
  async (t) => {
    const { file, ends, batches } = await threeRecords();
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at++) {
      const folder = newFolder();
      await new LocalFiles().makeFolder(folder);
      const flipped = Buffer.from(whole);
      flipped[at] = flipped[at]! ^ (1 << (at % 8));
      writeFileSync(join(folder, '000000000001-flipped.ticks'), flipped);
      writeFileSync(join(folder, '000000000002-good.ticks'), whole);
      const { spool, log } = open(folder);
      const before = ends.filter((end) => end <= at).length;
      const found = await drained(spool);
      const wanted = [...batches.slice(0, before), ...batches];
      if (JSON.stringify(found) !== JSON.stringify(wanted)) t.fail(`bit at ${at}: ${found.length} batches`);
      const cut = log.lines.filter(({ level }) => level === 'error');
      const offset = before === 0 ? (at < 8 ? 0 : 8) : ends[before - 1];
      if (cut.length !== 1 || cut[0]!.fields['offset'] !== offset)
        t.fail(`bit at ${at}: ${JSON.stringify(cut)}`);
      rmSync(folder, { recursive: true });
    }
    t.pass(`${whole.length} bytes`);
  },
);

t.test('damage to what this life wrote is counted row by row', async (t) => {
  const { folder, file, ends } = await threeRecords();
  const { spool } = open(folder, { segmentRecords: 3 });
  for (const n of [4, 5, 6]) await spool.append(tradeBatch(`b${n}`, n, n));
  const own = readdirSync(folder).find((name) => join(folder, name) !== file)!;
  const bytes = readFileSync(join(folder, own));
  bytes[bytes.length - 2] = bytes[bytes.length - 2]! ^ 1;
  writeFileSync(join(folder, own), bytes);
  t.equal((await drained(spool)).length, 5);
  t.equal(spool.status().damaged.tick_trades, 6);
  t.ok(spool.status().cutBytes > 0 && ends.length === 3);
  await spool.append(tradeBatch('b7', 0, 2));
  rmSync(join(folder, readdirSync(folder)[0]!));
  t.same(await drained(spool), [], 'a file that somebody removed');
  t.equal(spool.status().damaged.tick_trades, 8);
});

t.test(
  'the bound holds with what former lives left, and room comes back as batches are forgotten',
  async (t) => {
    const folder = newFolder();
    const { spool: former } = open(folder);
    await former.append(tradeBatch('b1', 0, 20));
    await former.close();
    const { bytes } = former.status();
    const { spool } = open(folder, { maxBytes: 2.5 * bytes });
    t.equal(await spool.append(tradeBatch('b2', 0, 20)), 'kept');
    t.equal(await spool.append(tradeBatch('b3', 0, 20)), 'full');
    t.equal(spool.status().bytes, 2 * bytes);
    const first = await spool.oldest();
    await spool.forget(first!.batch.batchId);
    t.equal(await spool.append(tradeBatch('b3', 0, 20)), 'kept');
    const onDisk = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    t.equal(spool.status().bytes, onDisk);
    t.same(
      (await drained(spool)).map(({ batchId }) => batchId),
      ['b2', 'b3'],
    );
  },
);

const failure = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** Local files of which some calls fail, after part of what they were to do. */
class FailingFiles extends LocalFiles {
  fails: string | null = null;
  on: 'append' | 'sync' | 'openAppend' | 'makeFolder' | 'truncate' | 'remove' | 'read' = 'append';

  private check(call: FailingFiles['on']): void {
    if (this.fails !== null && this.on === call) throw failure(this.fails);
  }

  override async openAppend(path: string, mode?: number): Promise<AppendFile> {
    this.check('openAppend');
    const inner = await super.openAppend(path, mode);
    return {
      append: async (data) => {
        // Half of it is on the disk when the disk refuses.
        if (this.fails !== null && this.on === 'append') await inner.append(data.slice(0, data.length / 2));
        this.check('append');
        await inner.append(data);
      },
      sync: async () => {
        this.check('sync');
        await inner.sync();
      },
      close: () => inner.close(),
    };
  }
  override async makeFolder(path: string): Promise<void> {
    this.check('makeFolder');
    await super.makeFolder(path);
  }
  override async truncate(path: string, bytes: number): Promise<void> {
    this.check('truncate');
    // What failed to be written failed for a reason that also keeps it from being cut off.
    if (this.fails !== null && this.on === 'sync') throw failure(this.fails);
    await super.truncate(path, bytes);
  }
  override async remove(path: string): Promise<void> {
    this.check('remove');
    await super.remove(path);
  }
  override async read(path: string): Promise<Buffer> {
    this.check('read');
    return super.read(path);
  }
}

for (const code of ['ENOSPC', 'EIO', 'EROFS', 'EMFILE', 'EFBIG'])
  for (const on of ['append', 'sync', 'openAppend', 'makeFolder'] as const)
    t.test(
      `${code} in ${on}: the batch is refused whole, others are safe, and it recovers by itself`,
      async (t) => {
        const files: Files & FailingFiles = new FailingFiles();
        const folder = newFolder();
        const { spool } = open(folder, { files });
        if (on !== 'makeFolder') await spool.append(tradeBatch('b1', 0, 3));
        if (on === 'openAppend') await spool.oldest();
        Object.assign(files, { fails: code, on });
        const refused = { code: 'ARB_STORE_UNAVAILABLE', retryable: true };
        for (let i = 0; i < 3; i++) await t.rejects(spool.append(tradeBatch('b2', 3, 3)), refused);
        files.fails = null;
        t.equal(await spool.append(tradeBatch('b2', 3, 3)), 'kept');
        t.equal(await spool.append(tradeBatch('b3', 6, 3)), 'kept');
        const wanted = on === 'makeFolder' ? ['b2', 'b3'] : ['b1', 'b2', 'b3'];
        t.same(
          (await drained(spool)).map(({ batchId }) => batchId),
          wanted,
        );
        t.same([spool.status().cuts, readdirSync(folder)], [0, []]);
      },
    );

t.test(
  'what cannot be read is tried again, and set aside when it stays so; what cannot be removed is removed later',
  async (t) => {
    const files = new FailingFiles();
    const { folder, batches } = await threeRecords();
    const { spool } = open(folder, { files, segmentRecords: 1 });
    await spool.append(tradeBatch('b4', 0, 1));
    Object.assign(files, { fails: 'EIO', on: 'read' });
    for (let i = 0; i < 3; i++) await t.rejects(spool.oldest(), { code: 'ARB_STORE_UNAVAILABLE' });
    files.fails = null;
    t.same((await spool.oldest())?.batch, batches[0], 'it was only for a while');
    Object.assign(files, { fails: 'EIO', on: 'remove' });
    t.equal((await drained(spool)).length, 4);
    t.ok(spool.status().bytes > 0 && readdirSync(folder).length === 2);
    files.fails = null;
    await spool.append(tradeBatch('b5', 0, 1));
    t.equal(readdirSync(folder).length, 1);
    Object.assign(files, { fails: 'EIO', on: 'read' });
    for (let i = 0; i < 4; i++) await t.rejects(spool.oldest(), { code: 'ARB_STORE_UNAVAILABLE' });
    t.equal(await spool.oldest(), null, 'the fifth time it stands in nobody’s way any more');
    t.equal(spool.status().setAside, 1);
    files.fails = null;
    t.equal((await drained(open(folder).spool)).length, 1, 'the next life reads it');
  },
);
