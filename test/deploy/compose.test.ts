import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../src/config/index.js';
import { createMetrics } from '../../src/http/metrics.js';
import type { InspectionSource } from '../../src/http/source.js';
import { findBinary } from '../servers/server-process.js';

/**
 * The files that start everything in containers. No engine may be at hand, so they are read as the compose specification says:
 * every key is one that it knows, every reference leads somewhere, and nothing secret is in them.
 */

const repository = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

const text = z.string().min(1);
const duration = z.string().regex(/^(?:\d+(?:us|ms|s|m|h))+$/, 'not a duration');
const bytes = z.string().regex(/^\d+(?:\.\d+)?(?:b|k|m|g|kb|mb|gb)$/, 'not a size');
const port = z.string().regex(/^127\.0\.0\.1:\d{1,5}:\d{1,5}$/, 'not bound to the loopback of the host');
const mount = z.string().regex(/^[^:]+:\/[^:]+(?::ro)?$/, 'not a mount');

/** Of the specification what this file uses; a key that is not here is a slip of the pen until somebody adds it. */
const service = z.strictObject({
  image: text.regex(/^[a-z0-9./-]+:[a-z0-9][a-zA-Z0-9._-]*$/, 'not pinned by version'),
  build: z.strictObject({ context: text, dockerfile: text }).optional(),
  profiles: z.array(z.enum(['stores', 'observability', 'app', 'cluster'])).min(1),
  command: z.array(text).optional(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).optional(),
  secrets: z
    .array(z.union([text, z.strictObject({ source: text, mode: z.string().regex(/^0[0-7]{3}$/) })]))
    .optional(),
  volumes: z.array(mount).optional(),
  tmpfs: z.array(text).optional(),
  ports: z.array(port).optional(),
  depends_on: z.record(text, z.strictObject({ condition: z.literal('service_healthy') })).optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], text),
    interval: duration,
    timeout: duration,
    retries: z.number().int().min(1),
    start_period: duration,
  }),
  deploy: z.strictObject({
    resources: z.strictObject({
      limits: z.strictObject({
        cpus: z.string().regex(/^\d+(?:\.\d+)?$/),
        memory: bytes,
        pids: z.number().int().min(1),
      }),
    }),
  }),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
  stop_grace_period: duration,
  security_opt: z.array(text),
  logging: z.strictObject({ driver: text, options: z.record(text, z.string()) }),
  ulimits: z.record(text, z.strictObject({ soft: z.number(), hard: z.number() })).optional(),
  shm_size: bytes.optional(),
  init: z.boolean().optional(),
  stop_signal: z.literal('SIGINT').optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(text).optional(),
  cap_add: z.array(text).optional(),
});

const composeFile = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/),
  services: z.record(z.string().regex(/^[a-zA-Z0-9._-]+$/), service),
  secrets: z.record(text, z.strictObject({ environment: z.string().regex(/^[A-Z][A-Z0-9_]*$/) })),
  volumes: z.record(text, z.null()),
});

const source = read('docker-compose.yml');
const raw = parse(source, { merge: true }) as Record<string, unknown>;
const compose = composeFile.parse(raw);
const services = Object.entries(compose.services);

/** `.env.example` as Compose reads it. */
const example = new Map(
  read('.env.example')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
);

const interpolated = [...source.matchAll(/(?<!\$)\$\{([^}:]+)(:?[-?][^}]*)?\}/g)].map(
  ([, name = '', rest = '']) => ({ name, rest }),
);

t.test('the compose file has only keys that the specification knows, where it knows them', async (t) => {
  t.same(
    Object.keys(raw).filter(
      (key) =>
        !['name', 'services', 'secrets', 'volumes', 'networks', 'configs'].includes(key) &&
        !key.startsWith('x-'),
    ),
    [],
  );
  t.same(Object.keys(compose.services).sort(), [
    ...[
      'alloy',
      'arbot',
      'arbot-1',
      'arbot-2',
      'arbot-3',
      'clickhouse',
      'grafana',
      'loki',
      'nats',
      'postgres',
    ],
    ...['prometheus', 'redis'],
  ]);
  const wrong: readonly (readonly [string, string])[] = [
    ['image: redis:7.4.6-bookworm', 'image: redis'],
    ["'127.0.0.1:6379:6379'", "'6379:6379'"],
    ["'127.0.0.1:6379:6379'", "'0.0.0.0:6379:6379'"],
    ['profiles: [observability]', 'profile: observability'],
    ['condition: service_healthy', 'condition: service_started'],
    ['memory: 768m', 'memory: lots'],
    [
      'healthcheck:\n      <<: *healthcheck\n      test: [CMD-SHELL',
      'healthchek:\n      <<: *healthcheck\n      test: [CMD-SHELL',
    ],
  ];
  for (const [good, bad] of wrong) {
    t.ok(source.includes(good), good);
    t.equal(composeFile.safeParse(parse(source.replace(good, bad), { merge: true })).success, false, bad);
  }
});

t.test('every reference leads somewhere', async (t) => {
  const used = services.flatMap(([name, one]) =>
    (one.volumes ?? []).map((volume) => ({ name, from: volume.split(':')[0]! })),
  );
  for (const { name, from } of used)
    if (from.startsWith('./')) t.ok(existsSync(join(repository, from)), `${name}: ${from}`);
    else t.ok(from in compose.volumes, `${name}: volume ${from}`);
  for (const volume of Object.keys(compose.volumes))
    t.ok(
      used.some(({ from }) => from === volume),
      volume,
    );
  const secrets = services.flatMap(([, one]) =>
    (one.secrets ?? []).map((secret) => (typeof secret === 'string' ? secret : secret.source)),
  );
  t.same([...new Set(secrets)].sort(), Object.keys(compose.secrets).sort());
  for (const [name, { secrets: own = [], read_only: readOnly }] of services)
    t.notOk(
      readOnly === true && own.length > 0,
      `${name}: a secret of the environment cannot be copied into a read-only container`,
    );
  for (const [name, { depends_on: needs = {}, profiles }] of services)
    for (const needed of Object.keys(needs)) {
      const its = compose.services[needed]?.profiles ?? [];
      t.ok(
        profiles.every((profile) => its.includes(profile)),
        `${name} finds ${needed} in each of its profiles`,
      );
    }
  const of = (profile: 'stores' | 'observability' | 'app' | 'cluster') =>
    services
      .filter(([, { profiles }]) => profiles.includes(profile))
      .map(([name]) => name)
      .sort();
  t.same(of('stores'), ['clickhouse', 'nats', 'postgres', 'redis']);
  t.same(of('observability'), ['alloy', 'grafana', 'loki', 'prometheus']);
  t.same(of('app'), ['arbot', 'clickhouse', 'nats', 'postgres', 'redis']);
  t.same(of('cluster'), ['arbot-1', 'arbot-2', 'arbot-3', 'clickhouse', 'nats', 'postgres', 'redis']);
});

t.test(
  'nothing secret is in the file, and every variable of it is in .env.example, without a value',
  async (t) => {
    for (const [name, { environment = {} }] of services)
      for (const [key, value] of Object.entries(environment))
        if (/PASSWORD|TOKEN|SECRET/.test(key + value) && !key.endsWith('_FILE'))
          t.match(value, /\$\{[A-Z_]+:\?/, `${name}.${key} comes from outside, or nothing starts`);
    t.notMatch(source, /:\/\/[^\s$@/]*:[^\s$@/]+@/, 'no password in an address');
    const variables = new Set([
      ...interpolated.map(({ name }) => name),
      ...Object.values(compose.secrets).map((secret) => secret.environment),
    ]);
    t.ok(variables.size >= 8);
    for (const name of variables) t.ok(example.has(name), `${name} is in .env.example`);
    for (const [name, value] of example) t.equal(value, '', `${name} has no default that could work`);
    for (const { name, rest } of interpolated) t.match(rest, /^:[?-]/, `${name}: empty is as good as absent`);
  },
);

t.test('.env.example has every variable that the configuration examples name', async (t) => {
  const files = [
    'cluster.config.ts',
    'deploy/config/cluster.config.ts',
    'deploy/config-cluster/cluster.config.ts',
  ];
  const named = files.flatMap((file) =>
    [...read(file).matchAll(/\b\w+Env: '([A-Z][A-Z0-9_]+)'/g)].map((match) => match[1]!),
  );
  t.ok(named.includes('PG_URL') && named.includes('REDIS_URL'));
  for (const name of named) t.ok(example.has(name), name);
  t.notMatch(read('.gitignore'), /^\.env\.example$/m);
  t.match(read('.gitignore'), /^\.env$/m, 'the filled in copy is ignored');
  t.match(read('.dockerignore'), /^\.env$/m, 'and is not in the image');
});

t.test(
  'the configuration of the node in containers is valid, and reaches what the file starts',
  async (t) => {
    const { cluster, trading, node } = await loadConfig({
      folder: join(repository, 'deploy/config'),
      environment: {},
    });
    t.ok(trading.pairs.length > 0);
    const { environment = {}, ports = [] } = compose.services['arbot']!;
    const hosts = [
      ...(cluster.bus.kind === 'nats' ? cluster.bus.urls : []),
      ...Object.values(environment).filter((value) => value.includes('://')),
    ].map((url) => new URL(url.replaceAll(/\$\{[^}]*\}/g, 'x').replace(/^\w+:/, 'http:')).hostname);
    for (const host of hosts) t.ok(host in compose.services, host);
    const needed = JSON.stringify(cluster).match(/(?<=Env":")[A-Z_]+/g) ?? [];
    for (const name of needed) t.ok(name in environment, `${name} is handed to the container`);
    t.same(ports, [`127.0.0.1:${node.http.port}:${node.http.port}`]);
    t.ok(node.http.allowedHosts.includes('arbot'), 'Prometheus asks under this name');
  },
);

t.test(
  'each node of the cluster profile is one of its configuration, with a folder and a port of its own',
  async (t) => {
    const folder = join(repository, 'deploy/config-cluster');
    const { cluster } = await loadConfig({ folder, environment: {} });
    t.equal(cluster.nodes.length, 3);
    const [ports, volumes] = [new Set<string>(), new Set<string>()];
    for (const { name, http } of cluster.nodes) {
      const its = compose.services[name]!;
      const { environment = {}, command = [] } = its;
      t.equal(environment['ARBOT_NODE'], name);
      t.ok(command.includes('/app/deploy/config-cluster'));
      t.equal((await loadConfig({ folder, environment })).node.name, name);
      for (const variable of JSON.stringify(cluster).match(/(?<=Env":")[A-Z_]+/g) ?? [])
        t.ok(variable in environment, `${variable} is handed to ${name}`);
      t.equal(its.stop_signal, 'SIGINT', 'the ordered stop');
      t.match(its.ports, [new RegExp(`^127\\.0\\.0\\.1:\\d+:${http.port}$`)]);
      t.ok(http.allowedHosts.includes(name), 'Prometheus asks under this name');
      ports.add(its.ports!.join());
      volumes.add(its.volumes!.join());
    }
    t.equal(ports.size, 3);
    t.equal(volumes.size, 3);
    const compared = ({ volumes: _v, ports: _p, environment: _e, ...rest }: z.infer<typeof service>) => rest;
    t.same(compared(compose.services['arbot-2']!), compared(compose.services['arbot-1']!));
    t.same(compared(compose.services['arbot-3']!), compared(compose.services['arbot-1']!));
  },
);

t.test(
  'the image is made of files that are there, runs as nobody in particular, and on a Node that is new enough',
  async (t) => {
    const lines = read('deploy/Dockerfile').split('\n');
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    t.ok(copied.length > 8);
    for (const path of copied) t.ok(existsSync(join(repository, path)), path);
    const ignored = read('.dockerignore').split('\n');
    for (const path of copied) t.notOk(ignored.includes(path.split('/')[0]!), `${path} is not ignored`);
    for (const line of lines.filter((one) => one.startsWith('FROM ')))
      t.match(line, /^FROM node:20\.(?:19|[2-9]\d)\.\d+-bookworm-slim/);
    t.ok(lines.includes('USER node'));
  },
);

const prometheus = z.object({
  scrape_configs: z.array(
    z.object({
      job_name: text,
      authorization: z.object({ credentials_file: text }).optional(),
      static_configs: z.array(z.object({ targets: z.array(text) })),
    }),
  ),
});

t.test('Prometheus asks the node with its token, and Alloy sends to Loki', async (t) => {
  const { scrape_configs: jobs } = prometheus.parse(parse(read('deploy/prometheus/prometheus.yml')));
  const arbot = jobs.find(({ job_name: name }) => name === 'arbot');
  t.same(arbot?.static_configs, [
    { targets: [1, 2, 3].reduce((all, n) => [...all, `arbot-${n}:8787`], ['arbot:8787']) },
  ]);
  t.equal(arbot?.authorization?.credentials_file, '/run/secrets/arbot_http_token');
  const alloy = read('deploy/alloy/config.alloy');
  t.match(alloy, /http:\/\/loki:3100\/loki\/api\/v1\/push/);
  t.match(alloy, /__path__ = "\/data\/\*\/arbot\.log"/);
  t.match(alloy, /__path__ = "\/nodes\/\*\/\*\/arbot\.log"/);
  t.ok(compose.services['alloy']?.volumes?.includes('arbot-data:/data:ro'));
  for (const n of [1, 2, 3])
    t.ok(compose.services['alloy']?.volumes?.includes(`arbot-${n}-data:/nodes/${n}:ro`));
  t.match(parse(read('deploy/loki/loki.yml')), { auth_enabled: false, server: { http_listen_port: 3100 } });
  const promtool = findBinary('promtool');
  if (promtool !== null) {
    // The token's file is only in the container.
    const checked = spawnSync(promtool, [
      'check',
      'config',
      '--syntax-only',
      join(repository, 'deploy/prometheus/prometheus.yml'),
    ]);
    t.equal(checked.status, 0, checked.stderr.toString());
  }
  const nats = findBinary('nats-server');
  if (nats !== null) {
    const environment = { ...process.env, NATS_USER: 'arbot', NATS_PASSWORD: 'a-password' };
    const checked = spawnSync(nats, ['-t', '-c', join(repository, 'deploy/nats/nats.conf')], {
      env: environment,
    });
    t.equal(checked.status, 0, checked.stderr.toString());
  }
});

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly title: string;
    readonly datasource: { readonly type: string; readonly uid: string };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const inspection = {
  path: 'node/x',
  kind: 'x',
  restarts: 1,
  crashes: 1,
  handled: 1,
  dropped: 1,
  mailboxDepth: 1,
  handlingP50Ms: 1,
  handlingP99Ms: 1,
};
const feed = {
  exchange: 'okx',
  state: 'live',
  ageMs: 1,
  latencyMs: 1,
  messages: 1,
  gaps: 1,
  reconnects: 1,
  invalidFrames: 1,
  fallbackFrames: { books: 1 },
  books: [],
};

/** A node that has one of everything. */
const node = {
  node: 'n',
  mode: 'PAPER',
  version: '0',
  actors: () => ({ path: 'node/x', inspection, children: [] }),
  deadLetters: () => ({ byReason: { full: 1 } }),
  feeds: () => [feed],
  killSwitch: () => ({ engaged: false }),
  lease: () => ({ held: true, fence: 1 }),
  portfolio: () => ({ latest: { currency: 'USDT', equity: '1', realisedNet: '1' } }),
  counters: () => ({
    bus: {
      state: 'connected',
      published: 1,
      delivered: 1,
      droppedStale: 0,
      droppedInvalid: 0,
      droppedFull: 0,
      handlerErrors: 0,
    },
    opportunities: [{ phase: 'refused', reason: 'NET_EDGE', count: 1 }],
    arbitrages: [{ outcome: 'completed', count: 1 }],
    ticks: null,
    prices: {
      connected: true,
      reconnects: 0,
      foreignValues: 0,
      waiting: 0,
      books: { written: 1, outdated: 0, failed: 0 },
      events: { written: 1, dropped: 0, failed: 0 },
    },
  }),
} as unknown as InspectionSource;

/** Every series that a node shows, by name, with its labels. */
async function knownSeries(): Promise<Map<string, Set<string>>> {
  const known = new Map<string, Set<string>>();
  for (const line of (await createMetrics(node).scrape()).split('\n')) {
    const [, name, labels = ''] = /^(arbot_\w+)\{([^}]*)\}/.exec(line) ?? [];
    if (name === undefined) continue;
    const seen = known.get(name) ?? new Set();
    known.set(name, seen);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) seen.add(label);
  }
  return known;
}

t.test('every series of the dashboard exists, with the labels it asks for', async (t) => {
  const files = readdirSync(join(repository, 'deploy/grafana/dashboards'));
  t.same(files, ['arbot.json']);
  const { panels, uid } = JSON.parse(read('deploy/grafana/dashboards/arbot.json')) as Dashboard;
  t.equal(uid, 'arbot-node');
  const sources = z
    .object({ datasources: z.array(z.object({ uid: text, type: text, url: z.url() })) })
    .parse(parse(read('deploy/grafana/provisioning/datasources/datasources.yml'))).datasources;
  for (const { url } of sources) t.ok(new URL(url).hostname in compose.services, url);
  const known = await knownSeries();
  let seen = 0;
  for (const { title, datasource, targets } of panels) {
    t.ok(
      sources.some((one) => one.uid === datasource.uid && one.type === datasource.type),
      title,
    );
    if (datasource.type !== 'prometheus') continue;
    for (const { expr } of targets) {
      const names = [...expr.matchAll(/\barbot_[a-z0-9_]+/g)].map(([name]) => name);
      t.ok(names.length > 0, `${title}: ${expr}`);
      for (const name of names) {
        seen++;
        const labels = known.get(name);
        t.ok(labels !== undefined, `${title}: ${name} exists`);
        const asked = [
          ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((match) => match[1]!.split(/,\s*/)),
          ...[...expr.matchAll(/[{,]\s*(\w+)\s*[=!]~?"/g)].map((match) => match[1]!),
        ];
        for (const label of asked) t.ok(labels?.has(label), `${title}: ${name}{${label}}`);
      }
    }
  }
  t.ok(seen >= 25, `${seen} series`);
  t.match(parse(read('deploy/grafana/provisioning/dashboards/dashboards.yml')), {
    providers: [{ options: { path: '/var/lib/grafana-dashboards' } }],
  });
  t.ok(
    compose.services['grafana']?.volumes?.some((volume) => volume.includes(':/var/lib/grafana-dashboards')),
  );
});

t.test('no file of the deployment is executable or holds a password of its own', async (t) => {
  const below = (folder: string): string[] =>
    readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? below(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    );
  for (const path of below('deploy')) {
    t.equal(statSync(join(repository, path)).mode & 0o111, 0, path);
    t.notMatch(read(path), /password\s*[:=]\s*["']?[a-z0-9]{4,}/i, path);
  }
});
