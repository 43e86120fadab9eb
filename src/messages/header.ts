import { z } from 'zod';
import * as p from './primitives.js';

/** Everything of a message but its body. */

export const senderName = z
  .string()
  .max(120)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'not a valid sender');

export const messageHeader = z.strictObject({
  /** Follows one cause through every stage. */
  traceId: p.traceId,
  /** The node or part that sent it. */
  sender: senderName,
  /** Wall time at which it was handed to the bus, Unix ms. */
  sentAtMs: p.timeMs,
  /** Of a request, repeated in its reply; absent in published messages. */
  id: p.entityId.exactOptional(),
});
export type MessageHeader = Readonly<z.infer<typeof messageHeader>>;
