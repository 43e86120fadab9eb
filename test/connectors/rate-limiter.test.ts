import fc from 'fast-check';
import t from 'tap';
import { limitAnswersOf } from '../../src/connectors/limit-answers.js';
import {
  DEFAULT_LIMITER,
  RateLimiter,
  type CallPriority,
  type LimitScheme,
  type Permit,
} from '../../src/connectors/rate-limiter.js';

/** An exchange that counts by its own clock, however long a call was on its way. */
class ModelServer {
  readonly scheme: LimitScheme;
  private readonly offsetMs: number;
  private readonly arrivals: { readonly atMs: number; readonly cost: number }[] = [];
  private tokens: number;
  private refilledMs = Infinity;
  bannedUntilMs = -Infinity;
  overruns = 0;

  constructor(scheme: LimitScheme, offsetMs: number) {
    this.scheme = scheme;
    this.offsetMs = offsetMs;
    this.tokens = scheme.capacity;
  }

  /** Sliding and fixed windows at once, or a bucket: nothing may be too much for any of them. */
  arrive(trueMs: number, cost: number): boolean {
    const nowMs = trueMs + this.offsetMs;
    const { scheme } = this;
    let isOver: boolean;
    if (scheme.kind === 'bucket') {
      this.tokens = Math.min(
        scheme.capacity,
        this.tokens + (Math.max(0, nowMs - this.refilledMs) * scheme.refillPerSecond) / 1000,
      );
      this.refilledMs = nowMs;
      isOver = this.tokens < cost - 1e-6;
      this.tokens -= cost;
    } else {
      this.arrivals.push({ atMs: nowMs, cost });
      const { windowMs, capacity } = scheme;
      const used = (sinceMs: number) =>
        this.arrivals.reduce((sum, one) => sum + (one.atMs > sinceMs ? one.cost : 0), 0);
      const windowStart = Math.floor(nowMs / windowMs) * windowMs;
      isOver = used(nowMs - windowMs) > capacity || used(windowStart - 1e-9) > capacity;
    }
    if (isOver) this.overruns++;
    return !isOver;
  }
}

interface Plan {
  readonly seedOffsetMs: number;
  /** [pause before it, cost, ms there, ms back, priority]. */
  readonly calls: readonly (readonly [number, number, number, number, CallPriority])[];
}

const plans = (maxCost: number) =>
  fc.record({
    seedOffsetMs: fc.integer({ min: -100_000, max: 100_000 }),
    calls: fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: maxCost }),
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 0, max: 1500 }),
        fc.constantFrom<CallPriority>('background', 'normal', 'urgent'),
      ),
      { minLength: 20, maxLength: 150 },
    ),
  });

/** Plays calls through a limiter to a server; calls the limiter holds back are tried again when it says so. */
function play(
  limiter: RateLimiter,
  plan: Plan,
  onArrival: (trueMs: number, cost: number) => { status: number; headers: Record<string, string> },
  onSent: (trueMs: number) => void = () => undefined,
): number {
  type Event = { readonly atMs: number; readonly order: number; readonly run: (nowMs: number) => void };
  const events: Event[] = [];
  let order = 0;
  let sent = 0;
  const at = (atMs: number, run: (nowMs: number) => void) => events.push({ atMs, order: order++, run });
  let startMs = 5000;
  for (const [pause, cost, there, back, priority] of plan.calls) {
    startMs += pause;
    const attempt = (nowMs: number): void => {
      const permit = limiter.tryHold({ calls: cost }, nowMs, 60_000, priority);
      if (typeof permit === 'number') {
        if (permit < 600_000) at(nowMs + permit, attempt);
        return;
      }
      sent++;
      onSent(nowMs);
      at(nowMs + there, (arrivedMs) => {
        const answer = onArrival(arrivedMs, cost);
        at(arrivedMs + back, (answeredMs) => answered(permit, answer, answeredMs));
      });
    };
    at(startMs, attempt);
  }
  const answered = (permit: Permit, { status, headers }: ReturnType<typeof onArrival>, nowMs: number) => {
    limiter.settle(permit, nowMs);
    limiter.observe(status, headers, nowMs, permit.costs);
  };
  while (events.length > 0) {
    events.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const next = events.shift()!;
    next.run(next.atMs);
  }
  return sent;
}

const SCHEMES: readonly LimitScheme[] = [
  { kind: 'window', name: 'calls', capacity: 10, windowMs: 1000 },
  { kind: 'window', name: 'calls', capacity: 40, windowMs: 10_000 },
  { kind: 'bucket', name: 'calls', capacity: 10, refillPerSecond: 5 },
];

t.test(
  'an exchange with its own clock never counts more than it allows, however the ways vary',
  async (t) => {
    for (const scheme of SCHEMES) {
      let sent = 0;
      fc.assert(
        fc.property(plans(4), (plan) => {
          const server = new ModelServer(scheme, plan.seedOffsetMs);
          const limiter = new RateLimiter([scheme]);
          sent += play(limiter, plan, (nowMs, cost) => {
            server.arrive(nowMs, cost);
            return { status: 200, headers: {} };
          });
          return server.overruns === 0 && limiter.inFlight === 0;
        }),
        { numRuns: 60, seed: 11 },
      );
      t.ok(sent > 2000, `${scheme.kind} of ${scheme.capacity}: ${sent} calls`);
    }
  },
);

t.test('no call leaves while the exchange wants silence', async (t) => {
  let bans = 0;
  fc.assert(
    fc.property(plans(3), fc.integer({ min: 3, max: 40 }), (plan, banAt) => {
      const limiter = new RateLimiter([SCHEMES[0]!], {
        ...DEFAULT_LIMITER,
        answers: limitAnswersOf('binance')!,
      });
      let arrivals = 0;
      let silentUntilMs = -Infinity;
      let sentInSilence = 0;
      const pending: { knownMs: number; untilMs: number }[] = [];
      play(
        limiter,
        plan,
        (nowMs) => {
          if (++arrivals % banAt !== 0) return { status: 200, headers: {} };
          bans++;
          pending.push({ knownMs: nowMs + 1500, untilMs: nowMs + 7000 });
          return { status: arrivals % 2 === 0 ? 429 : 418, headers: { 'retry-after': '7' } };
        },
        (nowMs) => {
          // From the time at which the answer is here at the latest.
          for (const { knownMs, untilMs } of pending)
            if (nowMs >= knownMs) silentUntilMs = Math.max(silentUntilMs, untilMs);
          if (nowMs < silentUntilMs) sentInSilence++;
        },
      );
      return sentInSilence === 0;
    }),
    { numRuns: 60, seed: 12 },
  );
  t.ok(bans > 20, `${bans} bans`);
});

t.test("each exchange's own headers and statuses are understood", async (t) => {
  const limiterOf = (exchange: string, capacity = 100) =>
    new RateLimiter([{ kind: 'window', name: 'calls', capacity, windowMs: 10_000 }], {
      reserve: 0,
      defaultPauseMs: 60_000,
      answers: limitAnswersOf(exchange)!,
    });
  const left = (limiter: RateLimiter) => {
    let calls = 0;
    while (limiter.tryAcquire({ calls: 1 }, 100) === 0) calls++;
    return calls;
  };
  const told: readonly (readonly [string, Record<string, string>, number])[] = [
    ['kucoin', { 'gw-ratelimit-limit': '2000', 'gw-ratelimit-remaining': '1930' }, 30],
    ['upbit', { 'remaining-req': 'group=order; min=1800; sec=7' }, 7],
    ['bybit', { 'x-bapi-limit': '50', 'x-bapi-limit-status': '10' }, 60],
    ['gate', { 'x-gate-ratelimit-requests-remain': '160', 'x-gate-ratelimit-limit': '200' }, 60],
    ['bithumb', { 'x-ratelimit-remaining': '12' }, 12],
    ['bithumb', { 'x-ratelimit-remaining': '-5 or so' }, 100],
    ['okx', { 'x-ratelimit-remaining': '1' }, 100],
  ];
  for (const [exchange, headers, expected] of told) {
    const limiter = limiterOf(exchange);
    limiter.observe(200, headers, 100, { calls: 1 });
    t.equal(left(limiter), expected, `${exchange} ${JSON.stringify(headers)}`);
  }
  const stopped: readonly (readonly [string, number, Record<string, string>, number])[] = [
    ['kucoin', 429, { 'gw-ratelimit-reset': '12345' }, 12_345],
    [
      'gate',
      429,
      { 'x-gate-ratelimit-reset-timestamp': '1790000009', date: 'Mon, 21 Sep 2026 14:13:20 GMT' },
      9000,
    ],
    ['gate', 429, { 'x-gate-ratelimit-reset-timestamp': '1790000009' }, 10_000],
    ['bybit', 403, {}, 600_000],
    ['binance', 418, { 'retry-after': '3600' }, 3_600_000],
    ['binance', 429, { 'retry-after': 'tomorrow' }, 60_000],
    ['upbit', 429, {}, 2000],
    ['okx', 403, {}, 0],
    ['binance', 500, {}, 0],
  ];
  for (const [exchange, status, headers, expected] of stopped)
    t.equal(limiterOf(exchange).observe(status, headers, 0), expected, `${exchange} ${status}`);
  const upbit = limiterOf('upbit');
  const bans: readonly (readonly [number, number])[] = [
    [418, 0],
    [418, 120_000],
    [418, 360_000],
    [200, 840_000],
    [418, 840_001],
  ];
  t.same(
    bans.map(([status, nowMs]) => upbit.observe(status, {}, nowMs)),
    [120_000, 240_000, 480_000, 0, 120_000],
    'bans in a row grow, as they do there',
  );
  const okx = limiterOf('okx');
  t.same(
    [0, 1, 2, 3, 4, 5, 6, 7].map((nowMs) => okx.observe(429, {}, nowMs)),
    Array.from({ length: 8 }, () => 5_000),
    'eight calls that were on their way together are one refusal',
  );
  t.equal(okx.blockedForMs(1_007), 4_000);
  t.equal(okx.observe(429, {}, 5_007), 10_000, 'the next one, after the pause, is the second');
});

t.test('an answer that nobody reports holds its cost no longer than agreed', async (t) => {
  const limiter = new RateLimiter([{ kind: 'window', name: 'calls', capacity: 1, windowMs: 1000 }], {
    reserve: 0,
    defaultPauseMs: 1000,
  });
  t.type(limiter.tryHold({ calls: 1 }, 0, 5000), 'object');
  t.type(limiter.tryHold({ calls: 1 }, 4900, 5000), 'number', 'it may have been counted just now');
  t.type(limiter.tryHold({ calls: 1 }, 5500, 5000), 'number', 'and now it is');
  t.type(limiter.tryHold({ calls: 1 }, 6700, 5000), 'object');
});

t.test('call budgets', async (t) => {
  t.test('a window never lets more through than its capacity in any window', async (t) => {
    const limiter = new RateLimiter([{ kind: 'window', name: 'w', capacity: 10, windowMs: 1000 }], {
      reserve: 0,
      defaultPauseMs: 1000,
    });
    const granted: number[] = [];
    for (let now = 0; now < 5000; now += 7) if (limiter.tryAcquire({ w: 1 }, now) === 0) granted.push(now);
    for (const start of granted) t.ok(granted.filter((at) => at >= start && at < start + 1000).length <= 10);
    t.ok(granted.length >= 40, `${granted.length} of at most 50 were used`);
  });
  t.test('a reserve is kept for urgent calls', async (t) => {
    const limiter = new RateLimiter([{ kind: 'bucket', name: 'b', capacity: 10, refillPerSecond: 1 }], {
      reserve: 0.3,
      defaultPauseMs: 1000,
    });
    let normal = 0;
    while (limiter.tryAcquire({ b: 1 }, 0) === 0) normal++;
    let urgent = 0;
    while (limiter.tryAcquire({ b: 1 }, 0, 'urgent') === 0) urgent++;
    t.same([normal, urgent], [7, 3]);
    t.equal(limiter.tryAcquire({ b: 11 }, 0, 'urgent'), Infinity, 'what can never fit says so');
  });
  t.test('questions about single orders leave budget to comparisons and first orders', async (t) => {
    const limiter = new RateLimiter([{ kind: 'window', name: 'w', capacity: 100, windowMs: 1000 }]);
    const spent = (priority: CallPriority) => {
      let calls = 0;
      while (limiter.tryAcquire({ w: 1 }, 0, priority) === 0) calls++;
      return calls;
    };
    t.equal(limiter.roomFor({ w: 1 }, 200, 0), 80);
    t.same(
      (['background', 'question', 'normal', 'urgent'] as const).map((priority) => spent(priority)),
      [40, 24, 16, 20],
    );
    t.equal(limiter.roomFor({ w: 1 }, 200, 0), 0);
    t.equal(limiter.roomFor({ w: 7, other: 1 }, 200, 2_000), 11, 'as many as fit, at their price');
    t.equal(limiter.roomFor({ w: 7 }, 3, 2_000), 3, 'not counted further than asked for');
    limiter.pause(5_000, 2_000);
    t.equal(limiter.roomFor({ w: 1 }, 3, 2_000), 0);
    t.same([limiter.blockedForMs(3_000), limiter.blockedForMs(9_000)], [4_000, 0]);
  });
  t.test('429, 418 and 403 stop every call until the time named', async (t) => {
    const limiter = new RateLimiter([{ kind: 'window', name: 'weight', capacity: 100, windowMs: 60_000 }]);
    t.equal(limiter.observe(200, { 'x-mbx-used-weight-1m': '70' }, 0), 0);
    t.ok(limiter.tryAcquire({ weight: 20 }, 0) > 0, "the exchange's own count is believed");
    t.equal(limiter.observe(429, { 'retry-after': '7' }, 1000), 7000);
    t.equal(limiter.tryAcquire({}, 1000, 'urgent'), 7000, 'even urgent calls');
    t.equal(
      limiter.observe(418, { 'retry-after': 'soon' }, 1000),
      600_000,
      'rubbish falls back to a long pause',
    );
    t.ok(limiter.isBlocked(600_000));
    t.equal(limiter.tryAcquire({ weight: 1 }, 601_000), 0, 'and then it goes on');
  });
});
