import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import { killTicks } from './ticks.js';

interface Flags {
  readonly times: string;
  readonly seed: string;
}

/** Kills, tells the figures, and sets the exit code. */
export async function ticks({ times, seed }: Flags): Promise<void> {
  const missing = chdbMissing();
  if (missing !== null) {
    console.log(`ticks: skipped: ${missing}`);
    return;
  }
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, seed ${seed}`);
  const root = mkdtempSync(join(tmpdir(), 'arbot-chaos-'));
  const startedMs = performance.now();
  try {
    const heard = (line: string): void => console.log(line);
    const report = await killTicks(join(root, 'ticks'), { times: Number(times), seed: Number(seed), heard });
    const { kills, acknowledged, rowsPerBatch, lost, torn, doubled, restored, starts } = report;
    console.log(
      `ticks: ${kills.engine} kills of the engine, ${kills.writer} of the writer in ` +
        `${((performance.now() - startedMs) / 1_000).toFixed(0)} s; ${acknowledged} batches of ${rowsPerBatch} rows ` +
        `acknowledged, ${lost} lost, ${torn} torn, ${doubled} rows doubled; ${restored} batches were stored although their ` +
        `acknowledgement was lost; ${starts} clean starts`,
    );
    if (lost + torn + doubled > 0) process.exitCode = 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
