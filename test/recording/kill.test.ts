import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import type { TickBatch } from '../../src/ports/tick-store.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { DiskSpool } from '../../src/storage/spool/disk-spool.js';
import { KeptLog } from '../runtime/harness.js';

/** `KILLS=50 npx tsx test/recording/kill.test.ts` kills as often as the whole proof wants; a run of all tests has less time. */
const KILLS = Number(process.env['KILLS'] ?? 4);
t.setTimeout(Math.max(175_000, KILLS * 30_000));

const folder = mkdtempSync(join(tmpdir(), 'arbot-kill-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (name: string): string[] => {
  const text = readFileSync(join(folder, name), 'utf8');
  // A line that was cut by the kill is none.
  return text.slice(0, text.lastIndexOf('\n')).split('\n');
};
const noted = (what: string): string[] =>
  linesOf('notes').flatMap((line) =>
    line.startsWith(`${what} `) ? line.slice(what.length + 1).split(' ') : [],
  );

async function life(round: number, mode: 'up' | 'down' | 'last'): Promise<void> {
  const script = join(import.meta.dirname, 'killed-process.ts');
  const child = fork(script, [folder, String(round * 1_000_000), mode], { execArgv: ['--import', 'tsx'] });
  const [began] = (await once(child, 'message')) as [string];
  if (began !== 'recording') throw new Error(began);
  if (mode === 'last') await once(child, 'message');
  // At any moment of its work: the pause is not a multiple of any of its timers.
  else await wait(50 + ((round * 137) % 700));
  child.kill('SIGKILL');
  await once(child, 'exit');
}

t.test(
  'kill -9 at random moments loses nothing that was acknowledged, and the next start takes it over',
  async (t) => {
    for (let round = 1; round <= KILLS; round++) await life(round, round % 3 === 2 ? 'down' : 'up');
    await life(KILLS + 1, 'last');

    const batches = new Map<string, TickBatch>();
    for (const line of linesOf('store')) {
      const batch = JSON.parse(line) as TickBatch;
      const before = batches.get(batch.batchId);
      if (before !== undefined) t.same(batch, before, 'what comes again is the same');
      batches.set(batch.batchId, batch);
    }
    const log = new KeptLog();
    const spool = new DiskSpool({
      ...{ files: new LocalFiles(), folder: join(folder, 'spool'), log },
      ...{ maxBytes: 1 << 30, life: 'audit', pause: () => Promise.resolve() },
    });
    for (let found = await spool.oldest(); found !== null; found = await spool.oldest()) {
      batches.set(found.batch.batchId, found.batch);
      await spool.forget(found.batch.batchId);
    }
    const kept = [...batches.values()].flatMap((batch) =>
      batch.table === 'tick_trades' ? batch.rows.map(({ tradeId }) => tradeId) : [],
    );
    const known = new Set(kept);
    t.equal(known.size, kept.length, 'no trade is there twice');
    const heard = noted('heard');
    const acknowledged = new Set(noted('acked'));
    t.same(
      [...acknowledged].filter((id) => !known.has(id)),
      [],
      'nothing acknowledged is lost',
    );
    const lost = heard.filter((id) => !known.has(id));
    t.ok(acknowledged.size > KILLS * 10 && heard.length > acknowledged.size);
    t.comment(
      `${KILLS} kills: ${heard.length} heard, ${kept.length} kept, ${lost.length} lost, none of them acknowledged`,
    );
  },
);
