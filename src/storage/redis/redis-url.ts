import { ArbotError } from '../../messages/errors.js';

/** Where a Redis server is and who may enter. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  readonly tls: boolean;
  /** For people: host, port and database, never who enters. */
  readonly location: string;
}

const DEFAULT_PORT = 6_379;
const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

/**
 * `redis://user:password@host:port/database`, or `rediss://` for TLS. Throws ARB_CONFIG_INVALID without repeating the URL, since
 * it holds a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const database = /^\/?(\d{0,3})$/.exec(parsed?.pathname ?? '')?.[1];
  if (
    parsed === null ||
    !['redis:', 'rediss:'].includes(parsed.protocol) ||
    parsed.hostname === '' ||
    database === undefined ||
    parsed.search + parsed.hash !== ''
  )
    throw new ArbotError(
      'ARB_CONFIG_INVALID',
      'the Redis URL is not of the form redis://user:password@host:port/database (rediss:// for TLS)',
    );
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  return {
    host,
    port,
    username: decoded(parsed.username),
    password: decoded(parsed.password),
    database: Number(database === '' ? '0' : database),
    tls: parsed.protocol === 'rediss:',
    location: `${parsed.hostname}:${port}/${database === '' ? '0' : database}`,
  };
}

function decoded(part: string): string | null {
  if (part === '') return null;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What is wrong for real money about the way to a server, before anything is asked of it. */
export function addressHazards({ host, password, tls }: RedisAddress): string[] {
  if (LOOPBACK.includes(host)) return [];
  const hazards: string[] = [];
  if (password === null) hazards.push('no password, and not on loopback');
  if (!tls) hazards.push('no TLS, and not on loopback: passwords and prices are readable on the way');
  return hazards;
}
