import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');

/** `arbot` as its users run it: a process of its own. Ends with the test, whatever happens. */
export class ArbotProcess {
  readonly child: ChildProcess;
  private out = '';
  private err = '';

  /** `program`: the folder of its files, where it is not this repository. */
  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    program = repository,
  ) {
    this.child = spawn(process.execPath, [resolve(program, 'bin/arbot.mjs'), ...args], {
      cwd: program,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
  }

  get stdout(): string {
    return this.out;
  }

  get stderr(): string {
    return this.err;
  }

  /** Waits until the standard output matches; rejects when the process ends first or the time is over. */
  async seen(pattern: RegExp, withinMs: number): Promise<RegExpExecArray> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const match = pattern.exec(this.out);
      if (match !== null) return match;
      if (this.child.exitCode !== null || performance.now() > deadline)
        throw new Error(`no ${pattern} in:\n${this.out}\n${this.err.slice(-3_000)}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** The page's address, once the node is up. */
  async url(withinMs = 60_000): Promise<string> {
    return (await this.seen(/^page\s+(http:\S+)$/m, withinMs))[1]!;
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.child.exitCode === null) this.child.kill(signal);
  }
}

export async function getJson<T>(url: string, signal: AbortSignal | null = null): Promise<T> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Asks again until `accept` is content; rejects with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  accept: (value: T) => boolean,
  withinMs: number,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (accept(value)) return value;
    if (performance.now() > deadline)
      throw new Error(`not in time; last: ${JSON.stringify(value).slice(0, 2_000)}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
