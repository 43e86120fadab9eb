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

/** What a writing process reports: the ids whose booking was acknowledged. */
export interface Writer {
  readonly process: ChildProcess;
  readonly acknowledged: string[];
  readonly databasePid: () => number;
}

/** Starts a whole process that opens the folder and books entries as fast as it can; resolves once it writes. */
export async function startWriter(folder: string): Promise<Writer> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('./writer-process.ts', import.meta.url));
  const child = fork(entry, [folder], { execArgv: ['--import', loader], env: { PATH: process.env['PATH'] } });
  const acknowledged: string[] = [];
  let databasePid = 0;
  child.on('message', (message: { entryId?: string; databasePid?: number }) => {
    if (message.entryId !== undefined) acknowledged.push(message.entryId);
    if (message.databasePid !== undefined) databasePid = message.databasePid;
  });
  await until('the writer writes', () => acknowledged.length > 0 || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the writer ended with ${child.exitCode}`);
  return { process: child, acknowledged, databasePid: () => databasePid };
}
