import { connect } from 'node:net';
import { z } from 'zod';
import { LOOPBACK_HOSTS, secretOf, type ClusterConfig, type Environment } from '../config/index.js';
import { errorText } from '../messages/errors.js';
import { tickChoiceOf } from '../modes/tick-choice.js';
import type { Logger } from '../ports/log.js';
import type { StoreDescription } from '../ports/stores.js';
import type { Clock, Timers } from '../ports/time.js';
import type { Finding } from './finding.js';

/** Each store in use: version, where, how far away, what it promises to keep, and what makes it unfit for real money. */

export interface StoreQuestion {
  readonly cluster: ClusterConfig;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** What was found out about a store; a look that fails rejects with the reason. */
interface Facts {
  readonly engine: string;
  readonly location: string;
  /** Null for what was not opened. */
  readonly latencyMs: number | null;
  readonly settings: readonly string[];
  readonly remarks: readonly string[];
  readonly unsafeForLive: readonly string[];
}

const ANSWER_MS = 5_000;
const MAX_GREETING = 8_192;

export async function storeFindings(question: StoreQuestion): Promise<Finding[]> {
  return [
    await look('trades', () => tradesFacts(question)),
    await look('ticks', () => ticksFacts(question)),
    await look('prices', () => pricesFacts(question)),
    ...(await busFindings(question)),
  ];
}

/** What a store says of itself through its port. */
export async function factsOf(store: {
  describe(): Promise<StoreDescription>;
  ping(): Promise<number>;
}): Promise<Facts> {
  const { engine, location, unsafeForLive } = await store.describe();
  return { engine, location, latencyMs: await store.ping(), settings: [], remarks: [], unsafeForLive };
}

export async function look(name: string, ask: () => Promise<Facts>): Promise<Finding> {
  try {
    return findingOf(name, await ask());
  } catch (error) {
    return { name, state: 'bad', detail: errorText(error) };
  }
}

/** What is embedded is meant for simulation and paper; a server that would be unfit for real money is worth a warning. */
function findingOf(name: string, facts: Facts): Finding {
  const { engine, location, latencyMs, settings, remarks, unsafeForLive } = facts;
  const parts = [
    location === '' ? engine : `${engine} at ${location}`,
    ...(latencyMs === null ? [] : [`${latencyMs.toFixed(1)} ms`]),
    ...settings,
    ...remarks,
    ...(unsafeForLive.length === 0 ? [] : [`unsafe for LIVE: ${unsafeForLive.join('; ')}`]),
  ];
  const isWorthKnowing = remarks.length > 0 || (unsafeForLive.length > 0 && latencyMs !== null);
  return { name, state: isWorthKnowing ? 'warn' : 'ok', detail: parts.join(', ') };
}

const embedded = (engine: string, unsafeForLive: readonly string[] = []): Facts => ({
  engine: `${engine}, embedded`,
  location: '',
  latencyMs: null,
  settings: [],
  remarks: [],
  unsafeForLive,
});

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

async function tradesFacts({ cluster, environment, clock, timers }: StoreQuestion): Promise<Facts> {
  const { trades } = cluster.stores;
  if (trades.kind === 'memory') return embedded('memory', ['everything is forgotten at the end']);
  if (trades.kind === 'pglite') {
    const { pgliteVersion } = await import('../storage/pglite/seed.js');
    return embedded(`pglite ${pgliteVersion()}`, [
      'PGlite runs without fsync: a power cut may lose the last seconds',
    ]);
  }
  const url = required(environment, trades.urlEnv);
  const { openPostgresDb } = await import('../storage/sql/postgres-db.js');
  const { postgresSettings } = await import('../storage/sql/postgres-settings.js');
  const wait = (ms: number): Promise<void> => new Promise((done) => void timers.setTimer(done, ms));
  // Looks only: no schema is made or changed.
  const db = await openPostgresDb(url, silent, wait);
  try {
    const startedMs = clock.monotonicMs();
    await db.query('select 1::text as one');
    return {
      engine: await db.engine(),
      location: db.location,
      latencyMs: clock.monotonicMs() - startedMs,
      settings: await postgresSettings(db),
      remarks: [],
      unsafeForLive: db.hazards,
    };
  } finally {
    await db.close();
  }
}

/** A missing chdb is worth a warning: everything else works. */
async function ticksFacts({ cluster, environment, clock }: StoreQuestion): Promise<Facts> {
  const choice = tickChoiceOf(cluster, '', environment);
  if (choice.kind === 'none') return embedded('none');
  if (choice.kind === 'chdb') {
    const { chdbMissing, chdbVersion } = await import('../storage/clickhouse/chdb-package.js');
    const missing = chdbMissing();
    if (missing === null) return embedded(`chdb ${chdbVersion()}`);
    return { ...embedded('none'), engine: 'none', remarks: [missing] };
  }
  const { examineClickHouse } = await import('../storage/clickhouse/examine-server.js');
  const { settings, hazards, ...facts } = await examineClickHouse(choice.server, clock);
  return {
    ...facts,
    settings: Object.entries(settings).map(([key, value]) => `${key} ${value}`),
    remarks: [],
    unsafeForLive: hazards,
  };
}

async function pricesFacts({ cluster, environment, clock }: StoreQuestion): Promise<Facts> {
  const { prices } = cluster.stores;
  if (prices.kind === 'in-process') return embedded('in-process');
  const { examineRedis } = await import('../storage/redis/examine-redis.js');
  const { settings, hazards, ...facts } = await examineRedis(required(environment, prices.urlEnv), clock);
  return {
    ...facts,
    settings: Object.entries(settings).map(([key, value]) => `${key} ${value === '' ? 'none' : value}`),
    unsafeForLive: hazards,
  };
}

function required(environment: Environment, name: string): string {
  const value = secretOf(environment, name);
  if (value === null) throw new Error(`${name} is not set`);
  return value;
}

async function busFindings({ cluster, clock }: StoreQuestion): Promise<Finding[]> {
  const { bus } = cluster;
  if (bus.kind === 'in-process') return [await look('bus', () => Promise.resolve(embedded('in-process')))];
  const hasPassword = bus.passwordEnv !== undefined;
  return Promise.all(bus.urls.map((url) => look('bus', () => natsFacts(url, hasPassword, clock))));
}

/** The first line of every NATS server; further fields are none of our business. */
const greeting = z.object({
  version: z.string().max(40),
  auth_required: z.boolean().default(false),
  tls_required: z.boolean().default(false),
  tls_available: z.boolean().default(false),
});

async function natsFacts(url: string, hasPassword: boolean, clock: Clock): Promise<Facts> {
  const { hostname, port } = new URL(url.replace(/^(?:nats|tls):/, 'http:'));
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const location = `${hostname}:${port || '4222'}`;
  const startedMs = clock.monotonicMs();
  const server = natsGreeting(await firstLine(host, Number(port || '4222')), location);
  const latencyMs = clock.monotonicMs() - startedMs;
  const unsafe: string[] = [];
  if (!server.auth_required || !hasPassword) unsafe.push('no password');
  if (!LOOPBACK_HOSTS.includes(host) && !server.tls_required && !url.startsWith('tls:'))
    unsafe.push('no TLS, and not on loopback');
  return {
    engine: `nats ${server.version}`,
    location,
    latencyMs,
    settings: [
      `auth ${server.auth_required ? 'required' : 'none'}`,
      `tls ${server.tls_required ? 'required' : server.tls_available ? 'available' : 'none'}`,
    ],
    remarks: [],
    unsafeForLive: unsafe,
  };
}

function natsGreeting(line: string, location: string): z.infer<typeof greeting> {
  const found = greeting.safeParse(jsonOf(/^INFO (\{.*\})\s*$/.exec(line)?.[1] ?? ''));
  if (!found.success) throw new Error(`${location} answers, but not as NATS does`);
  return found.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstLine(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = '';
    const fail = (message: string): void => {
      socket.destroy();
      reject(new Error(message));
    };
    socket.setTimeout(ANSWER_MS, () => fail(`${host}:${port} does not answer within ${ANSWER_MS / 1_000} s`));
    socket.once('error', (error) => fail(errorText(error)));
    socket.once('close', () => fail(`${host}:${port} closed without a word`));
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= MAX_GREETING) return;
      socket.destroy();
      resolve(text.slice(0, end < 0 ? MAX_GREETING : end + 1));
    });
  });
}
