import type { ClusterConfig } from '../config/index.js';
import type { Endpoint } from './probe.js';

/** Variables of this machine, which the nodes' do not need. */
const LOCAL = new Set(['environmentFileEnv', 'identityFileEnv']);

/** The variables that a node of this configuration reads its secrets from, sorted. */
export function neededVariables(cluster: ClusterConfig): string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      // Without a token for its page a node makes one by itself.
      if (key === 'http') continue;
      if (key.endsWith('Env') && typeof one === 'string' && !LOCAL.has(key)) found.add(one);
      else walk(one);
    }
  };
  walk(cluster);
  return [...found].sort();
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  nats: 4_222,
  tls: 4_222,
  postgres: 5_432,
  postgresql: 5_432,
  redis: 6_379,
  rediss: 6_379,
  http: 80,
  https: 443,
};

/** Bus and stores as a node's machine must reach them. Host and port only: nothing secret of an address. */
export function endpointsOf(cluster: ClusterConfig, environment: ReadonlyMap<string, string>): Endpoint[] {
  const { bus, stores } = cluster;
  const urls: (readonly [string, string | undefined])[] = [
    ...(bus.kind === 'nats' ? bus.urls.map((url) => ['nats', url] as const) : []),
    ...(stores.trades.kind === 'postgres'
      ? [['postgres', environment.get(stores.trades.urlEnv)] as const]
      : []),
    ...(stores.prices.kind === 'redis' ? [['redis', environment.get(stores.prices.urlEnv)] as const] : []),
    ...(stores.ticks.kind === 'clickhouse'
      ? [['clickhouse', environment.get(stores.ticks.urlEnv)] as const]
      : []),
  ];
  return urls.flatMap(([name, url]) => (url === undefined ? [] : endpointOf(name, url)));
}

function endpointOf(name: string, url: string): Endpoint[] {
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  const http = scheme === undefined ? '' : url.replace(/^[a-z]+:/, 'http:');
  if (scheme === undefined || !URL.canParse(http)) return [];
  const { hostname, port } = new URL(http);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return [{ name, host, port: port === '' ? (DEFAULT_PORTS[scheme] ?? 0) : Number(port) }];
}
