import { resolve } from 'node:path';
import { ledgerFacts } from '../exports/facts.js';
import type { CostBasis } from '../exports/lots.js';
import type { Period, ZonedTime } from '../exports/period.js';
import { tableWriter, type ExportFormat, type ExportRow } from '../exports/table.js';
import { emptyTotals, TAX_COLUMNS, taxRows, type TaxTotals } from '../exports/tax-rows.js';
import { TRADE_COLUMNS, tradeRows } from '../exports/trades.js';
import { TRANSFER_COLUMNS, transferRows } from '../exports/transfers.js';
import { Decimal, isDecimalText } from '../market/decimal.js';
import { ArbotError } from '../messages/errors.js';
import { utcDay } from '../messages/performance.js';
import { assetId, type AssetId } from '../messages/primitives.js';
import type { Stores } from '../ports/stores.js';
import { openExistingStores } from '../storage/existing-database.js';
import { ledgerEntries, ledgerFills } from '../storage/ledger-pages.js';
import { chooseDatabase } from './database.js';
import { fileSink, terminalSink, type Sink } from './export-sink.js';
import type { Terminal } from './output.js';
import type { StartFlags } from './start.js';
import { timeZone } from './time-zone.js';

export type ExportKind = 'trades' | 'transfers' | 'tax';

/** As commander hands them over: text, not yet checked. */
export interface ExportFlags extends StartFlags {
  readonly tz: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: string;
  readonly out?: string;
  readonly costBasis?: string;
  readonly openingPrice?: readonly string[];
}

interface Question {
  readonly zone: ZonedTime;
  readonly period: Period;
  readonly format: ExportFormat;
}

interface Table {
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<ExportRow>;
  /** For the reader at the terminal, once all rows are out. */
  readonly summary?: () => string;
}

const usage = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', message);

function dayFlag(text: string | undefined, flag: string): string | null {
  if (text === undefined) return null;
  if (utcDay.safeParse(text).success) return text;
  throw usage(`${flag}: must be a day such as 2026-01-31`);
}

function questionOf(flags: ExportFlags): Question {
  if (flags.format !== 'csv' && flags.format !== 'json') throw usage('--format: must be csv or json');
  const [from, to] = [dayFlag(flags.from, '--from'), dayFlag(flags.to, '--to')];
  if (from !== null && to !== null && from > to) throw usage('--from: must not be after --to');
  return { zone: timeZone(flags.tz), period: { from, to }, format: flags.format };
}

function basisFlag(text: string | undefined): CostBasis {
  if (text === 'fifo' || text === 'average') return text;
  throw usage('--cost-basis: must be fifo or average');
}

/** `BTC=60000`, as often as there are assets. */
function openingPrices(texts: readonly string[]): ReadonlyMap<AssetId, Decimal> {
  const prices = new Map<AssetId, Decimal>();
  for (const text of texts) {
    const [asset = '', price = ''] = text.split('=');
    const isPrice = isDecimalText(price) && !price.startsWith('-');
    if (!assetId.safeParse(asset).success || !isPrice || prices.has(asset))
      throw usage('--opening-price: must be an asset and its price, once each, such as BTC=60000.50');
    prices.set(asset, new Decimal(price));
  }
  return prices;
}

/** Rows are gathered into pieces of about this size before they are written. */
const PIECE = 64 * 1_024;

async function writeTable({ columns, rows }: Table, format: ExportFormat, sink: Sink): Promise<number> {
  const writer = tableWriter(format, columns);
  let [piece, count] = [writer.head, 0];
  for await (const row of rows) {
    piece += writer.row(row);
    count++;
    if (piece.length < PIECE) continue;
    await sink.write(piece);
    piece = '';
  }
  await sink.write(piece + writer.tail());
  return count;
}

type Build = (stores: Stores, question: Question, currency: AssetId) => Table;

const trades: Build = ({ ledger }, { zone, period }) => ({
  columns: TRADE_COLUMNS,
  rows: tradeRows(ledgerFills(ledger), zone, period),
});

const transfers: Build = ({ ledger }, { zone, period }) => ({
  columns: TRANSFER_COLUMNS,
  rows: transferRows(ledgerEntries(ledger), zone, period),
});

function taxSummary(
  { disposals, unknown, proceeds, cost, gain, residualLots }: TaxTotals,
  currency: AssetId,
): string {
  const known = `proceeds ${proceeds.toFixed()}, cost ${cost.toFixed()}, gain ${gain.toFixed()} ${currency}`;
  const rest = unknown === 0 ? '' : `; ${unknown} without a known gain, left out of it`;
  return `${disposals} disposals: ${known}${rest}. ${residualLots} lots are left.`;
}

function tax(basis: CostBasis, prices: ReadonlyMap<AssetId, Decimal>): Build {
  return ({ ledger }, { zone, period }, currency) => {
    const totals = emptyTotals();
    const facts = ledgerFacts(ledgerEntries(ledger), ledgerFills(ledger));
    return {
      columns: TAX_COLUMNS,
      rows: taxRows(facts, { currency, basis, openingPrices: prices, zone, period, totals }),
      summary: () => taxSummary(totals, currency),
    };
  };
}

const buildOf = (kind: ExportKind, flags: ExportFlags): Build =>
  kind === 'trades'
    ? trades
    : kind === 'transfers'
      ? transfers
      : tax(basisFlag(flags.costBasis), openingPrices(flags.openingPrice ?? []));

/** Writes one export from the first row to the last, holding a page of the ledger at a time. */
export async function runExport(kind: ExportKind, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const question = questionOf(flags);
  const build = buildOf(kind, flags);
  const { choice, ports, loaded } = await chooseDatabase(flags, terminal);
  const path = flags.out === undefined ? null : resolve(terminal.workingFolder, flags.out);
  // A file that cannot be made is told before a database is opened.
  const sink = path === null ? terminalSink(terminal) : await fileSink(path);
  try {
    const stores = await openExistingStores(choice, ports);
    try {
      const table = build(stores, question, loaded.trading.reportingCurrency);
      const rows = await writeTable(table, question.format, sink);
      await sink.finish();
      // The rows may go down a pipe: what is said of them goes beside it.
      terminal.complain(`${rows} rows${path === null ? '' : ` in ${path}`}.`);
      if (table.summary !== undefined) terminal.complain(table.summary());
    } finally {
      await stores.close();
    }
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}
