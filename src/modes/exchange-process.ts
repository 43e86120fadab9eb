import type { TradingConfig } from '../config/index.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Logger } from '../ports/log.js';
import type { Clock, Timers } from '../ports/time.js';
import { BRIDGED_PLANTS, WATCHED_PLANTS } from '../simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../simulator/server.js';
import type { ExchangesFile } from './exchanges-file.js';
import { seedNumber, simulatedName, simulatedPairs } from './markets.js';
import { enabledExchanges, enabledPairs, openingsOf } from './parameters.js';

/**
 * Simulated exchanges as a process of their own: they outlive a node that is killed, as real ones do. Where they are and how to
 * sign is in one small file that only its owner may read.
 */

export interface ExchangeProcessOptions {
  readonly trading: TradingConfig;
  /** Null = every enabled one. */
  readonly exchanges: readonly ExchangeId[] | null;
  readonly seed: string;
  /** Real time. */
  readonly time: Clock & Timers;
  readonly log: Logger;
}

/** Starts the exchanges in use with their accounts opened as configured. Rejects when a port cannot be bound. */
export async function openExchanges(options: ExchangeProcessOptions): Promise<SimulatedExchanges> {
  const { trading, exchanges, seed, time, log } = options;
  const enabled = enabledExchanges(trading).map(([exchange]) => exchange);
  const used = enabled.filter((exchange) => exchanges?.includes(exchange) ?? true);
  const pairs = enabledPairs(trading).map(({ pair }) => pair);
  const running = await startSimulatedExchanges({
    seed: seedNumber(seed),
    clock: time,
    timers: time,
    log,
    exchanges: used.map(simulatedName),
    pairs: simulatedPairs({ pairs, exchanges: used, log }),
    plants: trading.bridge === 'none' ? WATCHED_PLANTS : BRIDGED_PLANTS,
  });
  const openings = openingsOf(trading);
  for (const [exchange, account] of Object.entries(running.accounts))
    account.open(openings.filter((one) => one.exchange === exchange));
  return running;
}

/** What a node has to know of them. */
export function describeExchanges(
  running: SimulatedExchanges,
  pid: number,
  startedAtMs: number,
): ExchangesFile {
  const exchanges: ExchangesFile['exchanges'] = {};
  for (const [exchange, { ws, rest }] of Object.entries(running.endpoints)) {
    const account = running.accounts[simulatedName(exchange)];
    exchanges[exchange] = {
      ws,
      rest,
      credentials: account === undefined ? null : { ...account.credentials },
    };
  }
  return { version: 1, pid, startedAtMs, exchanges };
}
