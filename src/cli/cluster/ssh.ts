import { spawn } from 'node:child_process';
import type { NodeConfig } from '../../config/index.js';
import type { Environment } from '../../config/overrides.js';
import { ArbotError } from '../../messages/errors.js';
import type { Clock, Timers } from '../../ports/time.js';
import { ChildRemote } from './child-remote.js';
import type { Remote } from './remote.js';

export interface SshOptions {
  readonly node: NodeConfig;
  /** Instead of `~/.ssh/config`; null = the user's own. */
  readonly configFile: string | null;
  /** Where the sockets of shared connections are. */
  readonly controlFolder: string;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly timers: Timers;
}

/**
 * The machine of a node through the system's `ssh`: the user's configuration, agent, jump hosts and known hosts are in force, and a
 * host key is never taken unseen. Nothing is asked at the terminal. Commands share one connection.
 */
export function sshRemote(options: SshOptions): Remote {
  const { clock, timers } = options;
  const args = sshArguments(options);
  const destination = options.node.address ?? options.node.name;
  return new ChildRemote({
    clock,
    timers,
    spawn: (line) => ({ command: 'ssh', args: [...args, '--', destination, line] }),
    close: () => endShared([...args, '-O', 'exit', '--', destination]),
  });
}

export function sshArguments({ node, configFile, controlFolder, environment }: SshOptions): string[] {
  const { user, port, identityFile, identityFileEnv } = node.ssh;
  const identity = identityFile ?? pathFrom(environment, identityFileEnv);
  const set: Readonly<Record<string, string>> = {
    BatchMode: 'yes',
    ConnectTimeout: '10',
    ServerAliveInterval: '5',
    ServerAliveCountMax: '3',
    ControlMaster: 'auto',
    ControlPath: `${controlFolder}/%C`,
    ControlPersist: '60',
  };
  return [
    ...(configFile === null ? [] : ['-F', configFile]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(identity === null ? [] : ['-i', identity]),
    '-T',
    ...Object.entries(set).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
}

/** Null = none is named. Throws ARB_CONFIG_INVALID for a variable that is not set. */
export function pathFrom(environment: Environment, variable: string | undefined): string | null {
  if (variable === undefined) return null;
  const path = environment[variable];
  if (path !== undefined && path !== '') return path;
  throw new ArbotError('ARB_CONFIG_INVALID', `${variable} is not set: it holds the path of a file here`);
}

function endShared(args: readonly string[]): Promise<void> {
  return new Promise((done) => {
    const child = spawn('ssh', args, { stdio: 'ignore' });
    // There may be none: it is gone either way.
    child.once('error', () => done());
    child.once('close', () => done());
  });
}

/** What a person can do about a connection that failed, from what ssh said. */
export function adviceFor(complaint: string): string {
  if (/host key verification failed|no .* host key is known/i.test(complaint))
    return 'its host key is not known here: connect once with ssh, compare the fingerprint and accept it';
  if (/permission denied/i.test(complaint)) return 'no key of yours is accepted there';
  if (/could not resolve/i.test(complaint)) return 'its name is not known';
  return 'it is not reached';
}
