import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, tryRun, type Ran } from './run.js';
import { signal, type Slot } from './slots.js';

export type Direction = 'in' | 'out' | 'both';

const READY_WITHIN_MS = 20_000;

/** One machine of a bed. */
export class BedHost {
  readonly name: string;
  readonly address: string;
  readonly sshPort: number;
  /** As seen from outside; inside, its parts are /opt, /root and /tmp. */
  readonly folder: string;
  /** Programs put here are found before all others by whoever logs in. */
  readonly binFolder: string;
  private readonly namespace: string;
  private readonly veth: string;
  private readonly slot: Slot;
  private readonly clientKey: string;
  private outer: ChildProcess | null = null;
  private initPid: number | null = null;

  constructor(slot: Slot, index: number, clientKey: string) {
    this.slot = slot;
    this.clientKey = clientKey;
    this.name = `host-${index}`;
    this.address = `${slot.subnet}.${10 + index}`;
    this.sshPort = 2_200 + index;
    this.namespace = `${slot.bridge}n${index}`;
    this.veth = `${slot.bridge}v${index}`;
    this.folder = join(slot.folder, this.name);
    this.binFolder = join(this.folder, 'bin');
  }

  /** Network, keys and files; nothing runs yet. */
  async prepare(): Promise<void> {
    for (const name of ['', 'opt', 'root', 'tmp', 'bin', 'ssh'])
      mkdirSync(join(this.folder, name), { mode: 0o755 });
    await run('ip', ['netns', 'add', this.namespace]);
    await run('ip', [
      'link',
      'add',
      this.veth,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      this.namespace,
    ]);
    await run('ip', ['link', 'set', this.veth, 'master', this.slot.bridge]);
    await run('ip', ['link', 'set', this.veth, 'up']);
    await this.inNetwork(['ip', 'addr', 'add', `${this.address}/24`, 'dev', 'eth0']);
    await this.inNetwork(['ip', 'link', 'set', 'eth0', 'up']);
    await this.inNetwork(['ip', 'link', 'set', 'lo', 'up']);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(this.folder, 'ssh/host-key')]);
    writeFileSync(join(this.folder, 'ssh/authorized-keys'), readFileSync(`${this.clientKey}.pub`), {
      mode: 0o600,
    });
    writeFileSync(join(this.folder, 'ssh/sshd.conf'), this.sshdConfig());
  }

  /** Starts its first process, which ends with it everything that runs there; resolves when sshd answers. */
  async powerOn(): Promise<void> {
    const log = openSync(join(this.folder, 'init.log'), 'a');
    const isolate = [
      'unshare',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--propagation',
      'private',
      '--mount-proc',
    ];
    const sshd = (await run('sh', ['-c', 'command -v sshd || echo /usr/sbin/sshd'])).trim();
    const words = ['netns', 'exec', this.namespace, ...isolate, 'sh', '-c', INIT, 'init', this.folder, sshd];
    this.outer = spawn('ip', words, { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    const deadline = Date.now() + READY_WITHIN_MS;
    while (this.initPid === null || !(await this.answers())) {
      if (this.outer.exitCode !== null || Date.now() > deadline)
        throw new Error(
          `${this.name} does not start: ${readFileSync(join(this.folder, 'init.log'), 'utf8').slice(-2_000)}`,
        );
      this.initPid ??= this.findInit();
      await sleep(30);
    }
  }

  /** As if its plug was pulled: every process there is gone at once. Its files stay. */
  async powerOff(): Promise<void> {
    const { outer, initPid } = this;
    this.outer = null;
    this.initPid = null;
    if (initPid !== null) signal(initPid, 'SIGKILL');
    if (outer === null || outer.pid === undefined) return;
    while (outer.exitCode === null && outer.signalCode === null) {
      signal(outer.pid, initPid === null ? 'SIGKILL' : 'SIGCONT');
      await sleep(20);
    }
    rmSync(join(this.folder, 'init.pid'), { force: true });
  }

  /** Runs a shell script there as root, whatever its network does. Never rejects for its exit code. */
  exec(script: string, options: { readonly timeoutMs?: number } = {}): Promise<Ran> {
    return tryRun('nsenter', [...this.enter(), 'sh', '-c', script], { ...options, env: this.environment() });
  }

  /** Starts a program there; it ends with the machine. */
  spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn('nsenter', [...this.enter(), command, ...args], { env: { ...this.environment(), ...env } });
  }

  /**
   * Drops what comes in, goes out, or both; the link stays up. `peer` limits it to one address, and `port` to one TCP port there.
   * Loopback is never cut.
   */
  async cut(
    direction: Direction,
    only: { readonly peer?: string; readonly port?: number } = {},
  ): Promise<void> {
    const rules = { in: ['INPUT', '-i', '-s', '--sport'], out: ['OUTPUT', '-o', '-d', '--dport'] } as const;
    for (const way of direction === 'both' ? (['in', 'out'] as const) : [direction]) {
      const [chain, device, address, port] = rules[way];
      const peer = only.peer === undefined ? [] : [address, only.peer];
      const tcp = only.port === undefined ? [] : ['-p', 'tcp', port, String(only.port)];
      await this.inNetwork(['iptables', '-w', '-A', chain, device, 'eth0', ...peer, ...tcp, '-j', 'DROP']);
    }
  }

  async heal(): Promise<void> {
    await this.inNetwork(['iptables', '-w', '-F']);
  }

  /** A program that whoever logs in finds instead of the real one. */
  replaceProgram(name: string, script: string): void {
    writeFileSync(join(this.binFolder, name), script, { mode: 0o755 });
  }

  restoreProgram(name: string): void {
    rmSync(join(this.binFolder, name), { force: true });
  }

  /** Of its ssh server, as known hosts write it. */
  publicKey(): string {
    return readFileSync(join(this.folder, 'ssh/host-key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  }

  private enter(): string[] {
    if (this.initPid === null) throw new Error(`${this.name} is off`);
    return ['--target', String(this.initPid), '--mount', '--net', '--pid', '--'];
  }

  private environment(): NodeJS.ProcessEnv {
    return { PATH: `${this.binFolder}:${PATH}`, HOME: '/root', LANG: 'C' };
  }

  private inNetwork(words: readonly string[]): Promise<string> {
    return run('ip', ['netns', 'exec', this.namespace, ...words]);
  }

  /** The only child of `unshare`: number 1 in there. */
  private findInit(): number | null {
    const pid = this.outer?.pid;
    const path = `/proc/${pid}/task/${pid}/children`;
    const child = existsSync(path) ? Number(readFileSync(path, 'utf8').trim().split(' ')[0]) : 0;
    if (child === 0) return null;
    writeFileSync(join(this.folder, 'init.pid'), `${child}\n`);
    return child;
  }

  private answers(): Promise<boolean> {
    return new Promise((done) => {
      const socket = connect({ host: this.address, port: this.sshPort, timeout: 500 });
      const end = (answer: boolean): void => {
        socket.destroy();
        done(answer);
      };
      socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')));
      socket.once('error', () => end(false));
      socket.once('timeout', () => end(false));
    });
  }

  private sshdConfig(): string {
    return [
      `ListenAddress ${this.address}:${this.sshPort}`,
      `HostKey ${this.folder}/ssh/host-key`,
      `PidFile ${this.folder}/ssh/sshd.pid`,
      `AuthorizedKeysFile ${this.folder}/ssh/authorized-keys`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'UseDNS no',
      'PrintMotd no',
      'MaxStartups 100:30:200',
      `SetEnv PATH=${this.binFolder}:${PATH}`,
      '',
    ].join('\n');
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first process of a machine. Without /run of the real machine there is no systemd to be found. */
const INIT = `set -eu
mount --bind "$1/opt" /opt
mount --bind "$1/root" /root
mount --bind "$1/tmp" /tmp
mount -t tmpfs -o size=16m tmpfs /run
mkdir -p /run/sshd
exec "$2" -D -e -f "$1/ssh/sshd.conf"
`;
