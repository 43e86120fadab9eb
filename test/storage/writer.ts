import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Polls until a condition holds; rejects naming it after about two minutes. */
export async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if (await condition()) return;
    await new Promise((resume) => setTimeout(resume, 10));
  }
  throw new Error(`never happened: ${what}`);
}

/** Where a writing process writes. */
export type WriterPlace =
  { readonly kind: 'pglite'; readonly folder: string } | { readonly kind: 'postgres'; readonly url: string };

/** What a writing process reports of itself. */
export type WriterReport =
  | { readonly kind: 'opened'; readonly databasePid: number; readonly fence: number }
  | { readonly kind: 'booked'; readonly entryId: string }
  | { readonly kind: 'journalled'; readonly clientOrderId: string };

export interface Writer {
  readonly process: ChildProcess;
  /** Entries whose booking was acknowledged. */
  readonly acknowledged: string[];
  /** Orders whose journal row was acknowledged. */
  readonly journalled: string[];
  readonly databasePid: () => number;
  /** Of the lease that it took. */
  readonly fence: () => number;
}

export const hasEnded = ({ process }: Writer): boolean =>
  process.exitCode !== null || process.signalCode !== null;

/** Starts a whole process that opens the stores and writes as fast as it can; resolves once it has written. */
export async function startWriter(place: WriterPlace): Promise<Writer> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('./writer-process.ts', import.meta.url));
  const child = fork(entry, [JSON.stringify(place)], {
    execArgv: ['--import', loader],
    env: { PATH: process.env['PATH'] },
    // What a killed database makes it say is expected; only a writer that never wrote is asked.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2_000)));
  const opened = { databasePid: 0, fence: 0 };
  const writer: Writer = {
    process: child,
    acknowledged: [],
    journalled: [],
    databasePid: () => opened.databasePid,
    fence: () => opened.fence,
  };
  child.on('message', (report: WriterReport) => {
    if (report.kind === 'opened') Object.assign(opened, report);
    else if (report.kind === 'booked') writer.acknowledged.push(report.entryId);
    else writer.journalled.push(report.clientOrderId);
  });
  await until('the writer writes', () => writer.journalled.length > 0 || hasEnded(writer));
  if (writer.journalled.length === 0) throw new Error(`the writer ended with ${child.exitCode}: ${said}`);
  return writer;
}
