import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { secretOf, type Environment, type LoadedConfig } from '../config/index.js';
import { errorText } from '../messages/errors.js';
import type { HttpClient } from '../ports/network.js';
import type { Clock, Timers } from '../ports/time.js';
import { VERDICT_KEY_VARIABLE } from '../security/hmac-seal.js';
import { lockFolder } from '../storage/child/folder-lock.js';
import { accountFindings } from './doctor-accounts.js';
import { storeFindings } from './doctor-stores.js';
import type { NodeApi } from './node-api.js';
import type { Finding } from './finding.js';

export interface DoctorOptions {
  readonly config: LoadedConfig;
  readonly environment: Environment;
  readonly workingFolder: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly nodeVersion: string;
  /** Where a node of this configuration answers, if it runs. */
  readonly running: NodeApi;
  readonly http: HttpClient;
}

const MIN_NODE = [20, 19] as const;
const LOW_DISK_BYTES = 1024 ** 3;
/** When this program was written; an earlier clock is certainly wrong, and exchanges would refuse its requests. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** Looks at everything ArBot needs from its machine. Never rejects: what cannot be looked at is a finding. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const { node } = options.config;
  const folder = resolve(options.workingFolder, node.dataFolder);
  return [
    nodeFinding(options.nodeVersion),
    { name: 'configuration', state: 'ok', detail: configDetail(options.config) },
    clockFinding(options.clock),
    ...keyFindings(options),
    await guarded('data folder', () => folderFinding(folder)),
    await guarded('disk', () => diskFinding(folder)),
    await guarded('folder lock', () => lockFinding(folder, options.clock)),
    await guarded('port', () => portFinding(node.http.host, node.http.port)),
    ...(await storeFindings({ ...options, cluster: options.config.cluster })),
    ...(await accounts(options)),
  ];
}

async function accounts({ running, http }: DoctorOptions): Promise<Finding[]> {
  try {
    return await accountFindings(running, http);
  } catch (error) {
    return [{ name: 'accounts', state: 'warn', detail: errorText(error) }];
  }
}

async function guarded(name: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return { name, state: 'bad', detail: errorText(error) };
  }
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const isEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  const needed = `needs ${MIN_NODE.join('.')} or newer`;
  return {
    name: 'Node',
    state: isEnough ? 'ok' : 'bad',
    detail: isEnough ? version : `${version}, ${needed}`,
  };
}

function configDetail({ node, trading }: LoadedConfig): string {
  const exchanges = Object.entries(trading.exchanges).filter(([, one]) => one.enabled);
  const pairs = trading.pairs.filter((one) => one.enabled);
  return `node ${node.name}, ${exchanges.length} exchanges, ${pairs.length} pairs`;
}

/** Only nodes of a cluster share it: a node that is alone makes a key of its own. */
export function keyFindings({
  config,
  environment,
}: Pick<DoctorOptions, 'config' | 'environment'>): Finding[] {
  const name = 'verdict key';
  const traders = config.cluster.nodes.filter(({ roles }) => roles.includes('trade'));
  if (traders.length < 2 || !config.node.roles.includes('trade')) return [];
  const isThere = secretOf(environment, VERDICT_KEY_VARIABLE) !== null;
  const detail = isThere
    ? `${VERDICT_KEY_VARIABLE} is set; the nodes compare it, and do not trade where it differs`
    : `${VERDICT_KEY_VARIABLE} is not set: it must be the same on ${traders.map((one) => one.name).join(', ')}`;
  return [{ name, state: isThere ? 'ok' : 'bad', detail }];
}

export function clockFinding(clock: Clock): Finding {
  const now = clock.nowMs();
  const text = new Date(now).toISOString();
  if (now < EARLIEST_MS)
    return { name: 'clock', state: 'bad', detail: `${text} is in the past: set the clock` };
  return { name: 'clock', state: 'ok', detail: `${text} (skew against exchanges is measured by each feed)` };
}

async function folderFinding(folder: string): Promise<Finding> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await access(folder, constants.R_OK | constants.W_OK);
  return { name: 'data folder', state: 'ok', detail: folder };
}

async function diskFinding(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return { name: 'disk', state: free < LOW_DISK_BYTES ? 'warn' : 'ok', detail };
}

async function lockFinding(folder: string, clock: Clock): Promise<Finding> {
  try {
    const lock = await lockFolder(folder, clock.nowMs(), () => undefined);
    await lock.release();
    return { name: 'folder lock', state: 'ok', detail: 'no other ArBot uses the data folder' };
  } catch (error) {
    return { name: 'folder lock', state: 'warn', detail: errorText(error) };
  }
}

function portFinding(host: string, port: number): Promise<Finding> {
  const name = 'port';
  if (port === 0) return Promise.resolve({ name, state: 'ok', detail: 'any free one' });
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error) =>
      done({ name, state: 'bad', detail: `${host}:${port}: ${errorText(error)}` }),
    );
    server.listen(port, host, () =>
      server.close(() => done({ name, state: 'ok', detail: `${host}:${port} is free` })),
    );
  });
}
