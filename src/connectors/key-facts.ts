import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { readAnswer, rowsRefusal, type Envelope } from './order-answers.js';
import type { ExchangeAnswer, KeyFacts, RowsAnswer } from './order-entry.js';

/** Readers of what exchanges say of a key, and the judgement of it. */

/** Reads one row of facts out of an answer of that exchange; parsers never throw for what it may send. */
export function readKeyFacts(
  answer: ExchangeAnswer,
  envelope: Envelope,
  read: (value: unknown) => KeyFacts,
): RowsAnswer<KeyFacts> {
  return readAnswer<RowsAnswer<KeyFacts>>(
    answer,
    envelope,
    (value) => ({ kind: 'rows', rows: [read(value)], next: [] }),
    rowsRefusal,
  );
}

/** `GET /sapi/v1/account/apiRestrictions` [O]: a flag for each right. */
export function binanceKeyFacts(value: unknown): KeyFacts {
  const answer = f.asFields(value, 'answer');
  return {
    canTrade: f.booleanAt(answer, 'enableSpotAndMarginTrading', ''),
    canWithdraw: f.booleanAt(answer, 'enableWithdrawals', ''),
    isAddressBound: f.booleanAt(answer, 'ipRestrict', ''),
    expiresAtMs: null,
  };
}

/** `GET /api/v5/account/config` [O]: `perm` lists rights, `ip` lists addresses and is empty for a key that works from anywhere. */
export function okxKeyFacts(row: f.Fields): KeyFacts {
  const rights = f.textAt(row, 'perm', 'data[0].').split(',');
  const addresses = f.member(row, 'ip');
  if (typeof addresses !== 'string') throw new FrameError('data[0].ip', 'a text', addresses);
  return {
    canTrade: rights.includes('trade'),
    canWithdraw: rights.includes('withdraw'),
    isAddressBound: addresses !== '',
    expiresAtMs: null,
  };
}

/** `GET /v5/user/query-api` [O]: rights by kind; a key without addresses lists `*` and ends after three months. */
export function bybitKeyFacts(result: f.Fields): KeyFacts {
  const rights = f.fieldsAt(result, 'permissions', 'result.');
  const listed = (name: string): readonly unknown[] =>
    Object.hasOwn(rights, name) ? f.listAt(rights, name, 'result.permissions.', 100) : [];
  const isReadOnly = f.member(result, 'readOnly');
  if (isReadOnly !== 0 && isReadOnly !== 1) throw new FrameError('result.readOnly', '0 or 1', isReadOnly);
  const expiry = Object.hasOwn(result, 'expiredAt') ? f.member(result, 'expiredAt') : '';
  return {
    canTrade: isReadOnly === 0 && listed('Spot').includes('SpotTrade'),
    canWithdraw: isReadOnly === 0 && listed('Wallet').includes('Withdraw'),
    isAddressBound: !f.listAt(result, 'ips', 'result.', 1_000).includes('*'),
    expiresAtMs: expiry === '' ? null : isoMs(expiry, 'result.expiredAt'),
  };
}

/** `GET /v1/api_keys` [O]: keys with their ends, and nothing of rights. Such keys work from listed addresses only. */
export function upbitKeyFacts(value: unknown, apiKey: string): KeyFacts {
  if (!Array.isArray(value)) throw new FrameError('answer', 'an array', value);
  const at = value.findIndex((row: unknown) => f.isFields(row) && row['access_key'] === apiKey);
  // Neither the key asked for nor those that were answered belong into an error.
  if (at < 0) throw new FrameError('answer', 'a row of the key that asked', null);
  const row = f.asFields(value[at], `[${at}]`);
  const expiresAtMs = isoMs(f.member(row, 'expire_at'), `[${at}].expire_at`);
  return { canTrade: null, canWithdraw: null, isAddressBound: true, expiresAtMs };
}

/** `GET /api/v1/user/api-key` [C]: rights by name; `Transfer` is the one that withdraws. No addresses = it works from anywhere. */
export function kucoinKeyFacts(data: f.Fields): KeyFacts {
  const rights = f.textAt(data, 'permission', 'data.').split(',');
  const addresses = f.member(data, 'ipWhitelist') ?? '';
  if (typeof addresses !== 'string') throw new FrameError('data.ipWhitelist', 'a text', addresses);
  return {
    canTrade: rights.includes('Spot'),
    canWithdraw: rights.includes('Transfer') || rights.includes('Withdrawal'),
    isAddressBound: addresses !== '',
    expiresAtMs: null,
  };
}

/** `GET /api/v4/account/detail` [C]: the addresses of the key, and nothing of its rights. */
export function gateKeyFacts(value: unknown): KeyFacts {
  const addresses = f.listAt(f.asFields(value, 'answer'), 'ip_whitelist', '', 1_000);
  return { canTrade: null, canWithdraw: null, isAddressBound: addresses.length > 0, expiresAtMs: null };
}

function isoMs(value: unknown, path: string): number {
  const ms = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  if (Number.isFinite(ms)) return ms;
  throw new FrameError(path, 'a time', value);
}

/** What is to be said of a key. `bad`: it is not used. */
export interface KeyFinding {
  readonly state: 'ok' | 'warn' | 'bad';
  readonly detail: string;
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/**
 * Judges a key by what its exchange says of it: a key that may withdraw, or may not trade, is not used. Where the exchange does
 * not tell, a person has to look.
 */
export function judgeKey(
  { canTrade, canWithdraw, isAddressBound, expiresAtMs }: KeyFacts,
  nowMs: number,
): KeyFinding[] {
  const days = expiresAtMs === null ? null : (expiresAtMs - nowMs) / DAY_MS;
  return [
    said('withdraw', canWithdraw, 'the key may withdraw: make one that may not', false),
    said('trade', canTrade, 'the key may not trade', true),
    isAddressBound === true
      ? { state: 'ok', detail: 'works from listed addresses only' }
      : {
          state: 'warn',
          detail: 'works from every address, or the exchange does not tell: bind it to your nodes',
        },
    ...(days === null ? [] : [ending(days)]),
  ];
}

function said(what: string, value: boolean | null, trouble: string, wanted: boolean): KeyFinding {
  if (value === null)
    return {
      state: 'warn',
      detail: `the exchange does not tell whether the key may ${what}: see its page of keys`,
    };
  if (value === wanted) return { state: 'ok', detail: `may ${wanted ? '' : 'not '}${what}` };
  return { state: 'bad', detail: trouble };
}

function ending(days: number): KeyFinding {
  if (days <= 0) return { state: 'bad', detail: 'the key has ended' };
  const detail = `ends in ${Math.floor(days)} days`;
  return { state: days < SOON_DAYS ? 'warn' : 'ok', detail };
}
