import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { wireExchange } from './exchanges.js';
import { Comparison, type FileReport } from './report.js';
import { runWireAnswer } from './run-answer.js';
import { runFrameFile, runScriptFile } from './run-frames.js';
import { runMapperFile } from './run-mapper.js';
import { runRestFile } from './run-rest.js';
import { runSigningFile } from './run-signing.js';

/** True for a folder in the format of captured traffic: it has `answers/` or a folder named after an exchange. */
export async function isWireFolder(folder: string): Promise<boolean> {
  if (!existsSync(folder)) return false;
  const names = await readdir(folder);
  return names.includes('answers') || names.some((name) => wireExchange(name) !== null);
}

/**
 * Runs every file of a folder of captured traffic that ArBot understands; the others are listed as skipped with the reason.
 * Files that only accompany a capture (times, sent frames, REST answers, expectations) belong to its report.
 */
export async function runWireFolder(folder: string): Promise<FileReport[]> {
  const reports: FileReport[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const name of folders.sort()) {
    const files = (await readdir(join(folder, name))).sort();
    for (const file of files) {
      const report = await runFile(folder, name, file, files);
      if (report !== null) reports.push(report);
    }
  }
  return reports;
}

async function runFile(
  folder: string,
  name: string,
  file: string,
  siblings: readonly string[],
): Promise<FileReport | null> {
  const path = `${name}/${file}`;
  if (name === 'licences' || /\.(?:ts|sent\.jsonl|rest\.jsonl|expected\.jsonl)$/.test(file)) return null;
  if (name === 'answers') return runWireAnswer(folder, path);
  if (name === 'rest') return runRestFile(folder, path);
  if (name === 'signing') return runSigningFile(folder, path);
  // Whole captures are judged through their answers; those of protocols that are gone have none.
  const isCapture = /\.jsonl$/.test(file) && siblings.includes(file.replace(/\.jsonl$/, '.ts'));
  const answer = `answers/${name}--${file.replace(/\.jsonl$/, '.json')}`;
  if (name === 'derived' || (isCapture && existsSync(join(folder, answer)))) return null;
  const wire = wireExchange(name);
  if (wire === null) return skipped(path, `nothing of ${name} is built yet`);
  if (file.startsWith('tardis-mapper-')) return runMapperFile(folder, path, wire);
  return file.endsWith('.ndjson') ? runScriptFile(folder, path, wire) : runFrameFile(folder, path, wire);
}

function skipped(path: string, reason: string): FileReport {
  const comparison = new Comparison();
  comparison.skip(path, reason);
  return comparison.report(path, 'none');
}
