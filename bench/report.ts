import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { NOISY_ABOVE, NOISY_BELOW, type Result, type Row } from './harness.js';
import type { Quartiles } from './quartiles.js';

/** Absolute figures mean nothing without the machine, so each run begins with it. Its children run with --expose-gc. */
export function machineLine(): string {
  const [cpu] = cpus();
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
  return [
    new Date().toISOString(),
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `load ${load}`,
    `Node ${process.version} (V8 ${process.versions.v8})`,
    ...['nact', 'nats', 'decimal.js'].map((name) => `${name} ${versionOf(name)}`),
    'collected before each slot',
  ].join(' · ');
}

function versionOf(name: string): string {
  const path = resolve(import.meta.dirname, '../node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

const HEAD = ['', 'cpu', 'cpu min', 'IQR', 'wall', 'ratio [quartiles]', 'units/s', 'MB/s', 'GC/1M'];

/** The table of one series as text; ratios are the message. */
export function reportOf({ series, rows, sameAgainstSame, notes }: Result): string {
  const table = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  const lines = table.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  const noisy = sameAgainstSame.median < NOISY_BELOW || sameAgainstSame.median > NOISY_ABOVE;
  return [
    `## ${series.title}`,
    `input: ${series.input}; times per ${series.unit}`,
    ...lines,
    `A/A: ${ratioText(sameAgainstSame)}${noisy ? ' — NOISY RUN, do not judge the ratios' : ''}`,
    ...notes,
    '',
  ].join('\n');
}

function cellsOf(row: Row): string[] {
  const { cpuNs, wallNs, bytesPerUnit } = row;
  const perSecond = 1e9 / wallNs;
  return [
    row.name,
    timeText(cpuNs.median),
    timeText(row.cpuMinNs),
    `${Math.round(((cpuNs.high - cpuNs.low) / cpuNs.median) * 100)} %`,
    timeText(wallNs),
    row.ratio === null ? '1 (reference)' : ratioText(row.ratio),
    Math.round(perSecond).toLocaleString('en-US'),
    bytesPerUnit === null ? '–' : ((bytesPerUnit * perSecond) / 1e6).toFixed(0),
    row.collectionsPerMillion.toFixed(0),
  ];
}

function ratioText({ low, median, high }: Quartiles): string {
  return `${figure(median)} [${figure(low)}–${figure(high)}]`;
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Nanoseconds in a readable unit. */
export function timeText(ns: number): string {
  if (ns >= 1e6) return `${(ns / 1e6).toPrecision(3)} ms`;
  return ns >= 1e4 ? `${(ns / 1e3).toPrecision(3)} µs` : `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
}
