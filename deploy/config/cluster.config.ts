import { defineCluster } from '../../src/config/index.js';

/** The node of docker-compose.yml: every store is a server of its own. Names of variables only; their values come from `.env`. */
export default defineCluster({
  name: 'arbot',
  nodes: [
    {
      name: 'compose',
      region: 'local',
      roles: ['feeds', 'detectors', 'trade', 'recorder'],
      dataFolder: '/data',
      http: {
        // All addresses of the container; Compose publishes the port on the host's loopback only, and reading needs the token.
        host: '0.0.0.0',
        port: 8787,
        allowedHosts: ['arbot', 'localhost', '127.0.0.1'],
        behindTlsProxy: true,
      },
    },
  ],
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
