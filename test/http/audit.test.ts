import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { AuditJournal, journaledLog, type AuditJournalOptions } from '../../src/http/audit-journal.js';
import { EventRing } from '../../src/http/event-ring.js';
import { audited } from '../../src/runtime/audit.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { SAMPLES } from '../messages/samples.js';
import { KeptLog } from '../runtime/harness.js';

/** What people did is kept, and what happened is told from where a reader was. */

async function world(t: Test, change: Partial<AuditJournalOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-audit-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const log = new KeptLog();
  const path = join(folder, 'audit.jsonl');
  const open = () => AuditJournal.open({ files: new LocalFiles(), path, log, nowMs: () => 7, ...change });
  return { path, log, open };
}

t.test(
  'each action is written with who, what, when and its outcome, and read again by the next process',
  async (t) => {
    const { path, log, open } = await world(t);
    const journal = await open();
    const auditLog = journaledLog(log, journal);
    t.equal(
      await audited(auditLog, { action: 'actor.stop', by: 'http:::1', path: 'node/x' }, async () => 5),
      5,
    );
    const failing = audited(auditLog.child({}), { action: 'node.drain', by: 'telegram:7' }, () =>
      Promise.reject(new Error('alone')),
    );
    await t.rejects(failing, { message: 'alone' });
    auditLog.warn({ actor: 'x' }, 'no action of a person');
    auditLog.info({ audit: true, action: 7, outcome: 'done' }, 'has no shape');
    await journal.close();
    const lines = (await readFile(path, 'utf8')).trim().split('\n');
    t.strictSame(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        { atMs: 7, action: 'actor.stop', by: 'http:::1', outcome: 'accepted', detail: { path: 'node/x' } },
        { atMs: 7, action: 'actor.stop', by: 'http:::1', outcome: 'done', detail: { path: 'node/x' } },
        { atMs: 7, action: 'node.drain', by: 'telegram:7', outcome: 'accepted', detail: {} },
        { atMs: 7, action: 'node.drain', by: 'telegram:7', outcome: 'failed', error: 'alone', detail: {} },
      ],
    );
    t.equal((await stat(path)).mode & 0o777, 0o600);
    t.ok(log.lines.some(({ message }) => message === 'an audit line has no known shape'));
    await appendFile(path, '{"atMs":8,"act');
    const next = await open();
    t.equal(next.newest(1)[0]?.error, 'alone', 'what a crash broke off is left out');
    journaledLog(log, next).info({ audit: true, action: 'x', by: 'y', outcome: 'done' }, '');
    await next.close();
    t.strictSame(
      (await open()).newest(2).map(({ action }) => action),
      ['x', 'node.drain'],
      'and spoils nothing that follows',
    );
  },
);

t.test('the journal is bounded, and a disk that fails hinders no action', async (t) => {
  const { path, open } = await world(t, { maxBytes: 4_000 });
  const journal = await open();
  const record = (n: number) =>
    journal.record({ audit: true, action: `a${n}`, by: 'x', outcome: 'done', reason: 'r'.repeat(50) });
  for (let n = 0; n < 300; n++) record(n);
  await journal.close();
  const { size } = await stat(path);
  t.ok(size <= 4_000 && size > 1_000, `${size} bytes`);
  t.match(
    (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
      .at(-1),
    { action: 'a299' },
  );
  const read = await open();
  t.equal(read.newest(1)[0]?.action, 'a299');

  const files = new LocalFiles();
  files.openAppend = () => Promise.reject(new Error('no space left'));
  const broken = await world(t, { files });
  const kept = await broken.open();
  const auditLog = journaledLog(broken.log, kept);
  t.equal(await audited(auditLog, { action: 'kill-switch', by: 'x' }, async () => 'done'), 'done');
  await kept.close();
  t.equal(kept.newest(9).length, 2, 'it is shown all the same');
  t.equal(broken.log.lines.filter(({ message }) => message.includes('could not be written')).length, 2);
});

t.test('a reader that comes back gets each event once, in order, or is told how many are gone', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.nat(60),
      (capacity, kinds, cut) => {
        const ring = new EventRing('ab', capacity);
        const heard: string[] = [];
        const forget = ring.onEvent(({ id }) => heard.push(id));
        kinds.forEach((isMember) => {
          if (isMember) ring.memberChanged(SAMPLES.memberChanged);
          else ring.supervised(SAMPLES.supervisionEvent);
        });
        forget();
        const seen = Math.min(cut, kinds.length);
        const { events, gap } = ring.since(`ab-${seen}`);
        const kept = Math.min(capacity, kinds.length);
        const expected = heard.slice(Math.max(seen, kinds.length - kept));
        const isWhole = kinds.length - kept <= seen;
        return (
          events.map(({ id }) => id).join() === expected.join() &&
          (gap === null) === isWhole &&
          ring.newest(500).length === kept &&
          (kept === 0 || ring.newest(1)[0]?.id === heard.at(-1))
        );
      },
    ),
  );
  const ring = new EventRing('ab', 4);
  ring.supervised(SAMPLES.supervisionEvent);
  for (const id of ['cd-1', 'ab-2', 'ab-', 'ab-x', '', 'ab-1e3', `ab-${'9'.repeat(40)}`])
    t.match(ring.since(id), { events: { length: 1 }, gap: /another process/ }, id);
  t.end();
});
