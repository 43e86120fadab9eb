import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import { exchangeId } from '../messages/primitives.js';
import type { Files } from '../ports/files.js';

/** Where simulated exchanges of another process are, and how to sign there: a small file that only its owner may read. */

const loopback = (scheme: 'ws' | 'http') =>
  z.string().regex(new RegExp(`^${scheme}://127\\.0\\.0\\.1:\\d{1,5}$`), 'not a loopback address');

const described = z.strictObject({
  ws: loopback('ws'),
  rest: loopback('http'),
  /** Null where one cannot trade. */
  credentials: z
    .strictObject({ apiKey: z.string(), secret: z.string(), passphrase: z.string().nullable() })
    .nullable(),
});

const exchangesFile = z.strictObject({
  version: z.literal(1),
  pid: z.number().int(),
  startedAtMs: z.number(),
  exchanges: z.record(exchangeId, described),
});
export type ExchangesFile = z.infer<typeof exchangesFile>;

/** @throws ArbotError ARB_CONFIG_INVALID naming file and field. */
export async function readExchangesFile(files: Files, path: string): Promise<ExchangesFile> {
  const text = await files.read(path).catch(() => null);
  if (text === null) throw new ArbotError('ARB_CONFIG_INVALID', `--exchanges-at: ${path} cannot be read`);
  const parsed = exchangesFile.safeParse(jsonOf(text.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_CONFIG_INVALID', `${path}: ${issueText(parsed.error, 'exchanges')}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
