import type { PortfolioStore } from '../../ports/stores.js';
import { portfolioSnapshot } from '../bodies.js';
import { restore } from '../border.js';
import { jsonOf, textOf, timeOf } from './columns.js';
import type { Db } from './db.js';

const SAVE = `
  insert into portfolio_snapshots (at_ms, currency, equity, realised_net, body)
  values ($1::text::numeric, $2::text, $3::text::numeric, $4::text::numeric, $5::text::jsonb)
  on conflict (currency, at_ms) do nothing`;

const RECENT = `select body::text from portfolio_snapshots order by position desc limit $1::text::int`;

/** Equity snapshots over SQL. The first snapshot of an instant stays: a repeated save adds nothing. */
export function sqlPortfolio(db: Db): PortfolioStore {
  return {
    saveSnapshot: async (snapshot) => {
      const { atMs, currency, equity, realisedNet } = snapshot;
      await db.query(SAVE, [timeOf(atMs), currency, equity, realisedNet, jsonOf(snapshot)]);
    },
    recentSnapshots: async (limit) =>
      (await db.query(RECENT, [String(limit)])).map((row) =>
        restore(portfolioSnapshot, textOf(row, 'body'), 'stored snapshot'),
      ),
  };
}
