import { z } from 'zod';
import { Breaker, type BreakerEvent } from '../../risk/breaker.js';
import { deviationsOf } from '../../risk/flash/cross-exchange.js';
import { DepthCollapse } from '../../risk/flash/depth-collapse.js';
import { PriceBand } from '../../risk/flash/price-band.js';
import { ReturnScore } from '../../risk/flash/return-score.js';
import { Velocity } from '../../risk/flash/velocity.js';
import { exposureSnapshot, timeInMarket } from '../../statistics/exposure.js';
import { Float64 } from './compare.js';
import { money } from './inputs.js';

/** Our answers to the risk kinds, in the shape of the reference. Prices of the detectors are float64, as on the board. */

const told = (value: number | null): Float64 | null => (value === null ? null : new Float64(value));

const float = money.transform((value) => value.toNumber());
const ticks = z.array(z.tuple([z.number(), float]));

const velocityInput = z.object({ ticks, windowMs: z.number(), dropPct: float, risePct: float });

function answerVelocity(input: unknown): unknown {
  const query = velocityInput.parse(input);
  const velocity = new Velocity({ windowMs: query.windowMs, drop: query.dropPct, rise: query.risePct });
  return query.ticks.map(([ts, price]) => {
    const { drop, rise, trigger } = velocity.add(ts, price);
    return { ts, drop: told(drop), rise: told(rise), trigger };
  });
}

const returnInput = z.object({ ticks, lambda_: float, k: float, warmup: z.number(), sigmaFloor: float });

function answerReturnScore(input: unknown): unknown {
  const { lambda_: lambda, ...query } = returnInput.parse(input);
  const score = new ReturnScore({ lambda, ...query });
  return query.ticks.map(([ts, price]) => {
    const { r, z, sigmaNext, trigger } = score.add(price);
    return { ts, r: told(r), z: told(z), sigmaNext: told(sigmaNext), trigger };
  });
}

const bandInput = z.object({
  trades: ticks,
  bandPct: float,
  windowMs: z.number(),
  refUpdatePct: float,
  refMinHoldMs: z.number(),
  limitStateMs: z.number(),
  pauseMs: z.number(),
});

function answerBand(input: unknown): unknown {
  const query = bandInput.parse(input);
  const band = new PriceBand({
    ...query,
    band: query.bandPct,
    referenceMove: query.refUpdatePct,
    referenceHoldMs: query.refMinHoldMs,
  });
  return query.trades.map(([ts, price]) => {
    const { ref, lower, upper, outOfBand, state } = band.add(ts, price);
    return { ts, ref: told(ref), lower: told(lower), upper: told(upper), outOfBand, state };
  });
}

const crossInput = z.object({
  snapshot: z.record(z.string(), z.tuple([float, z.number()])),
  theta: float,
  maxAgeMs: z.number(),
  now: z.number(),
});

function answerCross(input: unknown): unknown {
  const { snapshot, now, ...limits } = crossInput.parse(input);
  const prices = Object.entries(snapshot).map(([id, [price, ts]]) => ({ id, price, ageMs: now - ts }));
  const reading = deviationsOf(prices, limits);
  const deviation = [...reading.deviation].map(([id, share]) => [id, told(share)] as const);
  return { ...reading, deviation: Object.fromEntries(deviation) };
}

const depthInput = z.object({
  topDepth: z.array(float),
  spreadBps: z.array(float),
  lambda_: float,
  depthRatio: float,
  spreadRatio: float,
});

function answerDepthSpread(input: unknown): unknown {
  const { lambda_: lambda, topDepth, spreadBps, ...limits } = depthInput.parse(input);
  const collapse = new DepthCollapse({ lambda, ...limits });
  return topDepth.map((depth, i) => {
    const { depthRatio, spreadRatio, ...flags } = collapse.add(depth, spreadBps[i]!);
    return { depthRatio: told(depthRatio), spreadRatio: told(spreadRatio), ...flags };
  });
}

const breakerInput = z.object({
  config: z.object({
    equity: money,
    maxConsecutiveLosses: z.number(),
    maxDrawdown: z.string(),
    errorWindowMs: z.number(),
    minCalls: z.number(),
    errorRate: float,
    cooldownMs: z.number(),
    backoffFactor: z.number(),
    maxCooldownMs: z.number(),
    halfOpenProbes: z.number(),
    probeSizeFactor: z.string(),
  }),
  events: z.array(
    z.discriminatedUnion('type', [
      z.object({ ts: z.number(), type: z.literal('tick') }),
      z.object({ ts: z.number(), type: z.literal('pnl'), value: money }),
      z.object({ ts: z.number(), type: z.literal('call'), ok: z.boolean() }),
      z.object({ ts: z.number(), type: z.literal('signal'), kind: z.string() }),
      z.object({ ts: z.number(), type: z.literal('manual_trip') }),
      z.object({ ts: z.number(), type: z.literal('manual_reset') }),
    ]),
  ),
});
type ReferenceEvent = z.output<typeof breakerInput>['events'][number];

function answerBreaker(input: unknown): unknown {
  const { config, events } = breakerInput.parse(input);
  const breaker = new Breaker(config, config.equity);
  return events.map((event) => {
    breaker.step(breakerEvent(event), event.ts);
    const { state, reason, latched, cooldownMs } = breaker.record;
    const { allowsTrades: allowNewTrades, sizeFactor } = breaker;
    return { ts: event.ts, state, reason, latched, cooldownMs, allowNewTrades, sizeFactor };
  });
}

function breakerEvent(event: ReferenceEvent): BreakerEvent {
  switch (event.type) {
    case 'signal':
      return { kind: 'signal', reason: event.kind };
    case 'pnl':
      return { kind: 'pnl', value: event.value };
    case 'call':
      return { kind: 'call', ok: event.ok };
    case 'manual_trip':
      return { kind: 'trip' };
    case 'manual_reset':
      return { kind: 'reset' };
    case 'tick':
      return { kind: 'tick' };
  }
}

/** By the type of a case. */
export const RISK_RULE_ANSWERS: ReadonlyMap<string, (input: unknown) => unknown> = new Map([
  ['velocity', answerVelocity],
  ['ewma_return_z', answerReturnScore],
  ['luld', answerBand],
  ['cross_venue', answerCross],
  ['depth_spread', answerDepthSpread],
  ['breaker', answerBreaker],
]);

const snapshotInput = z.object({
  equity: money,
  positions: z.array(z.object({ asset: z.string(), qty: money, mark: money })),
});

function answerSnapshot(input: unknown): unknown {
  const { equity, positions } = snapshotInput.parse(input);
  const marked = positions.map(({ asset, qty, mark }) => ({ asset, quantity: qty, mark }));
  const snapshot = exposureSnapshot(marked, equity);
  return { ...snapshot, netByAsset: Object.fromEntries(snapshot.netByAsset) };
}

const intervalInput = z.object({
  horizon: z.number(),
  intervals: z.array(z.tuple([z.number(), z.number()])),
});

function answerMarketTime(input: unknown): unknown {
  const { horizon, intervals } = intervalInput.parse(input);
  return timeInMarket(intervals, horizon);
}

export const EXPOSURE_ANSWERS: ReadonlyMap<string, (input: unknown) => unknown> = new Map([
  ['snapshot', answerSnapshot],
  ['time_in_market', answerMarketTime],
]);
