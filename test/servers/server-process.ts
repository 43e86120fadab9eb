import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';

/** A private server process in a temporary folder: it never outlives the test that started it, and leaves nothing behind. */

export interface ServerControl {
  /** Where clients connect. */
  readonly url: string;
  /** True when the environment named the server: it cannot be killed, paused or restarted from here. */
  readonly external: boolean;
  /** Ordered end; the folder is removed. Safe to call twice. */
  stop(): Promise<void>;
  /** SIGKILL. The folder stays for `restart`. */
  kill(): Promise<void>;
  /** Starts again on the same port and folder after `kill`. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT: alive and silent, like a machine that hangs. */
  pause(): void;
  resume(): void;
}

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Skips with the reason; where CI=true a skip is a failure. Returns true when the test must end here. */
export function skipOrFail(t: Test, reason: string | null): boolean {
  if (reason === null) return false;
  if (process.env['CI'] === 'true') t.fail(reason);
  // An empty plan with a reason is how a whole test is skipped.
  else t.plan(0, reason);
  return true;
}

/** First of `names` found on PATH or in the given folders, as a full path. */
export function findBinary(name: string, folders: readonly string[] = []): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = [...folders, ...onPath, '/usr/sbin', '/usr/local/sbin'].map((folder) =>
    join(folder, name),
  );
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not ours to run: the next candidate.
    return false;
  }
}

/** Newest first. */
export function postgresFolders(root = '/usr/lib/postgresql'): string[] {
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).filter((name) => /^\d+$/.test(name));
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'));
}

/** The account for servers that refuse to run as root; null when we are not root and need none. */
export function unprivilegedUser(): ServerUser | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: 'pipe' }).toString());
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such account here: the next one.
      continue;
    }
  }
  throw new Error('there is no account postgres or nobody');
}

/** A new folder that `user` may use. Not below a private temporary folder of root, which others cannot enter. */
export function temporaryFolder(user: ServerUser | null): string {
  const folder = mkdtempSync(join(user !== null && existsSync('/tmp') ? '/tmp' : tmpdir(), 'arbot-test-'));
  if (user !== null) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly user: ServerUser | null;
  /** Signal of an ordered end. */
  readonly stopSignal: NodeJS.Signals;
  /** Absent = that of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Resolves true once clients can connect. */
  readonly ready: () => Promise<boolean>;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;

/** Runs a server until it is stopped; rejects with its output when it does not become ready. */
export class ServerProcess {
  private readonly spec: ProcessSpec;
  private child: ChildProcess | null = null;
  private guard: ChildProcess | null = null;
  private output = '';

  constructor(spec: ProcessSpec) {
    this.spec = spec;
  }

  async start(): Promise<void> {
    const { command, args, folder, user } = this.spec;
    const account = user === null ? {} : { uid: user.uid, gid: user.gid };
    const child = spawn(command, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.spec.environment ?? process.env,
      ...account,
    });
    this.child = child;
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (this.output = (this.output + data.toString()).slice(-4_000)));
    }
    let failed: string | null = null;
    child.once('error', (error) => (failed = error.message));
    child.once('exit', (code, signal) => (failed ??= `ended with ${code ?? signal}`));
    if (child.pid !== undefined) this.guard = spawnGuard(child.pid, folder);
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await this.spec.ready())) {
      if (failed !== null || Date.now() > deadline) {
        await this.stop();
        throw new Error(`${command} did not start: ${failed ?? 'not ready in time'}\n${this.output}`);
      }
      await sleep(25);
    }
  }

  /** The whole family, and waits until it is gone: what it had in common would else still be in use at the next start. */
  async kill(): Promise<void> {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    // A process that stands still has no further children.
    signalTo(pid, 'SIGSTOP');
    const family = familyOf(pid);
    for (const one of family) signalTo(one, 'SIGKILL');
    await this.end('SIGKILL');
    while (family.some(isRunning)) await sleep(5);
  }

  /** To the server and every process that it started: a server like PostgreSQL is a family of them. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    for (const one of familyOf(pid)) signalTo(one, signal);
  }

  async stop(): Promise<void> {
    // A paused process would keep the signal pending.
    this.signal('SIGCONT');
    await this.end(this.spec.stopSignal);
    rmSync(this.spec.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child !== null && child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const exited = once(child, 'exit');
      child.kill(signal);
      const insist = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await exited;
      clearTimeout(insist);
    }
    this.guard?.kill('SIGKILL');
    this.guard = null;
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The process and its children of today, from /proc (field 4 of stat is the parent); without /proc the process alone. */
function familyOf(pid: number): number[] {
  if (!existsSync('/proc/self/stat')) return [pid];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const children = pids.filter((name) => statOf(name)?.parent === pid).map(Number);
  return [pid, ...children];
}

/** State and parent; null when there is no such process any more. */
function statOf(pid: string | number): { readonly state: string; readonly parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== 'Z' && stat.state !== 'X';
}

/**
 * A shell that waits for the end of its input, which comes when this process ends in whatever way, and then kills the server and
 * removes its folder. Without it a killed test run would leave servers behind.
 */
function spawnGuard(pid: number, folder: string): ChildProcess {
  const script =
    'read -r _; kill -CONT "$1" 2>/dev/null; kill -KILL "$1" 2>/dev/null; sleep 0.2; rm -rf "$2"';
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return guard;
}

/** Where `prepare` notes servers that it started for the whole run. */
export const PREPARED_FILE = '.arbot/test-servers.json';

/** The URL from the environment, or of a server that `prepare` started. */
export function preparedUrl(variable: 'NATS_URL' | 'PG_URL' | 'REDIS_URL' | 'CLICKHOUSE_URL'): string | null {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  if (!existsSync(PREPARED_FILE)) return null;
  const noted = JSON.parse(readFileSync(PREPARED_FILE, 'utf8')) as Partial<Record<string, string>>;
  return noted[variable] ?? null;
}
