/**
 * What may be logged: JSON-safe, bounded, and without secrets. Keys that name a secret lose their value; values that look
 * like one lose the part that does. It is the last fence, not the first: secrets do not belong in log calls.
 */

export const REDACTED = '[redacted]';
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 4_096;

const SECRET_KEY =
  /pass(word|phrase|wd)?$|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|signature|^sign$|authori[sz]ation|cookie|credential|mnemonic|seed[-_]?phrase|nkey|^x-mbx-apikey$|access[-_]sign/i;

const SECRET_VALUES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g, REDACTED],
  // user:password in an address
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]+@/gi, `$1${REDACTED}@`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, REDACTED],
  // signature=…, apiKey: "…" and their like inside texts, queries and JSON
  [
    /((?:api[-_]?key|secret(?:[-_]?key)?|signature|passphrase|password|token|\bsign)["']?\s*[=:]\s*["']?)[^\s"'&,;}\]]+/gi,
    `$1${REDACTED}`,
  ],
  // Bot tokens of Telegram: digits, a colon, 35 characters
  [/\b\d{6,12}:[A-Za-z0-9_-]{35}\b/g, REDACTED],
  // 256 bits in hex, with or without 0x
  [/\b(?:0x)?[0-9a-f]{64,}\b/gi, REDACTED],
  // padded base64 of 30 bytes and more
  [/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={1,2}/g, REDACTED],
  // keys of exchanges: 40 and more letters and digits, both cases and a digit
  [/\b(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])(?=[A-Za-z0-9]*\d)[A-Za-z0-9]{40,}\b/g, REDACTED],
];

/** A text without what looks like a secret, at most 4,096 characters. */
export function redactText(text: string): string {
  // Cut before matching, so that a huge text costs no more than a long one.
  const bounded = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return SECRET_VALUES.reduce((rest, [pattern, mask]) => rest.replaceAll(pattern, mask), bounded);
}

/** A JSON-safe copy without secrets. Errors become message, code and stack; what is too deep or too long is cut. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(source: object, depth: number): Record<string, unknown> {
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of Object.entries(source).slice(0, MAX_ITEMS)) {
    copy[key] =
      SECRET_KEY.test(key) && value !== null && value !== undefined ? REDACTED : redact(value, depth);
  }
  return copy;
}

function redact(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : redactNested(value, depth + 1);
    case 'function':
    case 'symbol':
      return `[${typeof value}]`;
    default:
      return value;
  }
}

function redactNested(value: object, depth: number): unknown {
  if (value instanceof Error) return redactError(value, depth);
  if (depth > MAX_DEPTH) return '[deep]';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redact(item, depth));
  if (value instanceof Map || value instanceof Set) return `[${value.constructor.name} of ${value.size}]`;
  return redactObject(value, depth);
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause =
    error.cause instanceof Error && depth <= MAX_DEPTH ? { cause: redactError(error.cause, depth + 1) } : {};
  return { message: redactText(error.message), ...code, stack: redactText(error.stack ?? ''), ...cause };
}
