import { Decimal, ZERO } from '../market/decimal.js';

/** What is said of a row of results after all fees (reference §3). The sign decides alone: there is no smallest win. */
export interface TradeMetrics {
  readonly trades: number;
  readonly wins: number;
  readonly losses: number;
  readonly breakeven: number;
  readonly grossProfit: Decimal;
  /** At least 0. */
  readonly grossLoss: Decimal;
  readonly net: Decimal;
  readonly winRate: Decimal | null;
  readonly winRateExBreakeven: Decimal | null;
  readonly profitFactor: Decimal | null;
  readonly expectancy: Decimal | null;
  readonly avgWin: Decimal | null;
  readonly avgLoss: Decimal | null;
  readonly payoffRatio: Decimal | null;
  readonly expectancyR: Decimal | null;
  readonly maxConsecutiveWins: number;
  readonly maxConsecutiveLosses: number;
}

const share = (part: Decimal, whole: Decimal | number): Decimal | null =>
  new Decimal(whole).isZero() ? null : part.div(whole);

/** Longest run of results that `counts` takes; a breakeven ends it. */
function longestRun(results: readonly Decimal[], counts: (result: Decimal) => boolean): number {
  let [run, longest] = [0, 0];
  for (const result of results) {
    run = counts(result) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

const isWin = (result: Decimal): boolean => result.gt(0);
const isLoss = (result: Decimal): boolean => result.lt(0);
const total = (results: readonly Decimal[]): Decimal =>
  results.reduce((sum, result) => sum.plus(result), ZERO);

/** Null where there is nothing to divide by. */
export function tradeMetrics(results: readonly Decimal[]): TradeMetrics {
  const [won, lost] = [results.filter(isWin), results.filter(isLoss)];
  const [grossProfit, grossLoss] = [total(won), total(lost).abs()];
  const [avgWin, avgLoss] = [share(grossProfit, won.length), share(grossLoss, lost.length)];
  const net = grossProfit.minus(grossLoss);
  const expectancy = share(net, results.length);
  const wins = new Decimal(won.length);
  return {
    trades: results.length,
    wins: won.length,
    losses: lost.length,
    breakeven: results.length - won.length - lost.length,
    grossProfit,
    grossLoss,
    net,
    winRate: share(wins, results.length),
    winRateExBreakeven: share(wins, won.length + lost.length),
    profitFactor: share(grossProfit, grossLoss),
    expectancy,
    avgWin,
    avgLoss,
    payoffRatio: avgWin === null || avgLoss === null ? null : share(avgWin, avgLoss),
    expectancyR: expectancy === null || avgLoss === null ? null : share(expectancy, avgLoss),
    maxConsecutiveWins: longestRun(results, isWin),
    maxConsecutiveLosses: longestRun(results, isLoss),
  };
}
