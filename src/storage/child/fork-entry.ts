import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Longer lines are minified source that a WASM abort prints; they say nothing. */
const MINIFIED_LINE = 400;
const STDERR_KEPT = 16_384;
const SUMMARY_LENGTH = 240;

/** One line for people out of what a dying child printed: the first that names an error, else the first at all. */
export function summariseStderr(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line.length <= MINIFIED_LINE && !/^(at |node:|file:|\^)/.test(line));
  const telling = lines.find((line) => /error|abort|fatal|panic|lock/i.test(line)) ?? lines[0] ?? '';
  return telling.slice(0, SUMMARY_LENGTH);
}

/** The environment a database process needs: no secrets, no loader options of the parent. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'SystemRoot', 'TEMP', 'TMP'];
  return Object.fromEntries(
    kept.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
  );
}

/** From the sources the child needs the TypeScript loader; the compiled build does not. */
function loaderArguments(entry: string): string[] {
  if (!entry.endsWith('.ts')) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}

export interface Forked {
  readonly process: ChildProcess;
  /** What it printed to stderr so far, reduced to one line. */
  complaint(): string;
}

/** A module beside another, named without its extension, in the sources and in the compiled build. */
export function entryBeside(moduleUrl: string, name: string): string {
  const extension = moduleUrl.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./${name}.${extension}`, moduleUrl));
}

/** Forks a module with its stderr kept and nothing printed. `advanced` carries bytes, `json` (the default) is faster for text. */
export function forkEntry(
  entry: string,
  args: readonly string[],
  serialization: 'json' | 'advanced' = 'json',
): Forked {
  const child = fork(entry, [...args], {
    execArgv: loaderArguments(entry),
    env: plainEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization,
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < STDERR_KEPT) stderr += text.slice(0, STDERR_KEPT);
  });
  return { process: child, complaint: () => summariseStderr(stderr) };
}
