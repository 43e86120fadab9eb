import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { ArbotError, errorText } from '../messages/errors.js';
import { isSeriesIndex, readSeriesFolder } from './reference/series.js';
import { compareSeries } from './reference/statistics.js';
import { REFERENCE_KINDS, runReferenceFile } from './reference/run.js';
import { wireExchange } from './wire/exchanges.js';
import type { FileReport } from './wire/report.js';
import { isWireFolder, runWireFolder } from './wire/run-folder.js';

/** Walks a folder of captured traffic or of exact reference numbers and runs whatever ArBot understands through its own code. */

/** What one file came to. `checks` are cases (reference) or single comparisons (traffic). */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
  /** Reasons why something in the file was not run; empty = all of it was. */
  readonly skipped: readonly string[];
  /** True when the file's kind is built, so that a skip in it is a fault. */
  readonly isDone: boolean;
}

export interface ConformanceResult {
  readonly files: readonly FileResult[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** False after any failure, after no passed check, and after a skip among kinds that are built. */
  readonly ok: boolean;
}

const MAX_DEPTH = 6;
const SHOWN_FAILURES = 5;
/** Indexes of a set, not cases. */
const NOT_CASES = new Set(['MANIFEST.json']);
/** Names a folder of series, and what belongs to it. */
const SERIES_INDEX = 'cases.json';
const SERIES_FOLDERS = new Set(['series', 'expected']);

/**
 * Runs every case below `folder`. `report` is called once per file, in order, as soon as the file is done. Rejects with
 * ARB_CLI_USAGE when the folder cannot be read.
 */
export async function runConformance(
  folder: string,
  report: (result: FileResult) => void = () => undefined,
): Promise<ConformanceResult> {
  const files: FileResult[] = [];
  const add = (result: FileResult): void => {
    files.push(result);
    report(result);
  };
  await visit(folder, folder, 0, add);
  const sum = (count: (one: FileResult) => number): number =>
    files.reduce((total, one) => total + count(one), 0);
  const [passed, failed, skipped] = [
    sum((f) => f.passed),
    sum((f) => f.failed),
    sum((f) => f.skipped.length),
  ];
  const missed = files.some((one) => one.isDone && one.skipped.length > 0);
  return { files, passed, failed, skipped, ok: failed === 0 && passed > 0 && !missed };
}

async function visit(
  root: string,
  folder: string,
  depth: number,
  add: (result: FileResult) => void,
): Promise<void> {
  const entries = await list(folder);
  const label = (name: string): string => relative(root, join(folder, name));
  if (await isWireFolder(folder)) {
    for (const one of await runWireFolder(folder)) add(wireResult(one, label(one.file)));
    return;
  }
  if (entries.some(({ name }) => name === SERIES_INDEX) && (await isSeriesFolder(folder))) {
    for (const result of await seriesResults(folder, label)) add(result);
    for (const entry of entries)
      if (entry.isDirectory() && !SERIES_FOLDERS.has(entry.name) && depth < MAX_DEPTH)
        await visit(root, join(folder, entry.name), depth + 1, add);
    return;
  }
  for (const entry of entries) {
    if (entry.isDirectory()) {
      if (depth < MAX_DEPTH) await visit(root, join(folder, entry.name), depth + 1, add);
    } else if (entry.name.endsWith('.json') && !NOT_CASES.has(entry.name)) {
      add(await referenceResult(join(folder, entry.name), label(entry.name)));
    }
  }
}

async function list(folder: string): Promise<{ name: string; isDirectory(): boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw new ArbotError('ARB_CLI_USAGE', `${folder}: cannot be read (${errorText(error)})`);
  }
}

async function isSeriesFolder(folder: string): Promise<boolean> {
  try {
    return isSeriesIndex(JSON.parse(await readFile(join(folder, SERIES_INDEX), 'utf8')));
  } catch {
    return false;
  }
}

/** One result per series, counted by single numbers. A folder that cannot be read is one failure. */
async function seriesResults(folder: string, label: (name: string) => string): Promise<FileResult[]> {
  const nothing = { skipped: [], isDone: true };
  try {
    return (await readSeriesFolder(folder)).map((one) => {
      const { compared, found } = compareSeries(one);
      const failures = found.map((difference) => differenceText(difference.field, difference));
      const failed = found.length;
      return { ...nothing, file: label(one.id), passed: compared - failed, failed, failures };
    });
  } catch (error) {
    const failures = [`cannot be run: ${errorText(error).slice(0, 300)}`];
    return [{ ...nothing, file: label(SERIES_INDEX), passed: 0, failed: 1, failures }];
  }
}

/** A traffic report as a result. */
export function wireResult(report: FileReport, file: string): FileResult {
  return {
    file,
    passed: report.passed,
    failed: report.failures.length,
    failures: report.failures.map((one) => differenceText(one.field, one)),
    skipped: report.skipped.map((one) => one.reason),
    isDone: wireExchange(exchangeOf(report.file)) !== null,
  };
}

/** The exchange a traffic file belongs to: `okx/…`, `answers/okx--…`, `answers/derived--okx-…`, `rest/<source>-okx-…`. */
export function exchangeOf(file: string): string {
  const [folder = '', name = ''] = file.split('/');
  if (folder === 'answers') {
    const [first = '', rest = ''] = name.split('--');
    return first === 'derived' ? (rest.split('-')[0] ?? '') : first;
  }
  return folder === 'rest' ? (name.split('-')[1] ?? '') : folder;
}

const caseFile = z.looseObject({ kind: z.string(), cases: z.array(z.unknown()) });

async function referenceResult(path: string, file: string): Promise<FileResult> {
  const nothing = { file, passed: 0, failed: 0, failures: [], skipped: [], isDone: false };
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    const parsed = caseFile.safeParse(json);
    if (!parsed.success) return { ...nothing, skipped: ['not a file of cases that ArBot understands yet'] };
    const { kind } = parsed.data;
    if (!REFERENCE_KINDS.includes(kind))
      return { ...nothing, skipped: [`cases of kind ${kind} are not built yet`] };
    const report = runReferenceFile(kind, json);
    const failures = report.failed.map((one) => differenceText(`${one.id} ${one.field}`, one));
    return { ...nothing, passed: report.passed, failed: report.failedCases, failures, isDone: true };
  } catch (error) {
    return {
      ...nothing,
      failed: 1,
      failures: [`cannot be run: ${errorText(error).slice(0, 300)}`],
      isDone: true,
    };
  }
}

const differenceText = (
  field: string,
  one: { readonly expected: unknown; readonly actual: unknown },
): string => `${field}: expected ${shown(one.expected)}, got ${shown(one.actual)}`;

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');

/** One line per file, then its first failures and its reasons for skipping. */
export function renderFile(result: FileResult): string {
  const state = result.failed > 0 ? 'FAIL' : result.passed > 0 ? 'ok  ' : 'skip';
  const counts = result.passed + result.failed > 0 ? `${result.passed} passed, ${result.failed} failed` : '';
  const reasons = [...new Set(result.skipped)].join('; ');
  const head = [state, result.file, counts, reasons === '' ? '' : `(skipped: ${reasons})`].filter(
    (one) => one !== '',
  );
  const more = result.failures.length - SHOWN_FAILURES;
  return [
    head.join('  '),
    ...result.failures.slice(0, SHOWN_FAILURES).map((one) => `      ${one}`),
    ...(more > 0 ? [`      and ${more} more`] : []),
  ].join('\n');
}

/** The closing line. */
export const renderTotals = (result: ConformanceResult): string =>
  `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
