import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnvironmentFile } from '../launch/environment-file.js';
import { redactor } from '../launch/redact.js';
import { afterEnd, type Ended } from '../launch/restarts.js';
import { errorText } from '../messages/errors.js';
import { SystemClock, SystemTimers } from '../runtime/platform/clock.js';
import { LogFile } from '../runtime/platform/log-file.js';
import { redactText } from '../runtime/platform/redaction.js';

export interface SuperviseOptions {
  /** Of the node: holds `current`, `environment` and `run`. */
  readonly folder: string;
  readonly stopTimeoutMs: number;
  /** Name of the node. */
  readonly node: string;
}

const LOG_BYTES = 10 << 20;
const MAX_LINE = 64 * 1024;
/** What of the login's environment a node gets; everything else comes from the environment file. */
const KEPT = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR'];

/**
 * Starts the node and starts it again when it crashes, until SIGINT or SIGTERM: then it is stopped in order, and killed after the
 * time for that. Resolves with the exit code. One per node: its pid file names it together with its start time, since pids come again.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const supervisor = new Supervisor(options);
  return supervisor.run();
}

class Supervisor {
  private readonly options: SuperviseOptions;
  private readonly runFolder: string;
  private readonly clock = new SystemClock();
  private readonly timers = new SystemTimers();
  private readonly log: LogFile;
  private child: ChildProcess | null = null;
  private isStopping = false;
  private wake: () => void = () => undefined;

  constructor(options: SuperviseOptions) {
    this.options = options;
    this.runFolder = join(options.folder, 'run');
    const onError = (error: Error) => process.stderr.write(`log: ${error.message}\n`);
    this.log = new LogFile({ path: join(this.runFolder, 'node.log'), maxBytes: LOG_BYTES, onError });
  }

  async run(): Promise<number> {
    this.writePid('supervisor.pid', process.pid);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.stop());
    let failuresInRow = 0;
    for (;;) {
      const ended = await this.runOnce();
      const decision = afterEnd(ended, failuresInRow, this.isStopping);
      if (decision.kind === 'end') {
        this.say('info', `the node has ended: ${decision.why}`, { ...ended });
        await this.log.close();
        return decision.code;
      }
      failuresInRow = decision.failuresInRow;
      this.say('error', `the node has crashed, it is started again in ${decision.delayMs} ms`, { ...ended });
      await this.pause(decision.delayMs);
    }
  }

  private stop(): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.wake();
    const { child } = this;
    if (child === null) return;
    child.kill('SIGINT');
    this.timers.setTimer(() => child.kill('SIGKILL'), this.options.stopTimeoutMs);
  }

  /** Runs the node until it ends, in whatever way. */
  private runOnce(): Promise<Ended> {
    const startedMs = this.clock.monotonicMs();
    const ranMs = () => this.clock.monotonicMs() - startedMs;
    if (this.isStopping) return Promise.resolve({ code: 0, signal: null, ranMs: 0 });
    return new Promise((done) => {
      const failed = (error: unknown) => {
        this.say('error', `the node does not start: ${errorText(error)}`, {});
        done({ code: null, signal: null, ranMs: ranMs() });
      };
      try {
        const { child, redact } = this.spawnNode();
        this.child = child;
        if (child.pid !== undefined) this.writePid('node.pid', child.pid);
        for (const stream of [child.stdout, child.stderr])
          if (stream !== null) this.keepLines(stream, redact);
        child.once('error', failed);
        child.once('close', (code, signal) => {
          this.child = null;
          done({ code, signal, ranMs: ranMs() });
        });
      } catch (error) {
        failed(error);
      }
    });
  }

  private spawnNode(): { child: ChildProcess; redact: (text: string) => string } {
    const { folder, node } = this.options;
    const values = this.environment();
    // The folder itself, not the link to it: so that it can be seen from outside which release runs.
    const release = realpathSync(join(folder, 'current'));
    const kept = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]));
    const child = spawn(process.execPath, [join(release, 'bin/start-node.mjs'), node], {
      cwd: release,
      env: { ...kept, NODE_ENV: 'production', ...Object.fromEntries(values) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exact = redactor(values.values());
    this.say('info', 'the node is started', { pid: child.pid, release });
    return { child, redact: (text) => redactText(exact(text)) };
  }

  private environment(): ReadonlyMap<string, string> {
    const path = join(this.options.folder, 'environment');
    if (!existsSync(path)) return new Map();
    const { values, problems } = parseEnvironmentFile(readFileSync(path, 'utf8'));
    if (problems.length > 0) throw new Error(`environment: ${problems[0]}`);
    return values;
  }

  /** Whole lines, so that two streams do not mix within one; a line without end is cut. */
  private keepLines(stream: NodeJS.ReadableStream, redact: (text: string) => string): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(-MAX_LINE);
      for (const line of lines) this.log.write(`${redact(line)}\n`);
    });
    stream.on('end', () => {
      if (rest !== '') this.log.write(`${redact(rest)}\n`);
    });
  }

  private say(level: 'info' | 'error', msg: string, fields: Readonly<Record<string, unknown>>): void {
    this.log.write(
      `${JSON.stringify({ level, time: this.clock.nowMs(), msg, supervisor: process.pid, ...fields })}\n`,
    );
  }

  private writePid(name: string, pid: number): void {
    writeFileSync(join(this.runFolder, name), `${pid} ${startTimeOf(pid)}\n`, { mode: 0o600 });
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.timers.setTimer(resolve, delayMs);
      this.wake = () => {
        this.timers.clearTimer(timer);
        resolve();
      };
      if (this.isStopping) this.wake();
    });
  }
}

/** In ticks since the machine started: field 22 of stat, counted from behind the name, which may hold anything. */
function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
