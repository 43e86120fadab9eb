import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from '../../servers/server-process.js';
import { BedHost } from './host.js';
import { run } from './run.js';
import { reserveSlot, startTimeOf, sweepSlot, type Slot } from './slots.js';

/**
 * Machines made of namespaces: each has a network of its own with an address on a bridge, its own processes, its own /opt, /root,
 * /run and /tmp, and a real sshd. What listens on the bridge's address is reached by all of them, as servers elsewhere would be.
 * Everything is removed by `destroy`, by a guard when the test process dies in whatever way, and by the next bed when that died too.
 */
export interface Bed {
  /** Of the bridge: servers listen here. */
  readonly address: string;
  /** In the form 10.91.0.0/24. */
  readonly network: string;
  readonly hosts: readonly BedHost[];
  /** For `ssh -F`: knows every host by its name, its key and its port. */
  readonly sshConfigFile: string;
  /** A folder for whatever the test needs; it goes with the bed. */
  readonly folder: string;
  destroy(): Promise<void>;
}

const TOOLS = ['ip', 'iptables', 'unshare', 'nsenter', 'setsid', 'ssh', 'ssh-keygen', 'sshd', 'mount', 'tar'];

/** Null when machines can be made here, else why not. */
export function bedUnavailable(): string | null {
  if (process.platform !== 'linux') return 'no Linux: machines of the test bed are namespaces';
  if (process.getuid?.() !== 0) return 'not root: machines of the test bed are namespaces';
  const missing = TOOLS.filter((name) => findBinary(name, ['/sbin']) === null);
  if (missing.length > 0) return `${missing.join(', ')} not found: install openssh-server and iptables`;
  return null;
}

/** Makes the machines; rejects with what failed, after everything was removed again. */
export async function createBed(options: { readonly hosts: number }): Promise<Bed> {
  const slot = await reserveSlot();
  const guard = spawnGuard(slot);
  const hosts: BedHost[] = [];
  const destroy = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.powerOff()));
    await sweepSlot(slot);
    guard.kill('SIGKILL');
  };
  try {
    await makeBridge(slot);
    const clientKey = join(slot.folder, 'client-key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', clientKey]);
    for (let index = 1; index <= options.hosts; index++) {
      const host = new BedHost(slot, index, clientKey);
      hosts.push(host);
      await host.prepare();
      await host.powerOn();
    }
    const sshConfigFile = await writeSshConfig(slot, hosts, clientKey);
    const folder = join(slot.folder, 'test');
    mkdirSync(folder);
    return {
      address: slot.bridgeAddress,
      network: `${slot.subnet}.0/24`,
      hosts,
      sshConfigFile,
      folder,
      destroy,
    };
  } catch (error) {
    await destroy();
    throw error;
  }
}

async function makeBridge({ bridge, bridgeAddress }: Slot): Promise<void> {
  await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await run('ip', ['addr', 'add', `${bridgeAddress}/24`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
}

async function writeSshConfig(slot: Slot, hosts: readonly BedHost[], clientKey: string): Promise<string> {
  const knownHosts = join(slot.folder, 'known-hosts');
  writeFileSync(
    knownHosts,
    hosts.map((host) => `[${host.address}]:${host.sshPort} ${host.publicKey()}\n`).join(''),
  );
  const blocks = hosts.map((host) =>
    [
      `Host ${host.name}`,
      `  HostName ${host.address}`,
      `  Port ${host.sshPort}`,
      '  User root',
      `  IdentityFile ${clientKey}`,
      '  IdentitiesOnly yes',
      '  IdentityAgent none',
      `  UserKnownHostsFile ${knownHosts}`,
      '  GlobalKnownHostsFile none',
      '  StrictHostKeyChecking yes',
    ].join('\n'),
  );
  const path = join(slot.folder, 'ssh-config');
  writeFileSync(path, `${blocks.join('\n')}\n`);
  return path;
}

/** A shell that waits for the end of its input, which comes when this process ends in whatever way, and then removes everything. */
function spawnGuard(slot: Slot): ChildProcess {
  const script = `read -r _
for pid in $(cat "$2"/*/init.pid 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
sleep 0.3
for name in $(ip netns list | awk '{print $1}' | grep "^$1n"); do ip netns del "$name"; done
for name in $(ip -o link show type veth | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/' | grep "^$1v"); do ip link del "$name"; done
ip link del "$1" 2>/dev/null
rm -rf "$2"`;
  const guard = spawn('/bin/sh', ['-c', script, 'guard', slot.bridge, slot.folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  if (guard.pid !== undefined)
    writeFileSync(join(slot.folder, 'guard'), `${guard.pid} ${startTimeOf(guard.pid)}`);
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}
