import { z } from 'zod';
import { dailyMarks, returnsMetrics } from '../../statistics/returns.js';
import { tradeMetrics } from '../../statistics/trades.js';
import { money } from './inputs.js';

/** Our answers to the performance kinds, in the shape of the reference. */

const terms = { periodsPerYear: z.number().positive(), riskFreeAnnual: money, marAnnual: money };
const evenInput = z.object({ equity: z.array(money), ...terms });
const irregularInput = z.object({ points: z.array(z.tuple([z.number(), money])), ...terms });

/** Equity on an even grid, or irregular marks that become one first. */
export function answerReturns(input: unknown): unknown {
  const irregular = irregularInput.safeParse(input);
  if (!irregular.success) return returnsMetrics(evenInput.parse(input));
  const { points, ...rest } = irregular.data;
  const daily = dailyMarks(points);
  return { daily, metrics: returnsMetrics({ ...rest, equity: daily }) };
}

export function answerTrades(input: unknown): unknown {
  return tradeMetrics(z.object({ pnl: z.array(money) }).parse(input).pnl);
}
