import { ArbotError } from '../messages/errors.js';
import type { HttpClient, HttpResponse } from '../ports/network.js';
import type { Clock, Timers } from '../ports/time.js';
import type { Connector, Endpoints, InstrumentList, MarketLookup, RestRequest } from './base.js';
import type { RateLimiter } from './rate-limiter.js';

/** What calls of public REST endpoints need. */
export interface RestContext {
  readonly connector: Connector;
  readonly endpoints: Endpoints;
  readonly http: HttpClient;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signal?: AbortSignal;
  /** Gets each accepted answer as received, e.g. for a recording. Must not throw. */
  readonly onAnswer?: (url: string, body: Buffer) => void;
}

/** Longer waits for budget are an error: the caller should know rather than hang. */
const LONGEST_WAIT_MS = 90_000;

/**
 * One public request within the exchange's budget.
 * @throws ArbotError ARB_RATE_LIMITED when the exchange wants silence, ARB_EXCHANGE_ERROR for another status than 200, or
 * what the HTTP port rejects with.
 */
export async function callRest(context: RestContext, request: RestRequest): Promise<Buffer> {
  return (await ask(context, request)).body;
}

async function ask(context: RestContext, request: RestRequest): Promise<HttpResponse> {
  const { limiter, clock, timers, http } = context;
  for (;;) {
    const wait = limiter.tryAcquire(request.costs, clock.monotonicMs());
    if (wait === 0) break;
    if (wait > LONGEST_WAIT_MS) throw limited(context, wait);
    await new Promise<void>((resolve) => timers.setTimer(resolve, wait));
    context.signal?.throwIfAborted();
  }
  const { timeoutMs, maxBodyBytes } = request;
  const url = context.endpoints.restUrl + request.path;
  const method = request.method ?? 'GET';
  const response = await http.request({ method, url, timeoutMs, maxBodyBytes }, context.signal);
  checkAccepted(context, request, response);
  context.onAnswer?.(url, response.body);
  return response;
}

function checkAccepted(context: RestContext, request: RestRequest, response: HttpResponse): void {
  const paused = context.limiter.observe(response.status, response.headers, context.clock.monotonicMs());
  if (paused > 0) throw limited(context, paused);
  if (response.status === 200) return;
  const path = request.path.split('?', 1)[0]!;
  throw new ArbotError(
    'ARB_EXCHANGE_ERROR',
    `${context.connector.exchange} answered ${response.status} to ${path}`,
    {
      retryable: response.status >= 500,
    },
  );
}

function limited(context: RestContext, waitMs: number): ArbotError {
  const seconds = Math.ceil(waitMs / 1000);
  return new ArbotError('ARB_RATE_LIMITED', `${context.connector.exchange} allows no call for ${seconds} s`, {
    retryable: true,
  });
}

/** The spot markets of an exchange with their exact rules. `symbols` null = all. */
export async function loadInstruments(
  context: RestContext,
  lookup: MarketLookup,
  symbols: readonly string[] | null = null,
): Promise<InstrumentList> {
  const body = await callRest(context, context.connector.rest.instruments(symbols));
  return context.connector.rest.parseInstruments(body, lookup);
}

export interface ClockOffset {
  /** Exchange time minus local wall time, ms. */
  readonly offsetMs: number;
  /** The offset is known no better than this: half the round trip, and half of what the exchange's clock rounds away. */
  readonly uncertaintyMs: number;
}

/** Samples the exchange's clock once. A coarse clock is read as the middle of its tick. */
export async function sampleClock(context: RestContext): Promise<ClockOffset> {
  const sentMs = context.clock.nowMs();
  const startedMs = context.clock.monotonicMs();
  const { rest, capabilities } = context.connector;
  const { body, headers } = await ask(context, rest.serverTime());
  const halfTrip = (context.clock.monotonicMs() - startedMs) / 2;
  const halfTick = capabilities.clockResolutionMs === 1 ? 0 : capabilities.clockResolutionMs / 2;
  const exchangeMs = rest.parseServerTime(body, headers) + halfTick;
  return { offsetMs: exchangeMs - (sentMs + halfTrip), uncertaintyMs: halfTrip + halfTick };
}
