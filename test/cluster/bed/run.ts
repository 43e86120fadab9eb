import { execFile } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end; rejects with what it said when it fails. */
export async function run(command: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await tryRun(command, args);
  if (code === 0) return out;
  throw new Error(
    `${command} ${args.slice(0, 6).join(' ')}: ${err.trim() || out.trim() || `ended with ${code}`}`,
  );
}

/** Runs a program to its end, however it ends. */
export function tryRun(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((done) => {
    const settings = {
      timeout: options.timeoutMs ?? 60_000,
      maxBuffer: 16 << 20,
      env: options.env ?? process.env,
    };
    execFile(command, [...args], settings, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      done({ code, out, err: error !== null && err === '' ? error.message : err });
    });
  });
}
