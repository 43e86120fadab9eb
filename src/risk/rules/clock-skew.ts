import { perLeg, refuse, type Rule } from '../question.js';

/**
 * Where signed requests carry an expiry, the exchange's clock and ours must agree (TRADING §2). Judged is only what the
 * measurement proves. A clock never measured is refused where real orders leave, and nowhere else.
 */
export const clockSkewRule: Rule = (question) =>
  perLeg(question, ({ exchange }) => {
    const { maxClockSkewMs, clockBound, refuseUnknownClock } = question.limits;
    if (!clockBound.includes(exchange)) return null;
    const skewMs = question.clockSkewMs.get(exchange) ?? null;
    if (skewMs === null ? !refuseUnknownClock : skewMs <= maxClockSkewMs) return null;
    return refuse('CLOCK_SKEW', maxClockSkewMs, skewMs ?? 'unknown', 'ms', exchange);
  });
