import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bedUnavailable } from '../cluster/bed/bed.js';
import * as nats from './nats.js';
import * as postgres from './postgres.js';
import * as redis from './redis.js';
import { findBinary, PREPARED_FILE } from './server-process.js';

/**
 * Runs before the tests: makes sure that NATS, PostgreSQL, Redis and the machines of test/cluster/bed can be started, and says in one
 * line how. Never fails: a test that has no server skips with its reason (and fails where CI=true).
 */

const PACKAGES = {
  nats: ['nats-server'],
  postgres: ['postgresql'],
  redis: ['redis-server'],
  machines: ['openssh-server', 'openssh-client', 'iptables', 'iproute2'],
} as const;
const COMPOSE_URLS = {
  nats: ['NATS_URL', 'nats://127.0.0.1:14222'],
  postgres: ['PG_URL', 'postgres://postgres:arbot-test@127.0.0.1:15432/postgres'],
  redis: ['REDIS_URL', 'redis://:arbot-test@127.0.0.1:16379'],
} as const;
type ServerName = keyof typeof PACKAGES;

const STEP_TIMEOUT_MS = 300_000;

function missing(): ServerName[] {
  const reasons = {
    nats: nats.available(),
    postgres: postgres.available(),
    redis: redis.available(),
    machines: bedUnavailable(),
  };
  return (Object.keys(reasons) as ServerName[]).filter((name) => reasons[name] !== null);
}

/** Null on success, else the last line that the command wrote. */
function failureOf(command: string, args: readonly string[]): string | null {
  const done = spawnSync(command, args, {
    timeout: STEP_TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status === 0) return null;
  const lines = `${done.stdout}\n${done.stderr}`.trim().split('\n');
  return done.error?.message ?? lines.at(-1) ?? `ended with ${done.status}`;
}

function installWithApt(names: readonly ServerName[]): string {
  if (process.getuid?.() !== 0) return 'not root';
  if (findBinary('apt-get') === null) return 'no apt-get';
  const updated = failureOf('apt-get', ['update', '-qq']);
  const packages = names.flatMap((name) => PACKAGES[name]);
  // An update may fail for one source and still have refreshed the one that matters.
  const installed = failureOf('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  return installed === null
    ? 'installed'
    : `apt-get: ${installed}${updated === null ? '' : ` (update: ${updated})`}`;
}

function startWithCompose(wanted: readonly ServerName[]): string {
  const names = wanted.filter((name) => name !== 'machines');
  if (names.length === 0) return 'no container has machines';
  if (findBinary('docker') === null) return 'no docker';
  const daemon = failureOf('docker', ['info']);
  if (daemon !== null) return `docker info: ${daemon}`;
  const file = join(import.meta.dirname, 'compose.yml');
  const failed = failureOf('docker', ['compose', '-f', file, 'up', '-d', '--wait', ...names]);
  if (failed !== null) return `docker compose: ${failed}`;
  mkdirSync(dirname(PREPARED_FILE), { recursive: true });
  writeFileSync(PREPARED_FILE, JSON.stringify(Object.fromEntries(names.map((name) => COMPOSE_URLS[name]))));
  return 'started with Docker Compose';
}

function prepare(): string {
  // What an earlier run noted may be gone.
  rmSync(PREPARED_FILE, { force: true });
  const atFirst = missing();
  if (atFirst.length === 0) return 'NATS, PostgreSQL, Redis and machines are available';
  const apt = installWithApt(atFirst);
  const afterApt = missing();
  if (afterApt.length === 0) return `${atFirst.join(', ')} ${apt}`;
  const compose = startWithCompose(afterApt);
  const left = missing();
  if (left.length === 0) return `${afterApt.join(', ')} ${compose}`;
  return `without ${left.join(', ')}: ${apt}; ${compose}. Their tests are skipped.`;
}

console.log(`test servers: ${prepare()}`);
