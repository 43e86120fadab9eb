import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';

/** One recorded REST answer. */
export interface RecordedAnswer {
  /** '' when the recording does not say. */
  readonly symbol: string;
  readonly body: Buffer;
  /** The answer arrived before this frame. */
  readonly beforeFrame: number;
}

/** A recorded connection: frames exactly as received, when they came, and the REST answers between them. */
export interface Capture {
  readonly sha256: string;
  readonly frames: readonly Buffer[];
  /** Unix ms of each frame; the frame's number where the recording has no times. */
  readonly timesMs: readonly number[];
  readonly answers: readonly RecordedAnswer[];
}

/** Reads `<path>.jsonl` and what lies beside it. */
export async function readCapture(folder: string, file: string): Promise<Capture> {
  const path = join(folder, file);
  const bytes = await readFile(path);
  const frames = linesOf(bytes);
  const stem = path.replace(/\.jsonl$/, '');
  const timesMs = existsSync(`${stem}.ts`)
    ? linesOf(await readFile(`${stem}.ts`)).map((line) => unixMs(line.toString('latin1')))
    : frames.map((_, index) => index);
  const answers = existsSync(`${stem}.rest.jsonl`)
    ? linesOf(await readFile(`${stem}.rest.jsonl`)).map((line) => readAnswer(line, timesMs))
    : [];
  return { sha256: createHash('sha256').update(bytes).digest('hex'), frames, timesMs, answers };
}

/** The lines of a file; a line feed at the end ends the last line. */
export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  while (from < bytes.length) {
    const at = bytes.indexOf(0x0a, from);
    const end = at < 0 ? bytes.length : at;
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return lines;
}

/** Seconds with a fraction, or nanoseconds. */
function unixMs(text: string): number {
  return text.length >= 19 && !text.includes('.') ? Number(text.slice(0, -3)) / 1000 : Number(text) * 1000;
}

function readAnswer(line: Buffer, timesMs: readonly number[]): RecordedAnswer {
  const row = JSON.parse(line.toString('utf8')) as {
    t: string | number;
    url: string;
    body: string;
    after_frame?: number;
  };
  const atMs = unixMs(String(row.t));
  const after = timesMs.findIndex((time) => time >= atMs);
  return {
    symbol: /[?&](?:symbol|instId|contract|currency_pair)=([^&]+)/.exec(row.url)?.[1] ?? '',
    body: Buffer.from(row.body),
    beforeFrame: row.after_frame ?? (after < 0 ? timesMs.length : after),
  };
}
