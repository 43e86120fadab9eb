import { defineCluster } from '../../src/config/index.js';

const roles = ['feeds', 'detectors', 'trade', 'recorder'] as const;

/** A node of `docker compose --profile cluster`: each may do everything, one of them trades, the others stand by. */
const node = (number: number) => ({
  name: `arbot-${number}`,
  region: 'local',
  roles: [...roles],
  dataFolder: '/data',
  http: {
    // All addresses of the container; Compose publishes the port on the host's loopback only, and reading needs the token.
    host: '0.0.0.0',
    port: 8787,
    allowedHosts: [`arbot-${number}`, 'localhost', '127.0.0.1'],
    behindTlsProxy: true,
  },
});

/** Three nodes over one NATS and one PostgreSQL. Names of variables only; their values come from `.env`. */
export default defineCluster({
  name: 'arbot',
  nodes: [node(1), node(2), node(3)],
  bus: { kind: 'nats', urls: ['nats://nats:4222'], userEnv: 'NATS_USER', passwordEnv: 'NATS_PASSWORD' },
  stores: {
    trades: { kind: 'postgres', urlEnv: 'PG_URL' },
    ticks: {
      kind: 'clickhouse',
      urlEnv: 'CLICKHOUSE_URL',
      userEnv: 'CLICKHOUSE_USER',
      passwordEnv: 'CLICKHOUSE_PASSWORD',
      database: 'arbot',
    },
    prices: { kind: 'redis', urlEnv: 'REDIS_URL' },
  },
});
