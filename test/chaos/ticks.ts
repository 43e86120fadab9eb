import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Prng } from '../../src/simulator/prng.js';
import { openChdbTicks } from '../../src/storage/clickhouse/open-chdb.js';
import { testPorts } from '../storage/ports.js';
import { HOUR_MS } from '../storage/tick-samples.js';

/**
 * Kills the embedded tick store's process, or whoever writes to it, at random moments. A killed engine comes back under the same
 * writer; after a killed writer the next start looks at everything that was stored so far, and the next writer sends again what
 * was never acknowledged.
 */

export interface KillOptions {
  readonly times: number;
  readonly seed: number;
  /** Ends early once it has gone on so long, but never before two rounds. */
  readonly budgetMs?: number;
  readonly heard?: (line: string) => void;
}

export interface TickKillReport {
  readonly kills: { readonly engine: number; readonly writer: number };
  readonly rowsPerBatch: number;
  readonly acknowledged: number;
  /** Acknowledged batches that are not there as a whole. */
  readonly lost: number;
  /** Batches of which a part is there. */
  readonly torn: number;
  readonly doubled: number;
  /** Batches found after a kill that nobody had acknowledged. */
  readonly restored: number;
  readonly starts: number;
}

const KEY = 'CHAOS';
const ROWS_PER_BATCH = 200;
const MAX_MOMENT_MS = 60;

/** What is known about the batches outside the processes that die. */
interface Ledger {
  readonly acknowledged: Set<number>;
  /** Sent and not acknowledged: the next writer sends it again. */
  readonly unsettled: Set<number>;
  next: number;
}

interface Writer {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
  enginePid: number;
}

function startWriter(folder: string, ledger: Ledger): Writer {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = join(import.meta.dirname, 'tick-writer-process.ts');
  const plan = { folder, key: KEY, rows: ROWS_PER_BATCH, atMs: HOUR_MS, first: ledger.next };
  const settings = JSON.stringify({ ...plan, unsettled: [...ledger.unsettled] });
  const child = fork(entry, [settings], {
    execArgv: ['--import', loader],
    env: { PATH: process.env['PATH'] },
  });
  const writer: Writer = { process: child, ended: once(child, 'exit'), enginePid: 0 };
  child.on('message', (told: { sending?: number; acknowledged?: number; enginePid?: number }) => {
    if (told.enginePid !== undefined) writer.enginePid = told.enginePid;
    if (told.sending !== undefined) {
      ledger.unsettled.add(told.sending);
      ledger.next = Math.max(ledger.next, told.sending + 1);
    }
    if (told.acknowledged !== undefined) {
      ledger.unsettled.delete(told.acknowledged);
      ledger.acknowledged.add(told.acknowledged);
    }
  });
  return writer;
}

/** Waits for so many further acknowledgements; throws when the writer ends by itself or none come. */
async function progress(writer: Writer, ledger: Ledger, more: number): Promise<void> {
  const wanted = ledger.acknowledged.size + more;
  for (let tries = 0; ledger.acknowledged.size < wanted; tries++) {
    if (writer.process.exitCode !== null) throw new Error(`the writer ended with ${writer.process.exitCode}`);
    if (tries > 60_000) throw new Error('no batch was acknowledged for ten minutes');
    await sleep(10);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had just ended by itself, as the engine of a killed writer does.
  }
}

interface Held {
  /** Trade ids by batch. */
  readonly batches: ReadonlyMap<number, ReadonlySet<string>>;
  readonly doubled: number;
}

/** What the store holds, read by the next start. */
async function look(folder: string): Promise<Held> {
  const store = await openChdbTicks(folder, 'PAPER', testPorts());
  const batches = new Map<number, Set<string>>();
  let doubled = 0;
  try {
    for await (const piece of store.export('tick_trades', { fromMs: 0, toMs: HOUR_MS + 3_600_000 }))
      for (const { tradeId } of piece) {
        const number = Number(tradeId.split('-')[0]);
        const rows = batches.get(number) ?? new Set<string>();
        if (rows.has(tradeId)) doubled++;
        batches.set(number, rows.add(tradeId));
      }
  } finally {
    await store.close();
  }
  return { batches, doubled };
}

class Rounds {
  readonly ledger: Ledger = { acknowledged: new Set(), unsettled: new Set(), next: 0 };
  readonly kills = { engine: 0, writer: 0 };
  lost = 0;
  torn = 0;
  doubled = 0;
  restored = 0;
  starts = 0;

  judge({ batches, doubled }: Held): void {
    const isWhole = (number: number): boolean => batches.get(number)?.size === ROWS_PER_BATCH;
    this.starts++;
    this.lost = Math.max(this.lost, [...this.ledger.acknowledged].filter((one) => !isWhole(one)).length);
    this.torn = Math.max(this.torn, [...batches.keys()].filter((one) => !isWhole(one)).length);
    this.doubled = Math.max(this.doubled, doubled);
    this.restored += [...batches.keys()].filter((one) => !this.ledger.acknowledged.has(one)).length;
  }

  line(): string {
    return (
      `kill ${this.kills.engine + this.kills.writer}: ${this.ledger.acknowledged.size} batches acknowledged, ` +
      `${this.lost} lost, ${this.torn} torn, ${this.doubled} rows doubled`
    );
  }
}

/** Kills and looks; every writer that it starts has ended when it returns. */
export async function killTicks(folder: string, options: KillOptions): Promise<TickKillReport> {
  const random = Prng.of(options.seed, 'chaos ticks');
  const rounds = new Rounds();
  const { ledger, kills } = rounds;
  const startedMs = performance.now();
  const isOver = (): boolean => performance.now() - startedMs > (options.budgetMs ?? Infinity);
  let writer = startWriter(folder, ledger);
  try {
    for (let round = 1; round <= options.times && (round <= 2 || !isOver()); round++) {
      await progress(writer, ledger, 1 + random.below(5));
      await sleep(random.below(MAX_MOMENT_MS));
      if (round % 2 === 1) {
        kills.engine++;
        kill(writer.enginePid);
        continue;
      }
      kills.writer++;
      // Sometimes both at once, as when a machine runs out of memory.
      if (random.next() < 0.5) kill(writer.enginePid);
      writer.process.kill('SIGKILL');
      await writer.ended;
      rounds.judge(await look(folder));
      options.heard?.(rounds.line());
      writer = startWriter(folder, ledger);
    }
    await progress(writer, ledger, 3);
  } finally {
    writer.process.kill('SIGKILL');
    await writer.ended;
  }
  rounds.judge(await look(folder));
  const { lost, torn, doubled, restored, starts } = rounds;
  const acknowledged = ledger.acknowledged.size;
  return { kills, rowsPerBatch: ROWS_PER_BATCH, acknowledged, lost, torn, doubled, restored, starts };
}
