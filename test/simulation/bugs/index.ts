import { BOOK_BUGS } from './book.js';
import { DETECTOR_BUGS } from './detectors.js';
import { EXCHANGE_BUGS } from './exchanges.js';
import { EXECUTION_BUGS, LEDGER_BUGS, RISK_BUGS } from './money.js';
import { LEASE_BUGS } from './leases.js';
import { ORDER_ENTRY_BUGS } from './order-entry.js';
import type { PlantedBug } from './planted-bug.js';
import { RECORDING_BUGS } from './recording.js';
import { RUNTIME_BUGS } from './runtime.js';

export const BUGS: readonly PlantedBug[] = [
  ...RUNTIME_BUGS,
  ...BOOK_BUGS,
  ...EXCHANGE_BUGS,
  ...RISK_BUGS,
  ...EXECUTION_BUGS,
  ...LEDGER_BUGS,
  ...LEASE_BUGS,
  ...RECORDING_BUGS,
  ...ORDER_ENTRY_BUGS,
  ...DETECTOR_BUGS,
];

/** Throws naming the known ones. */
export function bugNamed(name: string): PlantedBug {
  const bug = BUGS.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  throw new Error(`--bug: '${name}' is not one of ${BUGS.map((one) => one.name).join(', ')}`);
}
