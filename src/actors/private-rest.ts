import type { Credentials, ExchangeAnswer, OrderEntry, PrivateCall } from '../connectors/order-entry.js';
import type { CallPriority, Permit, RateLimiter } from '../connectors/rate-limiter.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { HttpClient } from '../ports/network.js';
import type { Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';

/** A call whose answer is not reported by then counts as answered. */
const REPORT_MS = 5_000;
/** After a "too fast" that names no time. */
const SHORT_PAUSE_MS = 1_000;

export interface PrivateRestOptions {
  readonly exchange: ExchangeId;
  readonly entry: OrderEntry;
  readonly credentials: Credentials;
  readonly restUrl: string;
  readonly http: HttpClient;
  /** The one of the exchange, shared with market data. */
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Exchange clock minus ours, ms. */
  readonly clockOffsetMs: () => number;
  readonly signal: AbortSignal;
}

/** Signed calls to one account, within the exchange's budget. It reads no answer and repeats nothing. */
export class PrivateRest {
  private readonly options: PrivateRestOptions;

  constructor(options: PrivateRestOptions) {
    this.options = options;
  }

  /**
   * Signs and hands the request to the network in this turn; a number = nothing was sent, and the ms until there is budget.
   * The promise rejects with what the HTTP port rejects with: then the request may have been carried out, or not.
   */
  write(
    call: PrivateCall,
    priority: CallPriority,
    validForMs: number | null,
  ): Promise<ExchangeAnswer> | number {
    const { limiter, clock } = this.options;
    const permit = limiter.tryHold(call.costs, clock.monotonicMs(), call.timeoutMs + REPORT_MS, priority);
    return typeof permit === 'number' ? permit : this.carry(call, permit, validForMs);
  }

  /** For questions and cancels: waits for budget, at most so long. Rejects with ARB_RATE_LIMITED, or as `write`. */
  async ask(call: PrivateCall, priority: CallPriority, longestWaitMs: number): Promise<ExchangeAnswer> {
    const { clock, timers, signal, exchange } = this.options;
    const startedMs = clock.monotonicMs();
    for (;;) {
      signal.throwIfAborted();
      const answer = this.write(call, priority, null);
      if (typeof answer !== 'number') return answer;
      if (clock.monotonicMs() + answer - startedMs > longestWaitMs)
        throw new ArbotError('ARB_RATE_LIMITED', `${exchange} allows no call for ${Math.ceil(answer)} ms`, {
          retryable: true,
        });
      // Whole ms: a wait too short to move a clock of fractions would end where it began.
      await new Promise<void>((resolve) => timers.setTimer(resolve, Math.ceil(answer)));
    }
  }

  /** The exchange said "too fast" inside an answer. Returns the ms that no call leaves. */
  limited(pauseMs: number | null): number {
    const { limiter, clock } = this.options;
    const nowMs = clock.monotonicMs();
    // Where status or headers said for how long, the limiter has read it already.
    if (pauseMs === null && limiter.isBlocked(nowMs)) return limiter.blockedForMs(nowMs);
    return limiter.pause(pauseMs ?? SHORT_PAUSE_MS, nowMs);
  }

  /** How much longer the exchange wants silence, whoever was told so, ms; 0 = it does not. */
  blockedForMs(): number {
    return this.options.limiter.blockedForMs(this.options.clock.monotonicMs());
  }

  private async carry(call: PrivateCall, permit: Permit, validForMs: number | null): Promise<ExchangeAnswer> {
    const { entry, credentials, restUrl, http, limiter, clock, signal } = this.options;
    try {
      const signed = entry.sign(call, credentials, {
        timeMs: clock.nowMs() + this.options.clockOffsetMs(),
        validForMs: call.expires ? validForMs : null,
        nonce: uuidOf(this.options.random),
      });
      const { timeoutMs, maxBodyBytes } = call;
      const { method, headers, body } = signed;
      const url = restUrl + signed.path;
      const request = { method, url, headers, timeoutMs, maxBodyBytes, ...(body !== null && { body }) };
      const answer = await http.request(request, signal);
      limiter.settle(permit, clock.monotonicMs());
      limiter.observe(answer.status, answer.headers, clock.monotonicMs(), call.costs);
      return answer;
    } finally {
      limiter.settle(permit, clock.monotonicMs());
    }
  }
}

/** A UUID of version 4: no two requests carry the same. */
export function uuidOf(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
