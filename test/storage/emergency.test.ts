import t from 'tap';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmergencyRecord } from '../../src/ports/emergency-journal.js';
import type { Files } from '../../src/ports/files.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { FileEmergencyJournal } from '../../src/storage/emergency/file-emergency-journal.js';
import { decodeEmergency, EMERGENCY_HEAD, encodeEmergency } from '../../src/storage/emergency/record.js';
import { KeptLog } from '../runtime/harness.js';
import { sampleLeg } from './samples.js';

/** The journal beside the trade store: what was synced is there, and what was damaged is never taken for a record. */

const record = (name: string): EmergencyRecord => ({
  leg: sampleLeg(name),
  fence: 7,
  atMs: 1_750_000_000_000,
});
const idsOf = (records: readonly EmergencyRecord[]) => records.map(({ leg }) => leg.clientOrderId);

async function folderOf(t: { teardown(end: () => unknown): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-emergency-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const open = (folder: string, log = new KeptLog(), files: Files = new LocalFiles()) =>
  new FileEmergencyJournal({ files, folder, log });

t.test(
  'what is written is found by the next life, in order, once, until it is in the trade store',
  async (t) => {
    const folder = await folderOf(t);
    const first = open(folder);
    t.strictSame(await first.waiting(), []);
    t.notOk(existsSync(join(folder, 'emergency.journal')), 'asking makes no file');
    const records = ['a', 'b', 'c'].map(record);
    for (const one of records) await first.append(one);
    await first.append(records[1]!);
    t.strictSame(await first.waiting(), records);
    await first.close();

    const second = open(folder);
    t.strictSame(await second.waiting(), records);
    await second.migrated(idsOf(records.slice(0, 2)));
    await second.append(record('d'));
    t.strictSame(idsOf(await second.waiting()), idsOf([records[2]!, record('d')]));
    t.strictSame(idsOf(await open(folder).waiting()), idsOf([records[2]!, record('d')]));
    await second.migrated(idsOf([records[2]!, record('d')]));
    await second.close();
    t.strictSame(await open(folder).waiting(), []);
    t.equal(
      (await readFile(join(folder, 'emergency.journal'))).length,
      EMERGENCY_HEAD.length,
      'it is empty again',
    );
  },
);

t.test('cut at any byte, it holds exactly the records before, and can be written again', async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, 'emergency.journal');
  const records = ['a', 'b'].map(record);
  const whole = Buffer.concat([EMERGENCY_HEAD, ...records.map(encodeEmergency)]);
  const ends = [EMERGENCY_HEAD.length + encodeEmergency(records[0]!).length, whole.length];
  for (let bytes = 0; bytes <= whole.length; bytes++) {
    const found = decodeEmergency(whole.subarray(0, bytes));
    if (found.records.length !== ends.filter((end) => end <= bytes).length) t.fail(`cut at ${bytes}`);
  }
  for (const bytes of [3, EMERGENCY_HEAD.length + 5, ends[0]! + 20, whole.length - 1]) {
    await writeFile(path, whole.subarray(0, bytes));
    const log = new KeptLog();
    const journal = open(folder, log);
    const before = idsOf(await journal.waiting());
    t.equal(journal.status().damaged, 1);
    t.ok(existsSync(`${path}.damaged`), 'what was there is kept for a person');
    await journal.append(record('after'));
    await journal.close();
    t.strictSame(idsOf(await open(folder).waiting()), [...before, record('after').leg.clientOrderId]);
  }
});

t.test('a flipped bit anywhere is never read as a record', async (t) => {
  const records = ['a', 'b'].map(record);
  const whole = Buffer.concat([EMERGENCY_HEAD, ...records.map(encodeEmergency)]);
  const texts = records.map((one) => JSON.stringify(one));
  for (let at = 0; at < whole.length; at++)
    for (const bit of [1, 64]) {
      const spoilt = Buffer.from(whole);
      spoilt[at] = spoilt[at]! ^ bit;
      const found = decodeEmergency(spoilt);
      if (found.records.length > 1) t.fail(`byte ${at} was flipped, and both records were read`);
      found.records.forEach((one, i) => {
        if (JSON.stringify(one) !== texts[i]) t.fail(`byte ${at}: another record was read`);
      });
    }
  t.pass('every bit is covered');
});

t.test('a disk that refuses is told, and what it half wrote is cut off before the next record', async (t) => {
  const folder = await folderOf(t);
  const real = new LocalFiles();
  let isFull = false;
  const files = new Proxy(real, {
    get: (target, name: keyof Files) =>
      name !== 'openAppend'
        ? (target[name] as () => unknown).bind(target)
        : async (path: string, mode?: number) => {
            const file = await target.openAppend(path, mode);
            return {
              append: async (data: Uint8Array) => {
                await file.append(isFull ? data.subarray(0, 10) : data);
                if (isFull) throw new Error('ENOSPC');
              },
              sync: () => file.sync(),
              close: () => file.close(),
            };
          },
  });
  const journal = open(folder, new KeptLog(), files);
  await journal.append(record('a'));
  isFull = true;
  await t.rejects(journal.append(record('b')), { code: 'ARB_STORE_UNAVAILABLE', message: /ENOSPC/ });
  t.strictSame(idsOf(await journal.waiting()), idsOf([record('a')]), 'it was not journalled');
  isFull = false;
  await journal.append(record('c'));
  await journal.close();
  t.strictSame(idsOf(await open(folder).waiting()), idsOf(['a', 'c'].map(record)));
});
