import { ArbotError, errorText } from '../messages/errors.js';

/** What a command needs of its process, so that tests can run commands without one. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** A line to standard output. */
  print(line: string): void;
  /** A line to standard error. */
  complain(line: string): void;
  /** Calls back at each SIGINT or SIGTERM; returns the removal. */
  onSignal(handler: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Null or absent where nobody looks on: a pipe, a file. */
  readonly screen?: Screen | null;
  /** Asks whoever sits there, without showing what is typed; absent where nobody does. */
  ask?(question: string): Promise<string>;
  /** Everything that a pipe brings, as text; rejects with ARB_CLI_USAGE when that is more than `maxBytes`. */
  readInput?(maxBytes: number): Promise<string>;
  /** How dear a new key vault makes it to guess its password, as log2 of scrypt's N; absent = as a vault that is used needs it. */
  readonly vaultCost?: number;
}

/** A terminal that a person sits at. */
export interface Screen {
  size(): { readonly rows: number; readonly columns: number };
  /** Calls back at each key, until the removal that it returns; Ctrl-C is a signal all the same. */
  onKey(handler: (key: string) => void): () => void;
}

/** Erases the screen and begins at its top. */
export const CLEAR = '\u001b[2J\u001b[H';

/** Exit codes: 0 done · 1 failed · 2 wrong usage or configuration · 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The real process. */
export function processTerminal(): Terminal {
  return {
    environment: process.env,
    workingFolder: process.cwd(),
    print: (line) => void process.stdout.write(`${line}\n`),
    complain: (line) => void process.stderr.write(`${line}\n`),
    onSignal: (handler) => {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
    screen: process.stdin.isTTY && process.stdout.isTTY ? processScreen() : null,
    ...(process.stdin.isTTY ? { ask: askHidden } : { readInput: readPipe }),
  };
}

/** The question goes to standard error, so that the output of a command stays its own. */
function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (): void => {
      stdin.off('data', heard).setRawMode(false).pause();
      stderr.write('\n');
    };
    const heard = (text: string): void => {
      for (const letter of text) {
        if (letter === '\r' || letter === '\n') {
          end();
          return resolve(typed);
        }
        if (letter === '\u0003' || letter === '\u0004') {
          end();
          return reject(new ArbotError('ARB_CLI_USAGE', 'nothing was entered'));
        }
        typed = letter === '\u007f' || letter === '\b' ? typed.slice(0, -1) : typed + letter;
      }
    };
    stdin.setRawMode(true).setEncoding('utf8').on('data', heard).resume();
  });
}

async function readPipe(maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new ArbotError('ARB_CLI_USAGE', `the input has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function processScreen(): Screen {
  const { stdin, stdout } = process;
  return {
    size: () => ({ rows: stdout.rows, columns: stdout.columns }),
    onKey: (handler) => {
      const heard = (text: string): void => {
        // In raw mode the terminal makes no signal of it.
        if (text === '\u0003') process.kill(process.pid, 'SIGINT');
        else handler(text);
      };
      stdin.setRawMode(true).setEncoding('utf8').on('data', heard).resume();
      return () => {
        stdin.off('data', heard).setRawMode(false).pause();
      };
    },
  };
}

/** Prints one clear line with the error's code, or everything with `verbose`; returns the exit code. */
export function complainAbout(error: unknown, terminal: Terminal, verbose: boolean): number {
  const code = error instanceof ArbotError ? error.code : 'ARB_INVARIANT';
  if (verbose && error instanceof Error) terminal.complain(error.stack ?? errorText(error));
  terminal.complain(`arbot: ${code}: ${errorText(error)}`);
  if (!(error instanceof ArbotError) && !verbose) terminal.complain('Run again with --verbose to see where.');
  return code === 'ARB_CLI_USAGE' || code === 'ARB_CONFIG_INVALID' ? EXIT.usage : EXIT.failed;
}

/** Columns padded to their widest cell, two spaces between. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
