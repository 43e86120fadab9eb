import { readFileSync } from 'node:fs';
import { ArbotError, errorText } from '../messages/errors.js';

/**
 * Precedence: defaults < file < environment < flags. The table names what the environment may change; everything else is
 * decided in the files, so that a forgotten variable cannot change how money is traded.
 */
export interface OverrideSpec {
  readonly variable: string;
  readonly file: 'cluster' | 'trading';
  /** `nodes.*` means: of the node this process runs. */
  readonly path: readonly (string | number)[];
  readonly kind: 'text' | 'number' | 'list';
}

export const OVERRIDES: readonly OverrideSpec[] = [
  { variable: 'ARBOT_HTTP_HOST', file: 'cluster', path: ['nodes', '*', 'http', 'host'], kind: 'text' },
  { variable: 'ARBOT_HTTP_PORT', file: 'cluster', path: ['nodes', '*', 'http', 'port'], kind: 'number' },
  { variable: 'ARBOT_DATA_FOLDER', file: 'cluster', path: ['nodes', '*', 'dataFolder'], kind: 'text' },
  { variable: 'ARBOT_NATS_URLS', file: 'cluster', path: ['bus', 'urls'], kind: 'list' },
  { variable: 'ARBOT_MIN_NET_EDGE_BPS', file: 'trading', path: ['edge', 'minNetEdgeBps'], kind: 'number' },
  { variable: 'ARBOT_MIN_NET_PROFIT', file: 'trading', path: ['edge', 'minNetProfit'], kind: 'text' },
  { variable: 'ARBOT_MAX_NOTIONAL', file: 'trading', path: ['sizes', 'maxNotional'], kind: 'text' },
  { variable: 'ARBOT_BOOK_AGE_MAX_MS', file: 'trading', path: ['limits', 'bookAgeMaxMs'], kind: 'number' },
];

export type Environment = Readonly<Record<string, string | undefined>>;
type Raw = Record<string | number, unknown>;

const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null;

/** The text of a variable as the kind wants it; what is no number stays text, so that the schema refuses it under its key. */
export function convert(text: string, kind: OverrideSpec['kind']): unknown {
  if (kind === 'list') return text.split(',').map((part) => part.trim());
  if (kind === 'number' && /^-?\d+(?:\.\d+)?$/.test(text.trim())) return Number(text);
  return text;
}

/**
 * Sets a value deep in a raw configuration, making the objects on the way. Wrong types on the way are left for the schema to
 * name. Only own members are walked through and set: a key named `__proto__` is one like any other.
 */
export function setAt(raw: unknown, path: readonly (string | number)[], value: unknown): void {
  let at = raw;
  for (const key of path.slice(0, -1)) {
    if (!isObject(at)) return;
    if (ownAt(at, key) === undefined) setOwn(at, key, {});
    at = ownAt(at, key);
  }
  const last = path.at(-1);
  if (isObject(at) && last !== undefined) setOwn(at, last, value);
}

const ownAt = (at: Raw, key: string | number): unknown => (Object.hasOwn(at, key) ? at[key] : undefined);

function setOwn(at: Raw, key: string | number, value: unknown): void {
  Object.defineProperty(at, key, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * A secret by the name of its variable: `NAME`, or `NAME_FILE` naming a file that holds it (Docker and systemd secrets).
 * Returns null when neither is set. Throws ARB_CONFIG_INVALID, without the value, when both are set or the file is unreadable.
 */
export function secretOf(environment: Environment, name: string): string | null {
  const direct = environment[name];
  const file = environment[`${name}_FILE`];
  if (direct !== undefined && direct !== '' && file !== undefined && file !== '')
    throw new ArbotError('ARB_CONFIG_INVALID', `${name} and ${name}_FILE are both set`);
  if (direct !== undefined && direct !== '') return direct;
  if (file === undefined || file === '') return null;
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
  } catch (error) {
    const code = isObject(error) && typeof error['code'] === 'string' ? error['code'] : errorText(error);
    throw new ArbotError('ARB_CONFIG_INVALID', `${name}_FILE cannot be read (${code})`);
  }
  throw new ArbotError('ARB_CONFIG_INVALID', `${name}_FILE names an empty file`);
}
