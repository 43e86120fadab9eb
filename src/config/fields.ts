import { z } from 'zod';
import * as p from '../messages/primitives.js';

/** Fields shared by both configuration files. Messages say what is wanted and never repeat the refused value. */

/** Money as decimal text, at least 0. */
export const money = p.unsignedDecimalText;
export const positiveMoney = p.positiveDecimalText;

/** Basis points: 1 bps = 0.01 %. */
export const bps = z.number().finite().min(0).max(10_000);
export const durationMs = z.number().int().min(1).max(3_600_000);

/** The NAME of an environment variable. A pasted key or URL does not match, and is refused without being shown. */
export const environmentName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{1,63}$/, 'must be the NAME of an environment variable, such as PG_URL');

export const nodeName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be lower-case letters, digits and hyphens, such as tokyo-1');

/** Amount by asset, e.g. `{ USDT: '100000' }`. */
export const amounts = z.record(p.assetId, money);

export const feeTierName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,23}$/, 'must be the name of a fee tier, such as vip1');

/** `HH:MM`, 24 hours; an end may also be `24:00`. */
export const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM, 24 hours');
export const endOfWindow = z
  .string()
  .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be HH:MM, 24 hours, or 24:00');
