import type { TradingConfig } from '../config/index.js';
import type { Terminal } from './output.js';
import { table } from './output.js';

/** One pair as it stands: what the file says and whether it may trade; `followed` = shown and never traded. */
export interface PairLine {
  readonly pair: string;
  readonly state: 'enabled' | 'followed' | 'disabled' | 'blacklisted';
  readonly exchanges: readonly string[];
  readonly directions: string;
  readonly legPolicy: string;
  readonly maxNotional: string;
}

/** The pairs of a configuration, in its order. */
export function pairLines(trading: TradingConfig): PairLine[] {
  const { assets, pairs, exchanges } = trading.blacklist;
  const names = Object.entries(trading.exchanges)
    .filter(([name, one]) => one.enabled && !exchanges.includes(name))
    .map(([name]) => name);
  return trading.pairs.map((entry) => {
    const isBlack =
      pairs.includes(entry.pair) || entry.pair.split('-').some((asset) => assets.includes(asset));
    const listed = entry.directions === 'all' ? null : entry.directions;
    return {
      pair: entry.pair,
      state: isBlack ? 'blacklisted' : !entry.enabled ? 'disabled' : entry.trade ? 'enabled' : 'followed',
      exchanges: names.filter(
        (name) => listed === null || listed.some((one) => one.buy === name || one.sell === name),
      ),
      directions: listed === null ? 'all' : listed.map((one) => `${one.buy}>${one.sell}`).join(' '),
      legPolicy: entry.legPolicy,
      maxNotional: entry.maxNotional ?? trading.sizes.maxNotional,
    };
  });
}

export function printPairs(trading: TradingConfig, asJson: boolean, terminal: Terminal): void {
  const lines = pairLines(trading);
  if (asJson) return terminal.print(JSON.stringify(lines, null, 2));
  const head = ['pair', 'state', 'exchanges', 'directions', 'legs', 'max notional'];
  const rows = lines.map((one) => [
    one.pair,
    one.state,
    one.exchanges.join(' '),
    one.directions,
    one.legPolicy,
    one.maxNotional,
  ]);
  for (const line of table([head, ...rows])) terminal.print(line);
}
