import { z } from 'zod';
import { ArbotError } from './errors.js';
import * as p from './primitives.js';
import { limitOverrides, limitsChanged, type LimitsChanged } from './risk-control.js';

/** How changes of limits are kept in the settings store: what is in force, and one entry for each change, never changed again. */

/** What is in force beside the file. */
export const LIMITS_KEY = 'risk-limits';
/** The change that led to a version. */
export const limitsChangeKey = (version: number): string => `${LIMITS_KEY}.${version}`;

const keptLimits = z.strictObject({ version: p.count, overrides: limitOverrides });
export type KeptLimits = z.infer<typeof keptLimits>;

/** Nothing was ever changed. */
export const NO_LIMIT_CHANGES: KeptLimits = { version: 0, overrides: {} };

export const encodeLimits = ({ version, overrides }: KeptLimits): string =>
  JSON.stringify({ version, overrides });

/** Null = never changed. @throws ArbotError ARB_CONFIG_INVALID when it cannot be read: no limit is loosened by assuming none. */
export function decodeLimits(text: string | null): KeptLimits {
  return text === null ? NO_LIMIT_CHANGES : readAs(keptLimits, LIMITS_KEY, text);
}

export const encodeLimitsChange = (change: LimitsChanged): string => JSON.stringify(change);

/** @throws ArbotError ARB_CONFIG_INVALID when it cannot be read. */
export const decodeLimitsChange = (version: number, text: string): LimitsChanged =>
  readAs(limitsChanged, limitsChangeKey(version), text);

function readAs<S extends z.ZodType>(schema: S, key: string, text: string): z.output<S> {
  const parsed = schema.safeParse(jsonOrUndefined(text));
  if (!parsed.success) throw new ArbotError('ARB_CONFIG_INVALID', `the setting ${key} cannot be read`);
  return parsed.data;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
