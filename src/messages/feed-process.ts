import { z } from 'zod';
import { senderName } from './header.js';
import * as p from './primitives.js';

/**
 * What a node and the process that runs one of its feeds say to each other. Messages of the bus travel inside, as the bytes that also
 * cross nodes. Neither has secrets: market data is public.
 */

const text = z.string().max(10_000);
/** How much longer the exchange wants no REST calls of this machine, as each side has learned. */
const restBlockedMs = z.number().min(0);
const busMessage = z.strictObject({
  kind: z.literal('bus'),
  subject: z.string().min(1).max(300),
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes'),
});

/** Everything that the process has to know; told once, when it says that it is ready. */
const start = z.strictObject({
  kind: z.literal('start'),
  /** Sender of its messages. */
  sender: senderName,
  exchange: p.exchangeId,
  endpoints: z.strictObject({ websocketUrl: z.string(), restUrl: z.string() }),
  instruments: z.array(z.strictObject({ id: p.instrumentId, symbol: z.string().min(1).max(64) })).max(8_192),
  /** Of an exchange behind ccxt: its id there, and which of its codes is which asset. */
  ccxt: z.strictObject({ ccxtId: z.string(), assets: z.record(z.string(), p.assetId) }).nullable(),
  /** Larger than every epoch that the node's board shows of these books. */
  fromEpoch: p.count,
  /** The node's wall clock minus the machine's. */
  wallOffsetMs: z.number().finite(),
  restBlockedMs,
});
export type StartFeed = z.infer<typeof start>;

export const toFeedProcess = z.discriminatedUnion('kind', [
  start,
  busMessage,
  /** The node lives. */
  z.strictObject({ kind: z.literal('beat'), restBlockedMs }),
  z.strictObject({ kind: z.literal('recycle'), reason: text }),
  /** End in order. */
  z.strictObject({ kind: z.literal('stop') }),
]);
export type ToFeedProcess = z.infer<typeof toFeedProcess>;

const fields = z.record(z.string(), z.unknown());

export const fromFeedProcess = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  busMessage,
  /** The process lives; `summary` is the feed's own for inspection, null where it was told just before. */
  z.strictObject({ kind: z.literal('beat'), summary: fields.nullable(), restBlockedMs }),
  z.strictObject({
    kind: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    fields,
    message: text,
  }),
  /** The feed crashed; the process ends now. */
  z.strictObject({ kind: z.literal('crashed'), message: text, stack: text }),
]);
export type FromFeedProcess = z.infer<typeof fromFeedProcess>;
