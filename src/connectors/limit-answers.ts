import type { ExchangeId } from '../messages/primitives.js';
import type { Connector } from './base.js';
import { DEFAULT_LIMITER, RateLimiter, type LimitAnswers, type UntilHeader } from './rate-limiter.js';

/**
 * How each exchange answers a caller that is too fast, and tells how much of a budget is left (PROTOCOLS §3–§10 and §12 trap
 * 15). Pauses are what to do where the answer names no time [D]; they double with each refusal in a row.
 */

const RETRY_AFTER: UntilHeader = { header: 'retry-after', unit: 'seconds' };

const ANSWERS: Readonly<Record<ExchangeId, LimitAnswers>> = {
  // 429 with Retry-After [O]; 418 bans for 2 minutes to 3 days [O]; 403 is the firewall [O].
  binance: {
    stops: [
      { status: 429, pauseMs: 60_000 },
      { status: 418, pauseMs: 120_000 },
      { status: 403, pauseMs: 600_000 },
    ],
    until: [RETRY_AFTER],
    usage: [
      { header: 'x-mbx-used-weight-1m', tells: 'used', scheme: 'weight' },
      { header: 'x-mbx-order-count-10s', tells: 'used', scheme: 'orders' },
      { header: 'x-mbx-order-count-1d', tells: 'used', scheme: 'ordersOfDay' },
    ],
  },
  // Budgets are of two seconds; 50011 comes as 429 or inside a 200 [O].
  okx: { stops: [{ status: 429, pauseMs: 5000 }], until: [RETRY_AFTER], usage: [] },
  // 403 for an address that is too fast: stop for ten minutes [O].
  bybit: {
    stops: [
      { status: 403, pauseMs: 600_000 },
      { status: 429, pauseMs: 10_000 },
    ],
    until: [RETRY_AFTER, { header: 'x-bapi-limit-reset-timestamp', unit: 'unix-ms' }],
    usage: [
      {
        header: 'x-bapi-limit-status',
        tells: 'remaining',
        limitHeader: 'x-bapi-limit',
        scheme: null,
      },
    ],
  },
  // `Remaining-Req: group=default; min=1800; sec=29`, min to be ignored; 418 with growing times after 429 [O].
  upbit: {
    stops: [
      { status: 429, pauseMs: 2000 },
      { status: 418, pauseMs: 120_000 },
    ],
    until: [RETRY_AFTER],
    usage: [{ header: 'remaining-req', tells: 'remaining', pattern: /\bsec=(\d{1,6})/, scheme: null }],
  },
  // Abuse is blocked for ten minutes [O]; the header was seen [P].
  bithumb: {
    stops: [
      { status: 429, pauseMs: 10_000 },
      { status: 418, pauseMs: 600_000 },
    ],
    until: [RETRY_AFTER],
    usage: [{ header: 'x-ratelimit-remaining', tells: 'remaining', scheme: null }],
  },
  // Pools of 30 s; the reset header counts ms [O].
  kucoin: {
    stops: [{ status: 429, pauseMs: 30_000 }],
    until: [RETRY_AFTER, { header: 'gw-ratelimit-reset', unit: 'ms' }],
    usage: [
      {
        header: 'gw-ratelimit-remaining',
        tells: 'remaining',
        limitHeader: 'gw-ratelimit-limit',
        scheme: null,
      },
    ],
  },
  // Windows of 10 s per endpoint [O].
  gate: {
    stops: [{ status: 429, pauseMs: 10_000 }],
    until: [RETRY_AFTER, { header: 'x-gate-ratelimit-reset-timestamp', unit: 'unix-seconds' }],
    usage: [
      {
        header: 'x-gate-ratelimit-requests-remain',
        tells: 'remaining',
        limitHeader: 'x-gate-ratelimit-limit',
        scheme: null,
      },
    ],
  },
  bitget: { stops: [{ status: 429, pauseMs: 10_000 }], until: [RETRY_AFTER], usage: [] },
};

/** How an exchange answers; undefined for one that nothing is known of. */
export function limitAnswersOf(exchange: ExchangeId): LimitAnswers | undefined {
  return Object.hasOwn(ANSWERS, exchange) ? ANSWERS[exchange] : undefined;
}

/**
 * A new REST limiter of an exchange: one per process, for market data and orders alike. `reserve`: the share that normal calls
 * leave alone, where others spend of the same budgets unseen.
 */
export function restLimiterOf(
  { exchange, capabilities, orders }: Connector,
  reserve = DEFAULT_LIMITER.reserve,
): RateLimiter {
  const answers = limitAnswersOf(exchange);
  return new RateLimiter([...capabilities.restLimits, ...(orders?.limits ?? [])], {
    ...DEFAULT_LIMITER,
    reserve,
    ...(answers !== undefined && { answers }),
  });
}
