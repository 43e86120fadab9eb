import { z } from 'zod';
import { ArbotError, errorText } from '../messages/errors.js';
import { exchangeId } from '../messages/primitives.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Files } from '../ports/files.js';

/**
 * The recording format. A recording is a set of files with one base name:
 *
 *   <exchange>-<date>.jsonl         one received frame per line, exactly as received
 *   <exchange>-<date>.ts            receive time of each line; seconds with fraction, or ms, µs, ns by magnitude
 *   <exchange>-<date>.sent.jsonl    {t,kind,url,data}: what the client opened and sent
 *   <exchange>-<date>.rest.jsonl    {t,url,body[,after_frame]}: REST answers taken meanwhile
 *
 * A frame that cannot be one line of text (binary, or with a line break) is wrapped losslessly, see `encodeFrame`. Files may
 * also lie in one folder per exchange; then the folder names the exchange.
 */

/** Longer lines are refused: no exchange sends frames near this size, and memory stays bounded. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const KNOWN_EXCHANGES = ['binance', 'okx', 'bybit', 'upbit', 'bithumb', 'kucoin', 'gate', 'bitget'];

export interface RecordingFiles {
  readonly exchange: ExchangeId;
  /** Path without extension. */
  readonly base: string;
  /** Last part of `base`. */
  readonly name: string;
  readonly frames: string;
  readonly times: string;
  readonly sent: string | null;
  readonly rest: string | null;
}

export interface RecordedFrame {
  /** 0-based line in the frames file. */
  readonly index: number;
  /** Unix ms, with fraction. */
  readonly receiveTimeMs: number;
  readonly data: Buffer;
  readonly isBinary: boolean;
}

export interface SentRecord {
  readonly timeMs: number;
  readonly kind: 'connect' | 'send' | 'cfg';
  readonly url: string | null;
  readonly data: string | null;
}

export interface RestRecord {
  readonly timeMs: number;
  readonly url: string;
  readonly body: string;
  /** The answer arrived after that many frames; null = only the time is known. */
  readonly afterFrame: number | null;
}

/** ARB_RECORDING_INVALID with `file:line` (1-based, as editors count). */
export function invalidRecording(file: string, line: number, why: string): ArbotError {
  return new ArbotError('ARB_RECORDING_INVALID', `${file}:${line}: ${why}`);
}

const WRAPPER_START = '{"arbotFrame":';
const wrapper = z.strictObject({
  arbotFrame: z.literal('base64'),
  binary: z.boolean(),
  data: z.base64(),
});

/** One line, without its line feed. Text frames stay as they are; the rest is base64 inside a small JSON wrapper. */
export function encodeFrame(data: Uint8Array, isBinary: boolean): Buffer {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const plain =
    !isBinary &&
    bytes.length > 0 &&
    !bytes.includes(0x0a) &&
    !bytes.includes(0x0d) &&
    bytes.subarray(0, WRAPPER_START.length).toString('latin1') !== WRAPPER_START;
  if (plain) return bytes;
  return Buffer.from(
    JSON.stringify({ arbotFrame: 'base64', binary: isBinary, data: bytes.toString('base64') }),
  );
}

/** The frame of a line. Throws ARB_RECORDING_INVALID naming `where`. */
export function decodeFrame(
  line: string,
  where: { file: string; line: number },
): { data: Buffer; isBinary: boolean } {
  if (line === '') throw invalidRecording(where.file, where.line, 'empty line where a frame should be');
  if (line.length > MAX_LINE_BYTES) throw invalidRecording(where.file, where.line, 'line is too long');
  if (!line.startsWith(WRAPPER_START)) return { data: Buffer.from(line), isBinary: false };
  const parsed = wrapper.safeParse(parseJson(line, where.file, where.line));
  if (!parsed.success) throw invalidRecording(where.file, where.line, fieldError(parsed.error));
  return { data: Buffer.from(parsed.data.data, 'base64'), isBinary: parsed.data.binary };
}

const fieldError = (error: z.ZodError): string => {
  const issue = error.issues[0];
  return issue === undefined ? 'refused' : `${issue.path.join('.') || '(line)'}: ${issue.message}`;
};

function parseJson(text: string, file: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidRecording(file, line, `not JSON (${errorText(error).slice(0, 80)})`);
  }
}

/** A time of a recording in Unix ms; the unit follows from the magnitude (all captures lie between 2001 and 2100). */
export function parseTime(text: string): number {
  if (!/^\d{9,19}(?:\.\d{1,9})?$/.test(text)) return Number.NaN;
  const digits = text.indexOf('.') < 0 ? text.length : text.indexOf('.');
  if (digits <= 10) return Number(text) * 1_000;
  if (digits <= 13) return Number(text);
  if (digits <= 16) return Number(text) / 1_000;
  const cut = digits - 6;
  return Number(`${text.slice(0, cut)}.${text.slice(cut, digits)}`);
}

const timeField = z.union([z.string(), z.number()]).transform((value, context) => {
  const time = parseTime(String(value));
  if (!Number.isFinite(time)) context.addIssue({ code: 'custom', message: 'not a time' });
  return time;
});
const sentLine = z.strictObject({
  t: timeField,
  kind: z.enum(['connect', 'send', 'cfg']),
  url: z.string().nullish(),
  data: z.unknown(),
});
const restLine = z.strictObject({
  t: timeField,
  url: z.string().min(1),
  body: z.string(),
  after_frame: z.number().int().min(0).optional(),
});

/**
 * The recordings below a folder (itself and one level down), oldest name first. A frames file counts when its `.ts` lies beside it.
 * Throws ARB_RECORDING_INVALID when the folder cannot be read or holds none.
 */
export async function findRecordings(files: Files, folder: string): Promise<RecordingFiles[]> {
  const found: RecordingFiles[] = [];
  const names = await listOrExplain(files, folder);
  found.push(...recordingsIn(folder, names));
  for (const name of names.filter((one) => !one.includes('.'))) {
    const inner = await files.list(`${folder}/${name}`).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 'ENOTDIR') return [];
      throw error;
    });
    found.push(...recordingsIn(`${folder}/${name}`, inner));
  }
  if (found.length === 0)
    throw new ArbotError(
      'ARB_RECORDING_INVALID',
      `${folder}: no recording (<exchange>-<date>.jsonl with its .ts) here`,
    );
  return found.sort((a, b) => (a.base < b.base ? -1 : 1));
}

async function listOrExplain(files: Files, folder: string): Promise<string[]> {
  try {
    return await files.list(folder);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    throw new ArbotError(
      'ARB_RECORDING_INVALID',
      `${folder}: cannot be read (${typeof code === 'string' ? code : errorText(error)})`,
    );
  }
}

function recordingsIn(folder: string, names: readonly string[]): RecordingFiles[] {
  const present = new Set(names);
  const folderName = folder.split('/').filter(Boolean).at(-1) ?? '';
  return names.flatMap((file) => {
    const name = file.slice(0, -'.jsonl'.length);
    if (!file.endsWith('.jsonl') || !present.has(`${name}.ts`)) return [];
    const exchange = exchangeOf(folderName, name);
    if (exchange === null) return [];
    const base = `${folder}/${name}`;
    const beside = (extension: string): string | null =>
      present.has(`${name}${extension}`) ? `${base}${extension}` : null;
    return [
      {
        exchange,
        base,
        name,
        frames: `${base}.jsonl`,
        times: `${base}.ts`,
        sent: beside('.sent.jsonl'),
        rest: beside('.rest.jsonl'),
      },
    ];
  });
}

/** The folder's name when it is an exchange, else the first part of the file's name. */
function exchangeOf(folderName: string, name: string): ExchangeId | null {
  if (KNOWN_EXCHANGES.includes(folderName)) return folderName;
  const first = name.split('-')[0] ?? '';
  return name.includes('-') && exchangeId.safeParse(first).success ? first : null;
}

/** Frames in order with their receive times, read as a stream. Times never go back: an earlier one is lifted to its predecessor. */
export async function* readFrames(files: Files, recording: RecordingFiles): AsyncGenerator<RecordedFrame> {
  const times = files.lines(recording.times)[Symbol.asyncIterator]();
  let index = 0;
  let newest = 0;
  try {
    for await (const line of files.lines(recording.frames)) {
      const time = await times.next();
      if (time.done === true)
        throw invalidRecording(recording.times, index + 1, 'the times end before the frames do');
      const at = parseTime(time.value.trim());
      if (!Number.isFinite(at)) throw invalidRecording(recording.times, index + 1, 'not a time');
      newest = Math.max(newest, at);
      const frame = decodeFrame(line, { file: recording.frames, line: index + 1 });
      yield { index, receiveTimeMs: newest, ...frame };
      index++;
    }
    // Surplus times are what a recorder that was killed leaves behind; the frames are the truth.
  } finally {
    await times.return?.();
  }
}

/** What the client opened and sent; empty when the recording does not say. */
export async function readSent(files: Files, recording: RecordingFiles): Promise<SentRecord[]> {
  if (recording.sent === null) return [];
  return readObjects(files, recording.sent, (value) => {
    const line = sentLine.parse(value);
    const data = line.data === null || line.data === undefined ? null : line.data;
    const text = data === null || typeof data === 'string' ? data : JSON.stringify(data);
    return { timeMs: line.t, kind: line.kind, url: line.url ?? null, data: text };
  });
}

/** REST answers of the recording, in order; empty when there are none. */
export async function readRest(files: Files, recording: RecordingFiles): Promise<RestRecord[]> {
  if (recording.rest === null) return [];
  return readObjects(files, recording.rest, (value) => {
    const line = restLine.parse(value);
    return { timeMs: line.t, url: line.url, body: line.body, afterFrame: line.after_frame ?? null };
  });
}

async function readObjects<T>(files: Files, file: string, build: (value: unknown) => T): Promise<T[]> {
  const all: T[] = [];
  let number = 0;
  for await (const line of files.lines(file)) {
    number++;
    if (line === '') throw invalidRecording(file, number, 'empty line');
    if (line.length > MAX_LINE_BYTES) throw invalidRecording(file, number, 'line is too long');
    if (number > 100_000) throw invalidRecording(file, number, 'too many lines');
    try {
      all.push(build(parseJson(line, file, number)));
    } catch (error) {
      if (error instanceof z.ZodError) throw invalidRecording(file, number, fieldError(error));
      throw error;
    }
  }
  return all;
}
