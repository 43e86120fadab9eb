import { ArbotError } from '../messages/errors.js';
import type { HttpClient, HttpResponse } from '../ports/network.js';
import type { Clock, Timers } from '../ports/time.js';
import {
  inChunks,
  type Connector,
  type Endpoints,
  type InstrumentList,
  type ListedMarket,
  type MarketLookup,
  type RestRequest,
  type TickerLookup,
  type WalletList,
} from './base.js';
import type { CallPriority, Permit, RateLimiter } from './rate-limiter.js';

/** What calls of public REST endpoints need. */
export interface RestContext {
  readonly connector: Connector;
  readonly endpoints: Endpoints;
  readonly http: HttpClient;
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signal?: AbortSignal;
  /** `normal` when absent. */
  readonly priority?: CallPriority;
  /** Waits for budget at most so long; longer ones are an error, since the caller should know rather than hang. */
  readonly longestWaitMs?: number;
  /** Gets each accepted answer as received, e.g. for a recording. Must not throw. */
  readonly onAnswer?: (url: string, body: Buffer) => void;
}

const LONGEST_WAIT_MS = 90_000;
/** A call whose answer is not reported by then counts as answered. */
const REPORT_MS = 5000;

/**
 * One public request within the exchange's budget.
 * @throws ArbotError ARB_RATE_LIMITED when the exchange wants silence, ARB_EXCHANGE_ERROR for another status than 200, or
 * what the HTTP port rejects with.
 */
export async function callRest(context: RestContext, request: RestRequest): Promise<Buffer> {
  return (await ask(context, request)).body;
}

async function ask(context: RestContext, request: RestRequest): Promise<HttpResponse> {
  const { http, limiter, clock } = context;
  const permit = await admitted(context, request);
  const { timeoutMs, maxBodyBytes } = request;
  const url = context.endpoints.restUrl + request.path;
  const method = request.method ?? 'GET';
  try {
    const response = await http.request({ method, url, timeoutMs, maxBodyBytes }, context.signal);
    limiter.settle(permit, clock.monotonicMs());
    checkAccepted(context, request, response);
    context.onAnswer?.(url, response.body);
    return response;
  } finally {
    limiter.settle(permit, clock.monotonicMs());
  }
}

/** Waits until the call fits the budget. */
async function admitted(context: RestContext, { costs, timeoutMs }: RestRequest): Promise<Permit> {
  const { limiter, clock, timers, priority, longestWaitMs = LONGEST_WAIT_MS } = context;
  const startedMs = clock.monotonicMs();
  for (;;) {
    const nowMs = clock.monotonicMs();
    const permit = limiter.tryHold(costs, nowMs, timeoutMs + REPORT_MS, priority);
    if (typeof permit !== 'number') return permit;
    if (nowMs + permit - startedMs > longestWaitMs) throw limited(context, permit);
    // Whole ms: a wait too short to move a clock of fractions would end where it began, and ask again at once.
    await new Promise<void>((resolve) => timers.setTimer(resolve, Math.ceil(permit)));
    context.signal?.throwIfAborted();
  }
}

function checkAccepted(context: RestContext, request: RestRequest, response: HttpResponse): void {
  const { limiter, clock } = context;
  const { status, headers } = response;
  const paused = limiter.observe(status, headers, clock.monotonicMs(), request.costs);
  if (paused > 0) throw limited(context, paused);
  if (status === 200) return;
  const path = request.path.split('?', 1)[0]!;
  throw new ArbotError('ARB_EXCHANGE_ERROR', `${context.connector.exchange} answered ${status} to ${path}`, {
    retryable: status >= 500,
  });
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
  const { rest } = context.connector;
  const body = await callRest(context, rest.instruments(symbols));
  const { answers } = await loadDetails(context, body, () => true);
  return rest.parseInstruments(body, lookup, answers);
}

/** What a list of markets lacks, about those that are wanted; nothing where it is complete. */
export async function loadDetails(
  context: RestContext,
  list: Buffer,
  isWanted: (market: ListedMarket) => boolean,
): Promise<{ readonly asked: readonly string[] | null; readonly answers: readonly Buffer[] }> {
  const details = context.connector.rest.instrumentDetails;
  if (details === undefined) return { asked: null, answers: [] };
  const asked = details
    .markets(list)
    .filter(isWanted)
    .map(({ symbol }) => symbol);
  const answers: Buffer[] = [];
  for (const some of inChunks(asked, details.marketsPerRequest)) await askDetails(context, some, answers);
  return { asked, answers };
}

/** Deposits and withdrawals per network; null where the exchange tells them only with a key. */
export async function loadWallets(context: RestContext, lookup: TickerLookup): Promise<WalletList | null> {
  const { wallets } = context.connector.rest;
  if (wallets === null) return null;
  return wallets.parse(await callRest(context, wallets.request()), lookup);
}

/** The address of the next connection of an exchange that wants a ticket. `connectionId` is unique. */
export async function fetchAddress(context: RestContext, connectionId: string): Promise<string> {
  const { entrance } = context.connector.capabilities;
  if (entrance.kind === 'direct') return context.endpoints.websocketUrl;
  return entrance.parse(await callRest(context, entrance.request), connectionId, context.endpoints);
}

/** Asks about these markets, and about ever fewer of them while one that the exchange refuses is among them. */
async function askDetails(context: RestContext, symbols: readonly string[], into: Buffer[]): Promise<void> {
  const wanted = context.connector.rest.instrumentDetails!;
  try {
    const body = await callRest(context, wanted.request(symbols));
    wanted.check(body);
    into.push(body);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (symbols.length === 1) return;
    for (const half of inChunks(symbols, Math.ceil(symbols.length / 2)))
      await askDetails(context, half, into);
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof ArbotError && error.code === 'ARB_EXCHANGE_ERROR' && !error.retryable;

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
