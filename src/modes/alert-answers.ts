import type { ActorNode, HealthReport, InspectionSource, PortfolioView, RiskReport } from '../http/source.js';
import { Decimal, ZERO } from '../market/decimal.js';
import { ArbotError } from '../messages/errors.js';
import type { ProfitAndLossReport } from '../messages/reports.js';

/** What the bot answers to people, from the same source as the inspection API. Plain texts of a few lines. */

const MAX_LINES = 25;
const DAY_MS = 86_400_000;
const PNL_DAYS = 7;

export async function statusText(source: InspectionSource, nowMs: number): Promise<string> {
  const [ready, portfolio] = await Promise.all([source.ready(), portfolioOf(source)]);
  const feeds = source.feeds();
  const lease = source.lease();
  const halt = source.killSwitch();
  const held = lease?.held === true ? `held, fence ${lease.fence}` : (lease?.detail ?? 'none');
  return [
    `${source.mode} ${source.node}, version ${source.version}, up ${spanText(nowMs - source.startedAtMs)}`,
    readyLine(ready),
    `kill switch: ${halt.engaged ? `ENGAGED (${halt.policy ?? 'freeze'}) by ${halt.by}: ${halt.reason}` : 'cleared'}`,
    `feeds: ${feeds.filter(({ state }) => state === 'live').length} of ${feeds.length} live`,
    `lease of who may trade: ${held}`,
    ...(await breakerLines(source)),
    todayLine(portfolio),
  ].join('\n');
}

const readyLine = ({ ok, checks }: HealthReport): string =>
  ok
    ? 'everything is in order'
    : `not in order: ${listed(checks.filter((one) => !one.ok).map((one) => `${one.name}: ${one.detail}`))}`;

async function breakerLines(source: InspectionSource): Promise<string[]> {
  const risk = await riskOf(source);
  const open = risk?.breakers.filter(({ state }) => state !== 'CLOSED') ?? [];
  return open.map(
    ({ subject, state, reason }) => `breaker ${subject}: ${state}${reason === null ? '' : `, ${reason}`}`,
  );
}

/** Null where nothing trades, or the gate starts anew. */
async function riskOf(source: InspectionSource): Promise<RiskReport | null> {
  try {
    return await source.risk();
  } catch (error) {
    if (error instanceof ArbotError) return null;
    throw error;
  }
}

/** Null where it is not kept: of several nodes one does. */
async function portfolioOf(source: InspectionSource): Promise<PortfolioView | null> {
  try {
    return await source.portfolio();
  } catch (error) {
    if (error instanceof ArbotError) return null;
    throw error;
  }
}

function todayLine(portfolio: PortfolioView | null): string {
  if (portfolio === null) return 'today: this node does not keep the portfolio';
  const { latest, realisedToday, arbitragesToday } = portfolio;
  const currency = latest?.currency ?? '';
  const equity = latest === null ? '' : `, equity ${rounded(latest.equity)} ${currency}`;
  return `today: net ${rounded(realisedToday)} ${currency}, ${arbitragesToday} arbitrages${equity}`;
}

/** What does not run, and what has restarted most. */
export function actorsText(root: ActorNode): string {
  const flat = (node: ActorNode): ActorNode[] => [node, ...node.children.flatMap(flat)];
  const all = flat(root).filter(({ kind }) => kind === 'worker');
  const down = all.filter(({ state }) => state !== 'running');
  const restarted = all
    .filter(({ inspection }) => inspection.restarts > 0)
    .sort((a, b) => b.inspection.restarts - a.inspection.restarts);
  return cut([
    `${all.length - down.length} of ${all.length} actors run`,
    ...down.map(({ path, state, inspection }) => `${path}: ${state}${errorOf(inspection.lastError)}`),
    ...restarted.map(
      ({ path, inspection }) => `${path}: ${inspection.restarts} restarts${errorOf(inspection.lastError)}`,
    ),
  ]);
}

const errorOf = (error: { readonly message: string } | null): string =>
  error === null ? '' : ` (${error.message.slice(0, 120)})`;

export async function pnlText(source: InspectionSource): Promise<string> {
  const nowMs = source.nowMs();
  const [portfolio, week] = await Promise.all([
    portfolioOf(source),
    source.profitAndLoss(nowMs - PNL_DAYS * DAY_MS, nowMs),
  ]);
  return cut([todayLine(portfolio), `the last ${PNL_DAYS} days:`, ...sumsOf(week)]);
}

/** By quote asset: sums of one asset only are added. */
function sumsOf({ rows }: ProfitAndLossReport): string[] {
  const sums = new Map<string, { net: Decimal; fees: Decimal; arbitrages: number }>();
  for (const { pair, realisedNet, fees, arbitrages } of rows) {
    const quote = pair.slice(pair.indexOf('-') + 1);
    const before = sums.get(quote) ?? { net: ZERO, fees: ZERO, arbitrages: 0 };
    sums.set(quote, {
      net: before.net.plus(realisedNet),
      fees: before.fees.plus(fees),
      arbitrages: before.arbitrages + arbitrages,
    });
  }
  if (sums.size === 0) return ['no arbitrage ended'];
  return [...sums].map(
    ([quote, { net, fees, arbitrages }]) =>
      `net ${rounded(net.toFixed())} ${quote}, fees ${rounded(fees.toFixed())}, ${arbitrages} arbitrages`,
  );
}

export function positionsText({ latest }: PortfolioView): string {
  if (latest === null) return 'no snapshot of the portfolio yet';
  const held = latest.holdings.filter(({ amount }) => !new Decimal(amount).isZero());
  const lines = held.map(({ exchange, asset, amount, mark }) => {
    const worth =
      mark === null ? 'no price' : `${rounded(new Decimal(amount).times(mark).toFixed())} ${latest.currency}`;
    return `${exchange} ${asset}: ${new Decimal(amount).toDecimalPlaces(8).toFixed()} (${worth})`;
  });
  return cut([`equity ${rounded(latest.equity)} ${latest.currency}`, ...lines]);
}

/** Two decimals, for people. */
const rounded = (amount: string): string => new Decimal(amount).toDecimalPlaces(2).toFixed();

const listed = (texts: readonly string[]): string => texts.slice(0, 8).join('; ');

function cut(lines: readonly string[]): string {
  if (lines.length <= MAX_LINES) return lines.join('\n');
  return [...lines.slice(0, MAX_LINES), `and ${lines.length - MAX_LINES} more`].join('\n');
}

function spanText(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
  return [
    ...(days > 0 ? [`${days} d`] : []),
    ...(hours > 0 ? [`${hours} h`] : []),
    `${minutes % 60} min`,
  ].join(' ');
}
