import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadConfig, type LoadedConfig, type NodeConfig } from '../../config/index.js';
import { parseEnvironmentFile, renderEnvironmentFile } from '../../launch/environment-file.js';
import { redactor } from '../../launch/redact.js';
import { ArbotError } from '../../messages/errors.js';
import { SystemClock, SystemTimers } from '../../runtime/platform/clock.js';
import { redactText } from '../../runtime/platform/redaction.js';
import type { Terminal } from '../output.js';
import type { Remote } from './remote.js';
import { pathFrom, sshRemote } from './ssh.js';

export interface ClusterFlags {
  readonly config?: string;
  readonly nodes?: string;
}

/** A node of the cluster together with the way to its machine. */
export interface FleetNode {
  readonly node: NodeConfig;
  readonly remote: Remote;
  /** Of its environment file; empty = it has none. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What is copied of it; null = it has none. */
  readonly environmentText: string | null;
  /** What is wrong with that file. */
  readonly environmentProblems: readonly string[];
}

export interface Fleet {
  readonly config: LoadedConfig;
  readonly nodes: readonly FleetNode[];
  readonly clock: SystemClock;
  readonly timers: SystemTimers;
  /** For everything that a machine said. */
  redact(text: string): string;
  close(): Promise<void>;
}

/** Opens ways to machines; tests put their own in. */
export type Connect = (node: NodeConfig, fleet: Pick<Fleet, 'clock' | 'timers'>) => Remote;

/**
 * The configuration as it is in the files, without this machine's variables, and a way to each machine. Rejects with ConfigInvalid,
 * ARB_CONFIG_INVALID naming a node without an address, ARB_CLI_USAGE.
 */
export async function openFleet(flags: ClusterFlags, terminal: Terminal, connect?: Connect): Promise<Fleet> {
  const folder = resolve(terminal.workingFolder, flags.config ?? '.');
  const config = await loadConfig({ folder, environment: {} });
  const { deployment } = config.cluster;
  const wanted = chosen(config.cluster.nodes, flags.nodes);
  for (const { name, address } of wanted)
    if (address === undefined)
      throw new ArbotError(
        'ARB_CONFIG_INVALID',
        `nodes: ${name} has no address: where its machine is for ssh`,
      );
  const time = { clock: new SystemClock(), timers: new SystemTimers() };
  const controlFolder = mkdtempSync(join(tmpdir(), 'arbot-ssh-'));
  const { environment } = terminal;
  const configFile =
    deployment.sshConfigFile === undefined ? null : resolve(folder, deployment.sshConfigFile);
  const open: Connect = (node) => sshRemote({ node, configFile, controlFolder, environment, ...time });
  try {
    const nodes = wanted.map((node) => ({
      node,
      remote: (connect ?? open)(node, time),
      ...secretsOf(node, config, terminal),
    }));
    const exact = redactor(nodes.flatMap(({ secrets }) => [...secrets.values()]));
    return {
      config,
      nodes,
      ...time,
      redact: (text) => redactText(exact(text)),
      close: async () => {
        await Promise.all(nodes.map(({ remote }) => remote.close()));
        rmSync(controlFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(controlFolder, { recursive: true, force: true });
    throw error;
  }
}

function chosen(nodes: readonly NodeConfig[], names: string | undefined): readonly NodeConfig[] {
  if (names === undefined) return nodes;
  const wanted = names.split(',').map((name) => name.trim());
  for (const name of wanted)
    if (!nodes.some((node) => node.name === name))
      throw new ArbotError('ARB_CLI_USAGE', `--nodes: ${name} is not in cluster.config.ts`);
  return nodes.filter(({ name }) => wanted.includes(name));
}

function secretsOf(
  node: NodeConfig,
  { cluster }: LoadedConfig,
  { environment, workingFolder }: Terminal,
): Omit<FleetNode, 'node' | 'remote'> {
  const variable = node.environmentFileEnv ?? cluster.deployment.environmentFileEnv;
  const path = pathFrom(environment, variable);
  if (path === null) return { secrets: new Map(), environmentText: null, environmentProblems: [] };
  const text = readSecrets(resolve(workingFolder, path), variable ?? '');
  const { values, problems } = parseEnvironmentFile(text);
  return { secrets: values, environmentText: renderEnvironmentFile(values), environmentProblems: problems };
}

function readSecrets(path: string, variable: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new ArbotError('ARB_CONFIG_INVALID', `the file that ${variable} names cannot be read (${code})`);
  }
}

/** Each machine's nodes one after the other, machines beside each other. Resolves when all have ended; rejects with the first failure. */
export async function eachMachine(
  nodes: readonly FleetNode[],
  act: (node: FleetNode) => Promise<void>,
): Promise<void> {
  const machines = new Map<string, FleetNode[]>();
  for (const one of nodes) {
    const key = JSON.stringify([one.node.address, one.node.ssh.user ?? null, one.node.ssh.port ?? null]);
    machines.set(key, [...(machines.get(key) ?? []), one]);
  }
  const results = await Promise.allSettled(
    [...machines.values()].map(async (its) => {
      for (const one of its) await act(one);
    }),
  );
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length === 1) throw failed[0]!.reason;
  if (failed.length > 1) {
    const texts = failed.map(({ reason }) => (reason instanceof Error ? reason.message : String(reason)));
    throw new ArbotError('ARB_HOST_FAILED', texts.join('\n'));
  }
}
