import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ClockSample } from '../../launch/clock-offset.js';
import { scriptLine } from '../../launch/quote.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { Remote, RemoteCommand, RemoteResult } from './remote.js';

/** How a command line of a shell becomes a process here: through ssh, or not. */
export type Spawn = (line: string) => { readonly command: string; readonly args: readonly string[] };

export interface ChildRemoteOptions {
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly close?: () => Promise<void>;
}

const MAX_OUT = 1 << 20;
const MAX_ERR = 16 * 1024;
const MAX_LINE = 64 * 1024;
const SAMPLE_TIMEOUT_MS = 15_000;

/** Runs every command in a child process. */
export class ChildRemote implements Remote {
  private readonly options: ChildRemoteOptions;

  constructor(options: ChildRemoteOptions) {
    this.options = options;
  }

  run(command: RemoteCommand): Promise<RemoteResult> {
    const child = this.start(command);
    let [out, err] = ['', ''];
    child.stdout.on('data', (data: string) => (out = (out + data).slice(0, MAX_OUT)));
    child.stderr.on('data', (data: string) => (err = (err + data).slice(-MAX_ERR)));
    feed(child, command.input);
    return new Promise((done) => {
      let late = false;
      const timer = this.options.timers.setTimer(() => {
        late = true;
        child.kill('SIGKILL');
        // What it started may hold the other ends.
        child.stdout.destroy();
        child.stderr.destroy();
      }, command.timeoutMs);
      const end = (code: number | null, why: string): void => {
        this.options.timers.clearTimer(timer);
        const said = late ? `no end within ${command.timeoutMs / 1_000} s` : why;
        done({ code: late ? null : code, out, err: said === '' ? err : `${err}${said}\n` });
      };
      child.once('error', (error) => end(null, error.message));
      child.once('close', (code, signal) => end(code, signal === null ? '' : `ended by ${signal}`));
    });
  }

  async sampleClock(script: string, count: number): Promise<ClockSample[]> {
    const { clock, timers } = this.options;
    const child = this.start({ script, words: [] });
    const timer = timers.setTimer(() => child.kill('SIGKILL'), SAMPLE_TIMEOUT_MS);
    const samples: ClockSample[] = [];
    try {
      const lines = linesOf(child);
      for (let index = 0; index < count; index++) {
        const sentMs = clock.nowMs();
        child.stdin.write('\n');
        // A connection that breaks off ends the samples as its end does.
        const next = await lines.next().catch(() => null);
        if (next === null || next.done === true) break;
        samples.push({ sentMs, receivedMs: clock.nowMs(), answer: next.value });
      }
    } finally {
      timers.clearTimer(timer);
      child.stdin.end();
      child.kill();
    }
    return samples;
  }

  follow(
    command: Pick<RemoteCommand, 'script' | 'words'>,
    onLine: (line: string) => void,
  ): { readonly ended: Promise<number | null>; readonly stop: () => void } {
    const child = this.start(command);
    child.stdin.end();
    let rest = '';
    const take = (data: string): void => {
      const lines = (rest + data).split('\n');
      rest = (lines.pop() ?? '').slice(-MAX_LINE);
      lines.forEach(onLine);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', (data: string) => data.split('\n').filter(Boolean).forEach(onLine));
    const ended = new Promise<number | null>((done) => {
      child.once('error', () => done(null));
      child.once('close', (code) => done(code));
    });
    return { ended, stop: () => void child.kill() };
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }

  private start({ script, words }: Pick<RemoteCommand, 'script' | 'words'>): ChildProcessWithoutNullStreams {
    const { command, args } = this.options.spawn(scriptLine(script, words));
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8');
    child.stderr.setEncoding('utf8');
    // A command that ends early closes its input; what it said and its exit code tell why.
    child.stdin.on('error', () => undefined);
    return child;
  }
}

function feed(child: ChildProcessWithoutNullStreams, input: RemoteCommand['input']): void {
  if (input === undefined) {
    child.stdin.end();
    return;
  }
  const source = 'path' in input ? createReadStream(input.path) : Readable.from([input.data]);
  source.on('error', () => child.kill('SIGKILL'));
  source.pipe(child.stdin);
}

async function* linesOf(child: ChildProcessWithoutNullStreams): AsyncGenerator<string> {
  child.once('error', () => child.stdout.destroy());
  let rest = '';
  for await (const data of child.stdout as AsyncIterable<string>) {
    const lines = (rest + data).split('\n');
    rest = (lines.pop() ?? '').slice(-MAX_LINE);
    yield* lines;
  }
}
