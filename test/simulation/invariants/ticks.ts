import type { TradePrint } from '../../../src/messages/feed.js';
import type { TickBatch, TickTradeRow } from '../../../src/ports/tick-store.js';
import {
  droppedRows,
  isBalanced,
  type TableAccount,
  type TickAccount,
} from '../../../src/recording/account.js';
import type { MemoryTicks } from '../../../src/storage/memory/memory-ticks.js';
import { SPOOL } from '../tick-faults.js';
import type { Auditor, Scene } from './scene.js';
import { recordsOf, spooledBatches } from './spool-files.js';

/** What one process heard, and what it said of its rows when it ended. */
interface Life {
  readonly boot: number;
  /** Trades by market and id: their numbers. */
  readonly heard: Map<string, string>;
  account: TickAccount | null;
}

const LOOK_EVERY = 16;
/** With batches of one row and a slow store the disk is where the newest rows wait their turn; older ones have had theirs. */
const PASSES_MS = 20_000;

/** When the newest row of a batch was heard. */
const newestMs = (batch: TickBatch): number =>
  batch.rows.reduce(
    (newest, row) => Math.max(newest, 'secondMs' in row ? row.secondMs : row.receiveTimeMs),
    0,
  );

const keyOf = ({ instrument, tradeId }: Pick<TickTradeRow, 'instrument' | 'tradeId'>): string =>
  `${instrument} ${tradeId}`;
const numbersOf = ({ price, quantity, side }: Pick<TickTradeRow, 'price' | 'quantity' | 'side'>): string =>
  `${price} ${quantity} ${side}`;

/**
 * I22: trades that came over the bus against the rows of the store and the files on the disk. What is in neither must have been
 * counted as dropped, or was in the memory of a process that was killed.
 */
export class TickAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly ticks: MemoryTicks;
  private readonly lives: Life[] = [];
  /** Trades in records that the disk damaged. */
  private readonly excused = new Set<string>();
  /** A file was damaged while it was being written: what follows in it goes with it when it is read. */
  private rottedInUse = false;
  private clockJumped = false;
  private looks = 0;

  constructor(scene: Scene, ticks: MemoryTicks) {
    this.scene = scene;
    this.ticks = ticks;
  }

  heard(print: TradePrint): void {
    this.life().heard.set(keyOf(print), numbersOf(print));
  }

  jumped(): void {
    this.clockJumped = true;
  }

  /** A byte of this file is about to change: what stands there and behind may be lost. */
  willRot(path: string, at: number): void {
    this.scene.reached('spool damaged');
    const newest = this.scene.disk
      .paths()
      .filter((one) => one.startsWith(SPOOL))
      .sort()
      .at(-1);
    if (path === newest) this.rottedInUse = true;
    for (const { endsAt, batch } of recordsOf(this.scene.disk.bytesOf(path)))
      if (endsAt > at) for (const key of tradesIn(batch)) this.excused.add(key);
  }

  /** Told while the process is still known. */
  processEnded(): void {
    const life = this.lives.at(-1);
    if (life?.boot === this.scene.boots()) life.account = this.account();
  }

  sometimes(): void {
    // Rows come ten times a second; a look at every file after each few dozen steps would cost more than the run.
    if (this.looks++ % LOOK_EVERY !== 0) return;
    this.checkBound();
    const account = this.account();
    if (account === null) return;
    for (const table of account.tables) this.checkBalance(table);
    this.reachedPoints(account);
  }

  /** The markets stand still and everything has healed: nothing may wait for the store that is not of this moment. */
  audit(): void {
    const account = this.account();
    if (account === null) return;
    const nowMs = this.scene.process()?.time.nowMs() ?? 0;
    const waiting = spooledBatches(this.scene.disk, SPOOL).filter(
      (batch) => nowMs - newestMs(batch) > PASSES_MS,
    );
    if (waiting.length > 0)
      this.scene.violated('spool-drained', `${waiting.length} batches wait on the disk after healing`);
    if (!account.store.isUp)
      this.scene.violated('spool-drained', `the store is not tried: ${account.store.lastError}`);
  }

  /** After the ordered stop: what is on the disk and in the store is all there is. */
  auditStopped(): void {
    this.processEnded();
    this.checkStored();
    const kept = new Set([...this.ticks.rows.tick_trades.map(keyOf), ...this.onDisk()]);
    for (const life of this.lives) this.checkLost(life, kept);
    this.checkCounts();
  }

  private life(): Life {
    const boot = this.scene.boots();
    const newest = this.lives.at(-1);
    if (newest?.boot === boot) return newest;
    const life: Life = { boot, heard: new Map(), account: null };
    this.lives.push(life);
    return life;
  }

  private account(): TickAccount | null {
    return this.scene.process()?.node?.inspection.counters().ticks ?? null;
  }

  private onDisk(): string[] {
    return spooledBatches(this.scene.disk, SPOOL).flatMap(tradesIn);
  }

  private checkBalance(account: TableAccount): void {
    if (!isBalanced(account)) this.scene.violated('ticks-accounted', JSON.stringify(account));
  }

  private checkBound(): void {
    const { disk } = this.scene;
    const files = disk.paths().filter((path) => path.startsWith(SPOOL));
    const bytes = files.reduce((sum, path) => sum + disk.sizeOf(path), 0);
    const most = this.scene.knobs.ticks.spoolMaxMegabytes * 1e6;
    if (bytes > most) this.scene.violated('spool-bounded', `${bytes} of ${most} bytes`);
  }

  private checkStored(): void {
    const { tick_trades, orderbook_snapshots, spread_history } = this.ticks.rows;
    const times = countBy(tick_trades.map(keyOf));
    for (const row of tick_trades) {
      const lives = this.lives.filter(({ heard }) => heard.has(keyOf(row)));
      if (!lives.some(({ heard }) => heard.get(keyOf(row)) === numbersOf(row)))
        return this.scene.violated('tick-is-what-came', JSON.stringify(row));
      if (times.get(keyOf(row))! > lives.length)
        return this.scene.violated('tick-stored-once', `${keyOf(row)} ${times.get(keyOf(row))} times`);
    }
    this.checkOnce(
      orderbook_snapshots.map((row) => `${row.instrument} ${row.epoch} ${row.sequence} ${row.receiveTimeMs}`),
    );
    for (const row of spread_history)
      if (row.grossBps !== ((row.bid - row.ask) / row.ask) * 10_000 || row.maxGrossBps < row.grossBps)
        return this.scene.violated('tick-is-what-came', JSON.stringify(row));
    // A clock that is set back between two processes may live a second twice.
    if (this.clockJumped) return;
    this.checkOnce(
      spread_history.map((row) => `${row.secondMs} ${row.pair} ${row.buyExchange} ${row.sellExchange}`),
    );
  }

  private checkOnce(keys: readonly string[]): void {
    for (const [key, times] of countBy(keys))
      if (times > 1) return this.scene.violated('tick-stored-once', `${key} ${times} times`);
  }

  private checkLost({ boot, heard, account }: Life, kept: ReadonlySet<string>): void {
    if (this.rottedInUse) return;
    const missing = [...heard.keys()].filter((key) => !kept.has(key) && !this.excused.has(key));
    const trades = account?.tables.find(({ table }) => table === 'tick_trades');
    // Memory ends with its process; an ordered stop has counted what it left.
    const allowed = trades === undefined ? 0 : droppedRows(trades.dropped) + trades.inRing;
    if (missing.length > 0) this.scene.reached('tick lost and counted');
    if (missing.length > allowed)
      this.scene.violated(
        'tick-not-lost',
        `process ${boot}: ${missing.length} of ${heard.size} trades are missing, ${allowed} are counted, first ${missing[0]}`,
      );
  }

  /** With one process, what it says it stored is what is stored; an insert without an answer may wait on the disk as well. */
  private checkCounts(): void {
    const [life] = this.lives;
    if (this.scene.boots() > 1 || life === undefined || life.account === null) return;
    for (const account of life.account.tables) {
      this.checkBalance(account);
      const rows = this.ticks.rows[account.table].length;
      // An insert whose answer was lost is stored, and is counted as what became of its copy on the disk.
      const { stop, damaged } = account.dropped;
      if (rows < account.stored || rows > account.stored + account.inSpool + stop + damaged)
        this.scene.violated('ticks-accounted', `${rows} rows are stored: ${JSON.stringify(account)}`);
    }
  }

  private reachedPoints({ tables, spool, store }: TickAccount): void {
    const { reached } = this.scene;
    const at = (name: string, isReached: boolean): void => {
      if (isReached) reached.call(this.scene, name);
    };
    at('ticks stored', store.inserts > 0);
    at('ticks spooled', spool.appends > 0);
    at('spool replayed', spool.replayed > 0);
    at('spool full', spool.timesFull > 0);
    at('spool refused', spool.failures > 0);
    at('spool cut', spool.cuts > 0);
    at(
      'spool taken over',
      tables.some(({ carried }) => carried > 0),
    );
    at(
      'ring overwritten',
      tables.some(({ dropped }) => dropped.ring > 0),
    );
  }
}

const tradesIn = (batch: TickBatch): string[] => (batch.table === 'tick_trades' ? batch.rows.map(keyOf) : []);

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
