import { ArbotError } from '../../messages/errors.js';
import type { ModeName } from '../../messages/primitives.js';
import type { SettingsStore } from '../../ports/stores.js';
import { only, textOf } from './columns.js';
import type { Db } from './db.js';

const CLAIM = `insert into installation (mode) values ($1::text) on conflict (singleton) do nothing`;
const CLAIMED = `select mode from installation`;
const GET = `select value from settings where key = $1::text`;
const SET = `
  insert into settings (key, value) values ($1::text, $2::text)
  on conflict (key) do update set value = excluded.value, updated_at = now()`;

/** The refusal of a store that was written in another mode. */
export function mixedMode(location: string, written: string, wanted: ModeName): ArbotError {
  return new ArbotError(
    'ARB_MODE_MIXED',
    `${location} holds ${written} data and cannot be used in ${wanted} mode; choose another data folder or database`,
  );
}

/** Settings and the mode stamp over SQL. */
export function sqlSettings(db: Db): SettingsStore {
  return {
    claimMode: async (mode) => {
      const results = await db.transaction([
        { sql: CLAIM, values: [mode] },
        { sql: CLAIMED, values: [] },
      ]);
      const written = textOf(only(results[1]), 'mode');
      if (written !== mode) throw mixedMode(db.location, written, mode);
    },
    get: async (key) => (await db.query(GET, [key]))[0]?.['value'] ?? null,
    set: async (key, value) => {
      await db.query(SET, [key, value]);
    },
  };
}
