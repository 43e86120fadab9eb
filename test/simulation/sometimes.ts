import { FAULT_KINDS } from './fault-plan.js';

/** What a set of seeds should come across; an empty run proves nothing. */
const POINTS = [
  'verdict approved',
  'verdict refused',
  'order filled',
  'order partially_filled',
  'order expired',
  'order rejected',
  'recovery order',
  'outcome completed',
  'outcome partial',
  'outcome unwound',
  'outcome failed',
  'outcome flagged',
  'process restarted',
  'process gave up',
  ...[
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
  ].map((kind) => `supervision ${kind}`),
  ...[
    'ASSET_EXPOSURE',
    'BOOK_AGE',
    'BOOK_RESYNCED',
    'BOOK_UNTRUSTED',
    'CLOCK_SKEW',
    'DUPLICATE_SIGNAL',
    'EXCHANGE_EXPOSURE',
    'INVENTORY',
    'KILL_SWITCH',
    'NET_EDGE',
    'ORDER_EXPOSURE',
    'RISK_HOLD',
    'SIGNAL_EXPIRED',
    'TOO_GOOD',
    'TOTAL_EXPOSURE',
  ].map((rule) => `refused ${rule}`),
  ...FAULT_KINDS.map((kind) => `fault ${kind}`),
];

/** The points that none of the seeds came to. */
export function neverReached(reached: ReadonlyMap<string, number>): string[] {
  return POINTS.filter((point) => !reached.has(point));
}
