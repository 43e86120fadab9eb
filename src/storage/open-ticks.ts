import type { ModeName } from '../messages/primitives.js';
import type { TickStore } from '../ports/tick-store.js';
import { chdbMissing } from './clickhouse/chdb-package.js';
import { openChdbTicks } from './clickhouse/open-chdb.js';
import { openServerTicks, type ClickHouseServer } from './clickhouse/open-server.js';
import type { StorePorts } from './open-stores.js';
import { ReopeningTicks } from './reopening-ticks.js';

/** Where ticks are kept. */
export type TickChoice =
  | { readonly kind: 'chdb'; readonly folder: string }
  | { readonly kind: 'clickhouse'; readonly server: ClickHouseServer }
  | { readonly kind: 'none' };

/**
 * Opens a tick store and waits until it stands; `mode` null reads one of any mode. Rejects as `openChdbTicks` and
 * `openServerTicks`.
 */
export function openTicks(
  choice: Exclude<TickChoice, { kind: 'none' }>,
  mode: ModeName | null,
  ports: StorePorts,
): Promise<TickStore> {
  return choice.kind === 'chdb'
    ? openChdbTicks(choice.folder, mode, ports)
    : openServerTicks(choice.server, mode, ports);
}

/**
 * The tick store of a node, null when there is none: chosen so, or chdb is not on this machine, which is said in one line. Never
 * rejects and never waits: a store that is away is opened later, by itself.
 */
export function ticksOfNode(
  choice: TickChoice,
  mode: ModeName,
  ports: StorePorts,
  chdbIsMissing: () => string | null = chdbMissing,
): TickStore | null {
  if (choice.kind === 'none') return null;
  const missing = choice.kind === 'chdb' ? chdbIsMissing() : null;
  if (missing !== null) {
    ports.log.warn({ reason: missing }, `no tick history: ${missing}; everything else works`);
    return null;
  }
  return new ReopeningTicks(() => openTicks(choice, mode, ports), ports.clock, ports.log);
}
