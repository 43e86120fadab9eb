import type { PrivateCall } from './order-entry.js';
import type { Parameters } from './order-signing.js';
import type { Costs } from './rate-limiter.js';

export interface PrivateCallParts extends Partial<
  Pick<PrivateCall, 'expires' | 'timeoutMs' | 'maxBodyBytes'>
> {
  readonly costs: Costs;
  readonly parameters?: Parameters;
}

/** What calls that change orders have in common: their answers are small, and nobody waits long for them. */
export const ORDER_CALL = { timeoutMs: 5000, maxBodyBytes: 64 << 10 } as const;

/** A question, unless `parts` says otherwise: it has ten seconds and a megabyte. */
export function privateCall(
  method: PrivateCall['method'],
  path: string,
  { costs, parameters = [], ...more }: PrivateCallParts,
): PrivateCall {
  return {
    method,
    path,
    parameters,
    expires: false,
    costs,
    timeoutMs: 10_000,
    maxBodyBytes: 1 << 20,
    ...more,
  };
}
