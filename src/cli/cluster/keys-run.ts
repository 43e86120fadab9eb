import { join, posix, resolve } from 'node:path';
import { authFile, serverFile, type AuthorizedNode } from '../../cluster/nats-config.js';
import { newNodeKey, nodeKeyOf, type NodeKey } from '../../cluster/nats-keys.js';
import type { BusConfig, ClusterConfig, NodeConfig } from '../../config/index.js';
import { ArbotError } from '../../messages/errors.js';
import type { Files } from '../../ports/files.js';
import { LocalFiles } from '../../runtime/platform/files.js';
import { EXIT, type Terminal } from '../output.js';
import { loadWithFlags } from '../start.js';
import { Authority, AUTHORITY_FILE } from './certificates.js';

export interface KeysFlags {
  readonly config?: string;
  readonly out: string;
  readonly tls?: boolean;
  readonly serverFolder?: string;
  readonly rotate?: string;
}

/** Only the owner may read it. */
const SECRET = 0o600;

/**
 * Writes the seeds of all nodes, one file each, and the files of the NATS servers of `bus.urls`. Seeds that are there stay unless
 * they are to be rotated; everything else is written anew from cluster.config.ts. No secret is printed. Returns the exit code.
 */
export async function runKeys(flags: KeysFlags, terminal: Terminal): Promise<number> {
  const { cluster } = await loadWithFlags(
    flags.config === undefined ? {} : { config: flags.config },
    terminal,
  );
  const bus = natsOf(cluster);
  const rotated = rotatedNodes(flags.rotate, cluster.nodes);
  const folder = resolve(terminal.workingFolder, flags.out);
  const files = new LocalFiles();
  await files.makeFolder(folder);
  const nodes: AuthorizedNode[] = [];
  for (const { name, roles } of cluster.nodes) {
    const key = await keyOf(files, join(folder, `${name}.seed`), rotated.has(name));
    nodes.push({ name, roles, publicKey: key.publicKey });
    terminal.print(`${name}: ${key.isNew ? 'new key' : 'kept'}, ${join(flags.out, `${name}.seed`)}`);
  }
  await files.writeAtomic(join(folder, 'auth.conf'), authFile(cluster.name, nodes));
  const there = flags.serverFolder ?? folder;
  for (const line of await writeServers(files, { folder, there, cluster, bus, tls: flags.tls === true }))
    terminal.print(line);
  for (const line of advice(bus, flags)) terminal.print(line);
  return EXIT.done;
}

type NatsConfig = BusConfig & { readonly kind: 'nats' };

function natsOf({ bus }: ClusterConfig): NatsConfig {
  if (bus.kind === 'nats') return bus;
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    'bus.kind: is in-process, which needs no keys; set nats and its urls',
  );
}

function rotatedNodes(names: string | undefined, nodes: readonly NodeConfig[]): ReadonlySet<string> {
  const all = nodes.map(({ name }) => name);
  const wanted = names === 'all' ? all : (names ?? '').split(',').filter((name) => name !== '');
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new ArbotError('ARB_CLI_USAGE', `--rotate: no node is named '${unknown}'`);
  return new Set(wanted);
}

async function keyOf(files: Files, path: string, rotate: boolean): Promise<NodeKey & { isNew: boolean }> {
  if (!rotate && (await files.exists(path))) {
    return { ...nodeKeyOf((await files.read(path)).toString('utf8').trim()), isNew: false };
  }
  const key = newNodeKey();
  await files.writeAtomic(path, `${key.seed}\n`, SECRET);
  return { ...key, isNew: true };
}

interface Servers {
  readonly folder: string;
  /** The same folder on the servers: they look for certificates from where they are started, so paths are absolute. */
  readonly there: string;
  readonly cluster: ClusterConfig;
  readonly bus: NatsConfig;
  readonly tls: boolean;
}

/** One file per address of `bus.urls`; returns what to print. */
async function writeServers(files: Files, { folder, there, cluster, bus, tls }: Servers): Promise<string[]> {
  const servers = bus.urls.map((url) => new URL(url.replace(/^(nats|tls):/, 'http:')));
  const hosts = servers.map(({ hostname }) => hostname);
  if (hosts.length > 1 && !tls)
    throw new ArbotError(
      'ARB_CLI_USAGE',
      '--tls: several servers know each other by their certificates, so they need it',
    );
  const authority = tls ? await Authority.open(files, folder, cluster.name) : null;
  const lines: string[] = [];
  for (const { hostname: host, port } of servers) {
    const certificate = (await authority?.issue(host)) ?? null;
    const text = serverFile({
      cluster: cluster.name,
      host,
      port: port === '' ? 4_222 : Number(port),
      hosts,
      tls: certificate === null ? null : at(there, { ca: AUTHORITY_FILE, ...certificate }),
    });
    const name = servers.length === 1 ? 'nats.conf' : `nats-${host}.conf`;
    await files.writeAtomic(join(folder, name), text);
    lines.push(
      `server ${host}: ${name}, auth.conf${certificate === null ? '' : `, ${certificate.certificate}`}`,
    );
  }
  return lines;
}

type CertificateFiles = Record<'ca' | 'certificate' | 'key', string>;

function at(folder: string, { ca, certificate, key }: CertificateFiles): CertificateFiles {
  return {
    ca: posix.join(folder, ca),
    certificate: posix.join(folder, certificate),
    key: posix.join(folder, key),
  };
}

function advice(bus: NatsConfig, flags: KeysFlags): string[] {
  const variable = bus.nkeySeedEnv ?? 'NATS_NKEY_SEED';
  const lines = [
    `Each node gets its own seed only: ${variable}_FILE=<path of its .seed file>, or ${variable}=<its text>.`,
  ];
  if (bus.nkeySeedEnv === undefined) lines.push(`Set bus.nkeySeedEnv: '${variable}' in cluster.config.ts.`);
  if (flags.tls === true && bus.tls?.caFile === undefined)
    lines.push(`Set bus.tls: { caFile: '<path of ${AUTHORITY_FILE}>' } and tls:// in bus.urls.`);
  return lines;
}
