import { z } from 'zod';
import * as p from './primitives.js';

/** What happens to actors; every one reaches log, metrics, inspection and (later) Telegram. */
export const supervisionEvent = z.strictObject({
  /** Stable: node, path, incarnation and number. */
  eventId: z.string().min(1).max(240),
  node: z.string().min(1).max(64),
  path: z.string().min(1).max(200),
  incarnation: p.count,
  kind: z.enum([
    'started',
    'crashed',
    'restarting',
    'restarted',
    'stopped',
    'start_failed',
    'hung',
    'abandoned',
    'intensity_reached',
    'escalated',
    'quarantined',
    'probing',
    'recovered',
  ]),
  reason: z.string().max(500),
  /** Delay before the restart or probe, where one is planned. */
  delayMs: z.number().min(0).nullable(),
  restarts: p.count,
  atMs: p.timeMs,
});
export type SupervisionEvent = z.infer<typeof supervisionEvent>;
