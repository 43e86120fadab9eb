import { z } from 'zod';
import { BPS, ONE, ZERO, type Decimal } from '../../market/decimal.js';
import { cycleSize } from '../../detectors/triangular/cycle-depth.js';
import { fillCycle } from '../../detectors/triangular/cycle-fill.js';
import { enumerateCycles, type Cycle } from '../../detectors/triangular/cycle-graph.js';
import { CycleRates } from '../../detectors/triangular/cycle-rates.js';
import { Float64 } from './compare.js';
import { feeMode, levels, money, optionalMoney } from './inputs.js';

/** Our answers to the triangular kinds, in the shape of the reference. */

const side = z.enum(['buy', 'sell']);
const feeTerms = { fee: money, feeMode };
const feeFrom = (rate: Decimal, mode: z.infer<typeof feeMode>) => ({ rate, mode, discount: ZERO });

const fillInput = z.object({
  amount: money,
  dustMarksInStart: z.array(money),
  legs: z.array(
    z.object({
      side,
      price: money,
      lot: money,
      ...feeTerms,
      minNotional: money,
      receivedDecimals: z.number().nullable(),
    }),
  ),
});

export function answerTriangular(input: unknown): unknown {
  const { amount, legs, dustMarksInStart } = fillInput.parse(input);
  const priced = legs.map((leg) => ({ ...leg, fee: feeFrom(leg.fee, leg.feeMode) }));
  const { result, ...fill } = fillCycle(priced, amount, dustMarksInStart);
  return { ...fill, ...result };
}

const depthInput = z.object({
  legs: z.array(z.object({ side, levels, ...feeTerms })),
  maxStart: optionalMoney,
});

export function answerCycleDepth(input: unknown): unknown {
  const { legs, maxStart } = depthInput.parse(input);
  const { start, ...size } = cycleSize(
    legs.map((leg) => ({ ...leg, fee: feeFrom(leg.fee, leg.feeMode) })),
    maxStart,
  );
  return { ...size, startStar: start };
}

const price = money.nullable().transform((value) => (value === null || value.isZero() ? null : value));
const graphInput = z.object({
  markets: z.array(
    z.object({
      symbol: z.string(),
      base: z.string(),
      quote: z.string(),
      bid: price,
      ask: price,
      fee: money,
      active: z.boolean().default(true),
    }),
  ),
  minNetReturn: money,
  cycleLengths: z.array(z.number()),
});
type GraphInput = z.infer<typeof graphInput>;

/** Found as the detector finds them: float candidates first, which exact decimals then judge. */
export function answerGraph(input: unknown): unknown {
  const graph = graphInput.parse(input);
  return Object.fromEntries(graph.cycleLengths.map((length) => [String(length), cyclesOf(graph, length)]));
}

function cyclesOf({ markets: all, minNetReturn }: GraphInput, length: number) {
  const markets = all.filter(({ active }) => active);
  const cycles = enumerateCycles(markets, length);
  const rates = new CycleRates(
    cycles,
    markets.map(({ fee }) => ({ sell: 1 - fee.toNumber(), keep: 1 - fee.toNumber(), numerator: 1 })),
    minNetReturn.toNumber(),
  );
  const found = new Set<number>();
  const buffer = new Int32Array(cycles.length);
  // Only the last leg of a cycle to get its price completes it.
  markets.forEach(({ bid, ask }, at) => {
    const count = rates.update(at, bid?.toNumber() ?? 0, ask?.toNumber() ?? 0, buffer);
    for (const cycle of buffer.subarray(0, count)) found.add(cycle);
  });
  const limit = ONE.plus(minNetReturn);
  const profitable = [...found]
    .map((index) => ({ index, cycle: cycles[index]!, rate: exactRate(cycles[index]!, markets) }))
    .filter(({ rate }) => rate.greaterThan(limit));
  profitable.sort((a, b) => b.rate.comparedTo(a.rate));
  return {
    totalDirectedCycles: cycles.filter((cycle) => isOpen(cycle, markets)).length,
    profitable: profitable.length,
    cycles: profitable.map(({ cycle: { assets, legs }, rate }) => ({
      assets,
      legs: legs.map((leg) => [markets[leg.market]!.symbol, leg.side]),
      rate: rate.toFixed(RATE_DECIMALS),
      netBps: new Float64(rate.minus(1).times(BPS).toNumber()),
    })),
  };
}

/** Digits after the point that the file states of a rate. */
const RATE_DECIMALS = 29;

const isOpen = ({ legs }: Cycle, markets: GraphInput['markets']): boolean =>
  legs.every(({ market, side }) => (side === 'sell' ? markets[market]!.bid : markets[market]!.ask) !== null);

function exactRate({ legs }: Cycle, markets: GraphInput['markets']): Decimal {
  return legs.reduce((rate, { market, side }) => {
    const { bid, ask, fee } = markets[market]!;
    const kept = rate.times(ONE.minus(fee));
    return side === 'sell' ? kept.times(bid!) : kept.div(ask!);
  }, ONE);
}
