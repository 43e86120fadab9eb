import { z } from 'zod';
import { ALERT_EVENTS, alertDelivery, DEFAULT_DELIVERY, type AlertEvent } from '../messages/alerts.js';
import { nodeRole, type NodeRole } from '../messages/cluster.js';
import { exchangeId, pairId } from '../messages/primitives.js';
import { ArbotError } from '../messages/errors.js';
import { deployment, environmentFileEnv, ssh } from './deployment.js';
import { bps, durationMs, environmentName, nodeName } from './fields.js';
import type { ConfigProblem } from './problems.js';

/**
 * `cluster.config.ts`: where ArBot runs. Shape only: secrets and addresses with secrets come from the environment, the file
 * holds the names of the variables (ECOSYSTEM conventions; DESIGN §4).
 */

export { nodeRole, type NodeRole };

const region = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower-case letters, digits and hyphens');

const hostName = z
  .string()
  .regex(/^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|::1)$/, 'must be a host name or address');

const http = z.strictObject({
  /** Loopback unless a TLS proxy stands in front. */
  host: hostName.default('127.0.0.1'),
  /** 0 = any free port. */
  port: z.number().int().min(0).max(65_535).default(8787),
  tokenEnv: environmentName.default('ARBOT_HTTP_TOKEN'),
  /** Further `Host` header names that are accepted, for a proxy. */
  allowedHosts: z.array(hostName).max(16).default([]),
  behindTlsProxy: z.boolean().default(false),
});

const node = z.strictObject({
  name: nodeName,
  region,
  roles: z.array(nodeRole).min(1).max(4),
  /** Its weight when feeds, assets and recorders are shared out. */
  capacity: z.number().min(0.01).max(1_000).default(1),
  dataFolder: z.string().min(1).max(500).default('.arbot'),
  http: http.prefault({}),
  /** Of its machine, for ssh. */
  address: hostName.optional(),
  ssh: ssh.prefault({}),
  environmentFileEnv,
});

/** `nats://host:port` or `tls://host:port`, without user or password: those have their own variables. */
const natsUrl = z
  .string()
  .max(300)
  .regex(
    /^(?:nats|tls):\/\/[A-Za-z0-9.[\]:-]+$/,
    'must be nats://host:port or tls://host:port, without user or password',
  );

const filePath = z.string().min(1).max(500);

/** Files of the TLS connection to NATS, as each node finds them; absent `caFile` = the authorities that Node.js trusts. */
const busTls = z.strictObject({
  caFile: filePath.exactOptional(),
  /** This node's own certificate and key, where servers ask for one. */
  certFile: filePath.exactOptional(),
  keyFile: filePath.exactOptional(),
});

const bus = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('in-process') }),
  z.strictObject({
    kind: z.literal('nats'),
    urls: z.array(natsUrl).min(1).max(16),
    userEnv: environmentName.optional(),
    passwordEnv: environmentName.optional(),
    /** Holds this node's nkey seed; instead of user and password. */
    nkeySeedEnv: environmentName.optional(),
    tls: busTls.optional(),
    pingIntervalMs: durationMs.default(1_000),
  }),
]);

const tradeStore = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('pglite') }),
  z.strictObject({ kind: z.literal('postgres'), urlEnv: environmentName }),
  z.strictObject({ kind: z.literal('memory') }),
]);

const priceStore = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('in-process') }),
  z.strictObject({ kind: z.literal('redis'), urlEnv: environmentName }),
]);
/** Where the feed of an exchange may run, by exchange. */
const placement = z.record(
  exchangeId,
  z.strictObject({
    /** In order of preference, and nowhere else; absent = anywhere. */
    regions: z.array(region).min(1).max(16).optional(),
    /** `process`: the feed runs in a process of its own, which is killed when it hangs. */
    isolation: z.enum(['none', 'process']).default('none'),
  }),
);

/** What a node does by the clock. */
const schedule = z.strictObject({
  /** Snapshots of the portfolio are due at whole multiples of it. */
  snapshotIntervalMs: durationMs.min(1_000).default(60_000),
  /** How long after midnight UTC the day before is taken for complete. */
  dailyDelayMs: durationMs.min(1_000).default(120_000),
});

const days = z.number().int().min(1).max(36_500);

/** How long telemetry is kept. Ledger, fills, journal, arbitrages and daily rows are kept for ever. */
const retention = z.strictObject({
  stores: z.enum(['embedded', 'all', 'none']).default('embedded'),
  /** Refused signals; approved ones explain money and stay. */
  signalDays: days.default(30),
  opportunityDays: days.default(14),
  /** Of full density; older days keep their last snapshot. */
  snapshotDays: days.default(90),
});

/** A ClickHouse database: letters, digits and underscores, so that it needs no quoting anywhere. */
const databaseName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be lower-case letters, digits and underscores, such as arbot');

const tickStore = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('chdb') }),
  z.strictObject({
    kind: z.literal('clickhouse'),
    urlEnv: environmentName,
    userEnv: environmentName.optional(),
    passwordEnv: environmentName.optional(),
    database: databaseName.default('arbot'),
  }),
  z.strictObject({ kind: z.literal('none') }),
]);

/** `all` = every pair that is followed. */
const recordedPairs = z.union([z.literal('all'), z.array(pairId).max(1_000)]).default('all');

const recording = z.strictObject({
  books: z
    .strictObject({
      pairs: recordedPairs,
      /** At most one snapshot per instrument within this. */
      intervalMs: z.number().int().min(100).max(3_600_000).default(1_000),
      /** Levels per side. */
      depth: z.number().int().min(1).max(20).default(10),
    })
    .prefault({}),
  trades: z.strictObject({ pairs: recordedPairs }).prefault({}),
  spreads: z.strictObject({ pairs: recordedPairs }).prefault({}),
  /** Rows per table that wait in memory. */
  ringRows: z.number().int().min(16).max(1_000_000).default(32_768),
  batchRows: z.number().int().min(1).max(100_000).default(5_000),
  batchAgeMs: z.number().int().min(100).max(60_000).default(1_000),
  /** Bound of what waits on the disk while the store is away. */
  spoolMaxMegabytes: z.number().int().min(1).max(1_000_000).default(1_024),
});

/** `-1001234567890` is a group, digits alone are a person, `@name` is a public group. */
const chatId = z
  .string()
  .regex(
    /^(?:-?\d{1,20}|@[A-Za-z]\w{3,31})$/,
    'must be the id of a chat, such as 123456789 or -1001234567890',
  );
const chatIds = z.array(chatId).min(1).max(8);

/** The chats of a variable, separated by commas. @throws ArbotError ARB_CONFIG_INVALID, without the text. */
export function chatIdsOf(text: string, where: string): string[] {
  const parsed = chatIds.safeParse(text.split(',').map((part) => part.trim()));
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_CONFIG_INVALID', `${where} must hold 1 to 8 ids of chats, separated by commas`);
}

const userId = z.string().regex(/^\d{1,20}$/, 'must be the id of a user: digits');
/** The token travels in it, so that it is encrypted or stays on the machine. */
const apiRoot = z
  .string()
  .max(300)
  .regex(
    /^(?:https:\/\/[A-Za-z0-9.[\]:-]+|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?)(?:\/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$/,
    'must be https://host, or http:// on loopback, without a slash at its end',
  );

const telegram = z.strictObject({
  tokenEnv: environmentName,
  /** Where alerts go and commands come from; here or, separated by commas, in a variable. */
  chatIds: chatIds.optional(),
  chatIdsEnv: environmentName.optional(),
  /** Who may give commands there; absent = everybody in these chats. */
  users: z.array(userId).min(1).max(32).optional(),
  /** Of one's own Bot API server. */
  apiRoot: apiRoot.optional(),
  commands: z.enum(['none', 'read', 'all']).default('read'),
  /** Base32, for six digits that `/resume` asks for. */
  totpSecretEnv: environmentName.optional(),
});

const deliveries = z.strictObject(
  Object.fromEntries(
    ALERT_EVENTS.map((event) => [event, alertDelivery.default(DEFAULT_DELIVERY[event])]),
  ) as unknown as Record<AlertEvent, z.ZodDefault<typeof alertDelivery>>,
);

/** What people are told, and over what. */
const alerts = z.strictObject({
  telegram: telegram.optional(),
  events: deliveries.prefault({}),
  /** A balance below so many times its reserve is low. */
  lowInventoryFactor: z.number().min(1).max(100).default(1.1),
  /** From which premium of a coin in local money is told, bps of either sign. */
  premium: z
    .strictObject({
      /** Against the executable rate. */
      usdtBps: bps.min(1).default(150),
      /** Against the bank's rate of `fxRates`; absent = that is not told. */
      fxBps: bps.min(1).optional(),
    })
    .prefault({}),
  /** Until a critical alert that nobody acknowledged is told again; doubles, up to an hour. */
  repeatMs: durationMs.min(10_000).default(300_000),
});

export const clusterSchema = z.strictObject({
  name: nodeName.default('arbot'),
  nodes: z.array(node).min(1).max(64),
  bus: bus.prefault({ kind: 'in-process' }),
  placement: placement.default({}),
  recording: recording.prefault({}),
  stores: z
    .strictObject({
      trades: tradeStore.prefault({ kind: 'pglite' }),
      prices: priceStore.prefault({ kind: 'in-process' }),
      ticks: tickStore.prefault({ kind: 'chdb' }),
    })
    .prefault({}),
  schedule: schedule.prefault({}),
  retention: retention.prefault({}),
  alerts: alerts.prefault({}),
  deployment: deployment.prefault({}),
});

export type ClusterConfigInput = z.input<typeof clusterSchema>;
/** The checked file with every default filled in. */
export type ClusterConfig = z.output<typeof clusterSchema>;
export type NodeConfig = ClusterConfig['nodes'][number];
export type BusConfig = ClusterConfig['bus'];

/** Types the object of `cluster.config.ts`; returns it unchanged. */
export function defineCluster(config: ClusterConfigInput): ClusterConfigInput {
  return config;
}

export const LOOPBACK_HOSTS: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

const duplicates = (names: readonly string[]): number[] =>
  names.flatMap((name, index) => (names.indexOf(name) === index ? [] : [index]));

/** Relations between values that a field alone cannot see. */
export function clusterRelations(config: ClusterConfig): Omit<ConfigProblem, 'source'>[] {
  const problems: Omit<ConfigProblem, 'source'>[] = [];
  const refuse = (key: string, message: string): void => void problems.push({ key, message });
  for (const index of duplicates(config.nodes.map((n) => n.name)))
    refuse(`nodes[${index}].name`, 'two nodes have this name');
  config.nodes.forEach((n, index) => {
    for (const role of duplicates(n.roles))
      refuse(`nodes[${index}].roles[${role}]`, 'this role is named twice');
    if (!LOOPBACK_HOSTS.includes(n.http.host) && !n.http.behindTlsProxy)
      refuse(
        `nodes[${index}].http.host`,
        'not a loopback address: set behindTlsProxy once a TLS proxy stands in front',
      );
    if (n.ssh.identityFile !== undefined && n.ssh.identityFileEnv !== undefined)
      refuse(`nodes[${index}].ssh.identityFileEnv`, 'identityFile says it already');
  });
  if (!config.nodes.some((n) => n.roles.includes('trade')))
    refuse('nodes', 'no node has the role trade, so nothing could ever be executed');
  checkRoles(config, refuse);
  checkPlacement(config, refuse);
  if (config.nodes.length > 1 && config.bus.kind === 'in-process')
    refuse('bus.kind', 'several nodes need the bus nats');
  if (config.nodes.length > 1 && config.stores.trades.kind !== 'postgres')
    refuse(
      'stores.trades.kind',
      'several nodes need the store postgres: it holds the lease of who may trade',
    );
  const { ticks } = config.stores;
  if (ticks.kind === 'clickhouse' && ticks.passwordEnv !== undefined && ticks.userEnv === undefined)
    refuse('stores.ticks.userEnv', 'a password needs its user');
  checkBus(config, refuse);
  checkAlerts(config.alerts, refuse);
  return problems;
}

function checkBus({ bus }: ClusterConfig, refuse: (key: string, message: string) => void): void {
  if (bus.kind !== 'nats') return;
  if ((bus.userEnv === undefined) !== (bus.passwordEnv === undefined))
    refuse('bus.passwordEnv', 'userEnv and passwordEnv belong together');
  if (bus.nkeySeedEnv !== undefined && bus.userEnv !== undefined)
    refuse('bus.nkeySeedEnv', 'a node has either an nkey or a user and password');
  if ((bus.tls?.certFile === undefined) !== (bus.tls?.keyFile === undefined))
    refuse('bus.tls.keyFile', 'certFile and keyFile belong together');
  if (bus.tls !== undefined && bus.urls.some((url) => url.startsWith('nats://')))
    refuse(
      'bus.urls',
      'with bus.tls every address begins with tls://, so that no server can be reached without',
    );
}

function checkAlerts(
  { telegram: to }: ClusterConfig['alerts'],
  refuse: (key: string, message: string) => void,
): void {
  if (to === undefined) return;
  if ((to.chatIds === undefined) === (to.chatIdsEnv === undefined))
    refuse('alerts.telegram.chatIds', 'name the chats here, or the variable that holds them in chatIdsEnv');
  if (to.totpSecretEnv !== undefined && to.commands !== 'all')
    refuse('alerts.telegram.totpSecretEnv', 'has an effect only with commands: all');
}

type Refuse = (key: string, message: string) => void;

/** The gate reads back after a restart what the recorder stored, so that no role may be missing. */
function checkRoles({ nodes }: ClusterConfig, refuse: Refuse): void {
  const missing = nodeRole.options.filter((role) => !nodes.some(({ roles }) => roles.includes(role)));
  for (const role of missing)
    if (nodes.length === 1) refuse('nodes[0].roles', `the only node needs the role ${role} too`);
    else if (role !== 'trade') refuse('nodes', `no node has the role ${role}`);
}

function checkPlacement({ nodes, placement: rules }: ClusterConfig, refuse: Refuse): void {
  const regions = new Set(nodes.filter(({ roles }) => roles.includes('feeds')).map((one) => one.region));
  for (const [exchange, rule] of Object.entries(rules)) {
    if (rule.regions === undefined) continue;
    for (const index of duplicates(rule.regions))
      refuse(`placement.${exchange}.regions[${index}]`, 'this region is named twice');
    if (!rule.regions.some((one) => regions.has(one)))
      refuse(`placement.${exchange}.regions`, 'no node with the role feeds is in one of these regions');
  }
}
