import { z } from 'zod';
import type { ZonedTime } from '../exports/period.js';
import { ArbotError } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import { arbitrageClosed, type ArbitrageClosed } from '../messages/order.js';
import { utcDay } from '../messages/performance.js';
import { entityId, pairId } from '../messages/primitives.js';
import {
  explanation,
  profitAndLossReport,
  type Explanation,
  type ProfitAndLossReport,
} from '../messages/reports.js';
import { explainArbitrage, profitAndLossOf } from '../modes/reports.js';
import type { HttpClient } from '../ports/network.js';
import type { Stores } from '../ports/stores.js';
import { UndiciHttpClient } from '../runtime/platform/http-client.js';
import { openExistingStores } from '../storage/existing-database.js';
import { chooseDatabase } from './database.js';
import { nodeApi, type NodeApi } from './node-api.js';
import type { Terminal } from './output.js';
import { explanationLines, profitLines, tradeLines } from './report-text.js';
import { loadWithFlags, type StartFlags } from './start.js';
import { timeZone } from './time-zone.js';

/** As commander hands them over: text, not yet checked. */
export interface ReportFlags extends StartFlags {
  readonly url?: string;
  readonly json?: boolean;
  readonly limit?: string;
  readonly pair?: string;
  readonly outcome?: string;
  readonly tz?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Where answers come from: stores that nobody else holds, or the node that holds them. */
interface ReportSource {
  /** Newest first. */
  trades(limit: number): Promise<readonly ArbitrageClosed[]>;
  profitAndLoss(fromMs: number, toMs: number): Promise<ProfitAndLossReport>;
  explain(arbitrageId: string): Promise<Explanation | null>;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 16 << 20;
/** As far back as is looked for those that a filter lets through. */
const MOST_TRADES = 500;
const END_OF_TIME_MS = 8.64e15;
const QUARTER_MS = 900_000;
/** No zone is further from UTC. */
const FARTHEST_MS = 26 * 3_600_000;

const usage = (message: string): ArbotError => new ArbotError('ARB_CLI_USAGE', message);

export async function showTrades(flags: ReportFlags, terminal: Terminal): Promise<void> {
  const limit = Number(flags.limit ?? '20');
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_TRADES)
    throw usage(`--limit: must be 1 to ${MOST_TRADES}`);
  const { pair, outcome } = flags;
  if (pair !== undefined && !pairId.safeParse(pair).success) throw usage('--pair: must be such as BTC-USDT');
  const words: readonly string[] = arbitrageClosed.shape.outcome.options;
  if (outcome !== undefined && !words.includes(outcome))
    throw usage(`--outcome: must be ${words.join(', ')}`);
  const isFiltered = pair !== undefined || outcome !== undefined;
  const all = await withSource(flags, terminal, (source) => source.trades(isFiltered ? MOST_TRADES : limit));
  const rows = all
    .filter((one) => (pair ?? one.pair) === one.pair && (outcome ?? one.outcome) === one.outcome)
    .slice(0, limit);
  print(flags, terminal, rows, () => tradeLines(rows));
}

export async function showProfitAndLoss(flags: ReportFlags, terminal: Terminal): Promise<void> {
  const { fromMs, toMs } = periodOf(flags, timeZone(flags.tz ?? 'UTC'));
  const report = await withSource(flags, terminal, (source) => source.profitAndLoss(fromMs, toMs));
  print(flags, terminal, report, () => profitLines(report));
}

export async function showExplanation(
  arbitrageId: string,
  flags: ReportFlags,
  terminal: Terminal,
): Promise<void> {
  if (!entityId.safeParse(arbitrageId).success)
    throw usage(`${arbitrageId.slice(0, 100)} is no arbitrage id`);
  const found = await withSource(flags, terminal, (source) => source.explain(arbitrageId));
  if (found === null) throw usage(`nothing is stored of ${arbitrageId}: arbot trades lists what there is`);
  print(flags, terminal, found, () => explanationLines(found));
}

function print(flags: ReportFlags, terminal: Terminal, value: unknown, lines: () => string[]): void {
  if (flags.json === true) return terminal.print(JSON.stringify(value, null, 2));
  for (const line of lines()) terminal.print(line);
}

function periodOf({ from, to }: ReportFlags, zone: ZonedTime): { fromMs: number; toMs: number } {
  for (const [flag, day] of [['--from', from] as const, ['--to', to] as const])
    if (day !== undefined && !utcDay.safeParse(day).success)
      throw usage(`${flag}: must be a day such as 2026-01-31`);
  if (from !== undefined && to !== undefined && from > to) throw usage('--from: must not be after --to');
  return {
    fromMs: from === undefined ? 0 : firstMomentOf((day) => day >= from, from, zone),
    toMs: to === undefined ? END_OF_TIME_MS : firstMomentOf((day) => day > to, to, zone),
  };
}

/** When a day that fits begins in a zone, whose days begin at whole quarters of an hour. */
function firstMomentOf(fits: (day: string) => boolean, day: string, zone: ZonedTime): number {
  let atMs = Date.parse(`${day}T00:00:00Z`) - FARTHEST_MS;
  while (!fits(zone.dayOf(atMs))) atMs += QUARTER_MS;
  return Math.max(0, atMs);
}

/** A node that runs on embedded stores holds them: then it is asked. */
async function withSource<T>(
  flags: ReportFlags,
  terminal: Terminal,
  work: (source: ReportSource) => Promise<T>,
): Promise<T> {
  if (flags.url !== undefined) return overHttp(flags, terminal, work);
  try {
    return await overStores(flags, terminal, work);
  } catch (error) {
    if (!(error instanceof ArbotError) || error.code !== 'ARB_FOLDER_LOCKED') throw error;
    return overHttp(flags, terminal, work);
  }
}

async function overStores<T>(
  flags: ReportFlags,
  terminal: Terminal,
  work: (source: ReportSource) => Promise<T>,
): Promise<T> {
  const { choice, ports } = await chooseDatabase(flags, terminal);
  const stores: Stores = await openExistingStores(choice, ports);
  try {
    return await work({
      trades: (limit) => stores.trades.recentArbitrages(limit),
      profitAndLoss: (fromMs, toMs) => profitAndLossOf(stores, fromMs, toMs),
      explain: (arbitrageId) => explainArbitrage(stores, arbitrageId),
    });
  } finally {
    await stores.close();
  }
}

async function overHttp<T>(
  flags: ReportFlags,
  terminal: Terminal,
  work: (source: ReportSource) => Promise<T>,
): Promise<T> {
  const setting = nodeApi(await loadWithFlags(flags, terminal), terminal, flags.url);
  const http = new UndiciHttpClient();
  try {
    return await work({
      trades: (limit) => ask(setting, http, `api/trades?limit=${limit}`, z.array(arbitrageClosed)),
      profitAndLoss: (fromMs, toMs) =>
        ask(setting, http, `api/pnl?from=${fromMs}&to=${toMs}`, profitAndLossReport),
      explain: (arbitrageId) =>
        askOrNull(setting, http, `api/arbitrages/${encodeURIComponent(arbitrageId)}`, explanation),
    });
  } finally {
    await http.close();
  }
}

async function ask<T>(setting: NodeApi, http: HttpClient, path: string, schema: z.ZodType<T>): Promise<T> {
  const answer = await askOrNull(setting, http, path, schema);
  if (answer === null) throw new ArbotError('ARB_HTTP_FAILED', `${setting.url}${path} is not there`);
  return answer;
}

/** Null for what the node does not have. */
async function askOrNull<T>(
  { url, token }: NodeApi,
  http: HttpClient,
  path: string,
  schema: z.ZodType<T>,
): Promise<T | null> {
  const response = await http.request({
    method: 'GET',
    url: `${url}${path}`,
    ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: MAX_BYTES,
  });
  if (response.status === 404) return null;
  if (response.status !== 200)
    throw new ArbotError('ARB_HTTP_FAILED', `${url}${path} answered ${response.status}`);
  const parsed = schema.safeParse(jsonOf(response.body));
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_MESSAGE_INVALID', `${url}${path}: ${issueText(parsed.error, 'answer')}`);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
