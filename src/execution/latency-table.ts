import { invariant } from '../messages/errors.js';

/** One measured request, any one unit of time: sent, at the exchange (0 = refused there), answered. */
export interface LatencySample {
  readonly requestTime: number;
  readonly exchangeTime: number;
  readonly responseTime: number;
}

/**
 * Latency of a request sent at a time: linear between the measured requests around it, truncated to whole units, and that of
 * the nearest one outside. Negative = it is refused, and known to be after that time: so beside any refused sample.
 * @throws ArbotError ARB_INVARIANT without samples. Samples are in order of their request times.
 */
export function entryLatency(samples: readonly LatencySample[], time: number): number {
  const last = samples.at(-1);
  invariant(last !== undefined, 'a latency table needs at least one sample');
  const next = samples.findIndex((sample) => sample.requestTime > time);
  if (next === 0) return latencyAt(samples[0]!);
  if (next < 0) return latencyAt(last);
  return between(samples[next - 1]!, samples[next]!, time);
}

const isRefused = ({ exchangeTime }: LatencySample): boolean => exchangeTime === 0;
const toExchange = ({ exchangeTime, requestTime }: LatencySample): number => exchangeTime - requestTime;
const toResponse = ({ responseTime, requestTime }: LatencySample): number => responseTime - requestTime;

const latencyAt = (sample: LatencySample): number =>
  isRefused(sample) ? -toResponse(sample) : toExchange(sample);

function between(a: LatencySample, b: LatencySample, time: number): number {
  const refused = isRefused(a) || isRefused(b);
  const of = refused ? toResponse : toExchange;
  const share = (time - a.requestTime) / (b.requestTime - a.requestTime);
  const latency = Math.trunc(of(a) + (of(b) - of(a)) * share);
  return refused ? -latency : latency;
}
