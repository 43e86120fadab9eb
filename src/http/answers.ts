import { z } from 'zod';
import { feedState, instrumentState } from '../messages/feed.js';
import { gatewayStatus } from '../messages/gateway.js';
import { arbitrageClosed } from '../messages/order.js';
import { premiumReport } from '../messages/premium.js';
import * as p from '../messages/primitives.js';
import { explanation, profitAndLossReport } from '../messages/reports.js';
import { limitsChanged } from '../messages/risk-control.js';
import { haltPolicy, verdict } from '../messages/risk.js';
import { opportunityEvent, signal } from '../messages/signal.js';
import { supervisionEvent } from '../messages/supervision.js';
import { actorState, deadLetters } from './cluster-answers.js';

/** What the API answers about this node, as schemas: the OpenAPI document is made of them, and a test holds answers against them. */

const number = z.number().finite();
const moment = number.nullable();
const words = z.string();

export const health = z.object({
  ok: z.boolean(),
  checks: z.array(z.object({ name: words, ok: z.boolean(), detail: words })),
});

export const killSwitch = z.object({
  engaged: z.boolean(),
  /** Absent = `freeze`. */
  policy: haltPolicy.optional(),
  reason: words,
  by: words,
  atMs: moment,
});

export const haltReport = z.object({
  engaged: z.boolean(),
  policy: haltPolicy,
  reason: words,
  by: words,
  atMs: number,
  accounts: z.array(
    z.object({
      exchange: p.exchangeId,
      unsettled: p.count,
      emptyAtMs: moment,
      equalAtMs: moment,
      unexplained: gatewayStatus.shape.unexplained,
    }),
  ),
  arbitrages: z.object({ running: moment, ended: p.count, flagged: z.array(words) }),
  residues: z.array(z.object({ asset: p.assetId, amount: p.decimalText })),
  isProven: z.boolean(),
});

const lease = z.object({ held: z.boolean(), fence: moment, detail: words }).nullable();

export const status = z.object({
  mode: p.modeName,
  node: words,
  version: words,
  startedAtMs: number,
  ready: z.boolean(),
  killSwitch,
  lease,
  stores: z.array(z.object({ name: words, engine: words, location: words, unsafeForLive: z.array(words) })),
});

export const inspection = z.object({
  path: words,
  node: words,
  kind: words,
  state: actorState,
  summary: z.record(z.string(), z.unknown()),
  incarnation: p.count,
  mailboxDepth: p.count,
  mailboxCapacity: p.count,
  sent: p.count,
  handled: p.count,
  dead: p.count,
  dropped: p.count,
  conflated: p.count,
  handledPerSecond: number,
  handlingP50Ms: number,
  handlingP99Ms: number,
  crashes: p.count,
  restarts: p.count,
  lastError: z.object({ message: words, stack: words, atMs: number }).nullable(),
  startedAtMs: moment,
  watchers: z.array(words),
});

/** The supervision tree; what a supervisor knows of a child beyond this may be there too. */
export const actorTree = z.looseObject({
  id: words,
  path: words,
  kind: z.enum(['worker', 'supervisor']),
  restart: words,
  strategy: words.nullable(),
  state: actorState,
  inspection,
  get children() {
    return z.array(actorTree);
  },
});

const latency = { latencyMs: moment, latencyP99Ms: moment };
export const feeds = z.array(
  z.object({
    exchange: p.exchangeId,
    state: feedState,
    reason: words,
    ageMs: moment,
    messages: p.count,
    messagesPerSecond: number,
    gaps: p.count,
    reconnects: p.count,
    invalidFrames: p.count,
    fallbackFrames: z.record(z.string(), number),
    ...latency,
    resyncs: p.count,
    rateLimited: p.count,
    connections: z.array(z.object({ phase: words, symbols: p.count, ageMs: moment, rollovers: p.count })),
    books: z.array(
      z.object({
        instrument: p.instrumentId,
        trusted: z.boolean(),
        ageMs: moment,
        bid: moment,
        ask: moment,
        state: feedState,
        market: instrumentState.nullable(),
        messagesPerSecond: number,
        gaps: p.count,
        resyncs: p.count,
        ...latency,
      }),
    ),
  }),
);

export const portfolio = z.object({
  latest: z
    .object({
      atMs: number,
      currency: p.assetId,
      equity: p.decimalText,
      realisedNet: p.decimalText,
      holdings: z.array(
        z.object({
          exchange: p.exchangeId,
          asset: p.assetId,
          amount: p.decimalText,
          mark: p.decimalText.nullable(),
        }),
      ),
    })
    .nullable(),
  realisedToday: p.decimalText,
  arbitragesToday: p.count,
});

export const risk = z.object({
  atMs: number,
  currency: words,
  rules: z.array(
    z.object({
      rule: words,
      meaning: words,
      keys: z.array(words),
      limit: words.nullable(),
      unit: words.nullable(),
      readings: z.array(
        z.object({
          subject: words,
          limit: words,
          actual: words,
          headroom: words.nullable(),
          unit: words,
          isStopped: z.boolean(),
        }),
      ),
    }),
  ),
  breakers: z.array(z.looseObject({ subject: words, state: words })),
  health: z.array(z.looseObject({ exchange: p.exchangeId, score: number })),
  alarms: z.array(z.looseObject({ detector: words, instrument: words })),
  holds: z.array(z.looseObject({ source: words, reason: words })),
  exposure: z.object({
    gross: words,
    net: words,
    byAsset: z.record(z.string(), words),
    unpriced: z.array(words),
  }),
  inFlight: p.count,
  limits: z.object({
    version: p.count,
    overrides: z.record(z.string(), z.union([words, number])),
    inForce: z.record(z.string(), z.unknown()),
  }),
});

export const opportunities = z.array(opportunityEvent);
export const signals = z.array(z.object({ signal, verdict }));
export const trades = z.array(arbitrageClosed);
export const changesOfLimits = z.array(limitsChanged);
export const premiums = premiumReport;
export const accounts = z.array(gatewayStatus);
export const events = z.array(supervisionEvent);
export { deadLetters, explanation, limitsChanged, profitAndLossReport };

export const problem = z.object({ code: words, message: words });
