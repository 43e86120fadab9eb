import { z } from 'zod';
import { senderName } from './header.js';
import * as p from './primitives.js';

/** Market data between nodes: what one node's feeds wrote, for the quote boards of the others. */

/** Changed books of one exchange, in the layout of board-batch.ts. The bytes begin a buffer of their own and are only read. */
export const boardBatch = z.strictObject({
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes'),
});
export type BoardBatch = z.infer<typeof boardBatch>;

/** A follower lacks books of this exchange: whoever publishes it sends all of them again. */
export const boardWanted = z.strictObject({
  exchange: p.exchangeId,
  node: senderName,
  reason: z.enum(['joined', 'gap', 'silence', 'unknown-book']),
});
export type BoardWanted = z.infer<typeof boardWanted>;
