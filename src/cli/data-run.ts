import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ArbotError, errorText } from '../messages/errors.js';
import { MODE_OF } from '../modes/mode-of.js';
import { MachineTime } from '../modes/machine-time.js';
import { tickChoiceOf } from '../modes/tick-choice.js';
import type { Logger } from '../ports/log.js';
import type { TickStore, TickTable, TickTableStatus, TimeRange } from '../ports/tick-store.js';
import { openTicks, type TickChoice } from '../storage/open-ticks.js';
import type { DataExportFlags, DataFlags } from './data-flags.js';
import { EXIT, table, type Terminal } from './output.js';
import { loadWithFlags, marketFlag } from './start.js';
import { tickText } from './tick-text.js';

const usage = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', message);
const TABLES: readonly TickTable[] = ['orderbook_snapshots', 'tick_trades', 'spread_history'];
const END_OF_TIME_MS = Date.UTC(2100, 0, 1);

function logTo(terminal: Terminal): Logger {
  const quiet = (): void => undefined;
  const loud = (_: object, message: string): void => terminal.complain(message);
  const log: Logger = { debug: quiet, info: quiet, warn: loud, error: loud, child: () => log };
  return log;
}

async function choose(flags: DataFlags, terminal: Terminal): Promise<TickChoice> {
  const market = marketFlag(flags.market ?? 'simulated');
  const { cluster, node } = await loadWithFlags(flags, terminal);
  const folder = join(resolve(terminal.workingFolder, node.dataFolder), MODE_OF[market].toLowerCase());
  return tickChoiceOf(cluster, folder, terminal.environment);
}

/** What a person can do about a store that a node has open. */
function inUse(error: unknown): unknown {
  if (!(error instanceof ArbotError) || error.code !== 'ARB_FOLDER_LOCKED') return error;
  return new ArbotError(
    'ARB_FOLDER_LOCKED',
    `${errorText(error)}: stop it first, since one process at a time can read an embedded tick store`,
  );
}

/** Runs work on the store of the flags; returns its exit code, or that of a store which is not there. */
export async function withTicks(
  flags: DataFlags,
  terminal: Terminal,
  work: (store: TickStore) => Promise<number>,
): Promise<number> {
  const choice = await choose(flags, terminal);
  if (choice.kind === 'none' || (choice.kind === 'chdb' && !existsSync(choice.folder))) {
    terminal.print(
      choice.kind === 'none'
        ? 'No ticks are kept: stores.ticks is none.'
        : `No ticks have been recorded in ${choice.folder}.`,
    );
    return EXIT.done;
  }
  const time = new MachineTime();
  const ports = { log: logTo(terminal), timers: time, clock: time };
  const store = await openTicks(choice, null, ports).catch((error: unknown) => {
    throw inUse(error);
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const MIB = 1 << 20;
const timeText = (atMs: number | null): string => (atMs === null ? '-' : new Date(atMs).toISOString());
const sizeText = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

function statusRow(one: TickTableStatus): string[] {
  const { oldestMs, newestMs, ttlDays } = one;
  return [
    one.table,
    String(one.rows),
    sizeText(one.bytes),
    timeText(oldestMs),
    timeText(newestMs),
    `${ttlDays} days`,
  ];
}

/** `arbot data status`. */
export function showDataStatus(flags: DataFlags, terminal: Terminal): Promise<number> {
  return withTicks(flags, terminal, async (store) => {
    const [tables, { engine, location }] = [await store.status(), await store.describe()];
    if (flags.json === true) {
      terminal.print(JSON.stringify({ engine, location, tables }, null, 2));
      return EXIT.done;
    }
    terminal.print(`${engine} at ${location}`);
    const head = ['table', 'rows', 'on disk', 'oldest', 'newest', 'kept'];
    for (const line of table([head, ...tables.map(statusRow)])) terminal.print(line);
    return EXIT.done;
  });
}

/** A moment in UTC; null for other text. */
function moment(text: string): number | null {
  if (/^\d{10,15}$/.test(text)) return Number(text);
  const parts = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)Z?)?$/.exec(text);
  if (parts === null) return null;
  const atMs = Date.parse(`${parts[1]}T${parts[2] ?? '00:00'}Z`);
  return Number.isNaN(atMs) ? null : atMs;
}

export function momentFlag(text: string | undefined, flag: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const atMs = moment(text);
  if (atMs === null || atMs < 0 || atMs > END_OF_TIME_MS)
    throw usage(`${flag}: must be a time such as 2026-11-01, 2026-11-01T10:00:00Z or 1793491200000`);
  return atMs;
}

interface ExportPlan {
  readonly table: TickTable;
  readonly format: 'csv' | 'jsonl';
  readonly range: TimeRange;
  readonly out: string;
}

function planOf(name: string, flags: DataExportFlags, terminal: Terminal): ExportPlan {
  const chosen = TABLES.find((one) => one === name);
  if (chosen === undefined) throw usage(`no table ${name}: one of ${TABLES.join(', ')}`);
  const { format } = flags;
  if (format !== 'csv' && format !== 'jsonl') throw usage('--format: must be csv or jsonl');
  const range = {
    fromMs: momentFlag(flags.from, '--from', 0),
    toMs: momentFlag(flags.to, '--to', END_OF_TIME_MS),
  };
  if (range.fromMs > range.toMs) throw usage('--to: is before --from');
  const out = resolve(terminal.workingFolder, flags.out);
  if (existsSync(out)) throw usage(`--out: ${out} exists already`);
  return { table: chosen, format, range, out };
}

/** Writes rows as they come, under another name until the last is there; returns how many. */
async function writeRows(store: TickStore, plan: ExportPlan, stop: AbortSignal): Promise<number> {
  const { head, line } = tickText(plan.table, plan.format);
  const unfinished = `${plan.out}.part`;
  let rows = 0;
  async function* lines(): AsyncGenerator<string> {
    yield head;
    for await (const piece of store.export(plan.table, plan.range)) {
      rows += piece.length;
      yield piece.map(line).join('');
    }
  }
  try {
    await pipeline(Readable.from(lines()), createWriteStream(unfinished, { mode: 0o600 }), { signal: stop });
    await rename(unfinished, plan.out);
    return rows;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** `arbot data export`. */
export async function exportData(name: string, flags: DataExportFlags, terminal: Terminal): Promise<number> {
  const plan = planOf(name, flags, terminal);
  const stop = new AbortController();
  const forget = terminal.onSignal(() => stop.abort());
  try {
    return await withTicks(flags, terminal, async (store) => {
      const rows = await writeRows(store, plan, stop.signal);
      terminal.print(`${rows} rows of ${plan.table} in ${plan.out}`);
      return EXIT.done;
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.complain('Stopped; nothing was written.');
    return EXIT.interrupted;
  } finally {
    forget();
  }
}
