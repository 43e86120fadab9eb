import { shapeOf, type Signal } from '../messages/signal.js';
import type { ExposureBook } from './exposure.js';
import type { RiskLimits } from './limits.js';
import { reservedFor } from './reserved-legs.js';

/**
 * Whether a leg of a cycle may be sent for what the leg before has filled: what it gives comes to the same exchange. What comes
 * to another exchange cannot be spent here, and has to be there beforehand.
 */
export function mayFollow(signal: Pick<Signal, 'shape' | 'legs'>, index: number): boolean {
  const before = signal.legs[index - 1];
  return (
    shapeOf(signal) === 'cycle' && before !== undefined && before.exchange === signal.legs[index]!.exchange
  );
}

/** The legs that have to wait, since what they give is not there above reserve and promises. */
export function followsOf(
  signal: Signal,
  exposure: Pick<ExposureBook, 'available'>,
  limits: Pick<RiskLimits, 'recoverySlackBps'>,
): number[] {
  if (shapeOf(signal) !== 'cycle') return [];
  return reservedFor(signal.legs, limits).flatMap(({ exchange, outAsset, outAmount }, index) =>
    mayFollow(signal, index) && exposure.available(exchange, outAsset).lt(outAmount) ? [index] : [],
  );
}
