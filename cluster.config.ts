import { defineCluster } from './src/config/index.js';

/**
 * Where ArBot runs. Shape only: no secrets here, only the NAMES of the environment variables that hold them.
 * `npx arbot config check` names every mistake; docs/configuration.md explains every key.
 */
export default defineCluster({
  name: 'arbot',

  // One process per node; here one with every role. Several need NATS and PostgreSQL: docs/cluster.md.
  nodes: [
    {
      name: 'local',
      region: 'local',
      roles: ['feeds', 'detectors', 'trade', 'recorder'],
      dataFolder: '.arbot',
      // The inspection API and the page. Loopback only; the token is generated into the data folder unless the variable is set.
      http: { host: '127.0.0.1', port: 8787, tokenEnv: 'ARBOT_HTTP_TOKEN' },
    },
  ],

  // Over a NATS server instead: { kind: 'nats', urls: ['nats://10.0.0.1:4222'], nkeySeedEnv: 'NATS_NKEY_SEED' }, with the keys of
  // `arbot cluster keys`; or userEnv: 'NATS_USER', passwordEnv: 'NATS_PASSWORD'.
  bus: { kind: 'in-process' },

  stores: {
    // Trades, signals and the ledger. A server instead: { kind: 'postgres', urlEnv: 'PG_URL' }
    trades: { kind: 'pglite' },
    // The newest prices and events, for other programs. A server instead: { kind: 'redis', urlEnv: 'REDIS_URL' }
    prices: { kind: 'in-process' },
    // Books, trades and spreads. A server instead: { kind: 'clickhouse', urlEnv: 'CLICKHOUSE_URL', userEnv: 'CLICKHOUSE_USER',
    // passwordEnv: 'CLICKHOUSE_PASSWORD', database: 'arbot' }; none at all: { kind: 'none' }
    ticks: { kind: 'chdb' },
  },

  // Alerts over Telegram, see docs/alerts.md:
  // alerts: { telegram: { tokenEnv: 'TELEGRAM_TOKEN', chatIds: ['123456789'] } },
});
