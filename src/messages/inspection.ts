import type { z } from 'zod';

/** Looking at untrusted input: how deep it is nested, and which of its fields a schema refused. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;

/** True when JSON text is nested deeper than `limit`; brackets inside strings do not count. One pass, no allocation. */
export function exceedsDepth(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return false;
}

/** The first refused field and why, e.g. `body.legs[0].side: Invalid option`. Never longer than 300 characters. */
export function issueText(error: z.ZodError, root = ''): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'refused';
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const field = path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, root);
  const why = issue.code === 'unrecognized_keys' ? 'not a known field' : issue.message;
  return `${field === '' ? 'message' : field}: ${why}`.slice(0, 300);
}
