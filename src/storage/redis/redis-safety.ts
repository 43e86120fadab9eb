import type { Redis } from 'ioredis';
import { errorText } from '../../messages/errors.js';
import { addressHazards, type RedisAddress } from './redis-url.js';

/** What a server says of itself. */
export interface RedisFacts {
  /** `redis 7.0.15`, `valkey 8.1.0`. */
  readonly engine: string;
  /** `appendonly yes`, `appendfsync everysec` …; what the server does not tell is absent. */
  readonly settings: Readonly<Record<string, string>>;
  /** Reasons against LIVE. */
  readonly hazards: readonly string[];
  /** What late readers may miss; nothing about money. */
  readonly remarks: readonly string[];
}

const SETTINGS = ['appendonly', 'appendfsync', 'maxmemory', 'maxmemory-policy', 'save'] as const;

/** Asks for version and settings. Rejects with the driver's error when there is no answer; settings that are refused are left out. */
export async function askRedis(client: Redis, address: RedisAddress): Promise<RedisFacts> {
  const info = fieldsOf(await client.info('server'));
  const settings = await settingsOf(client);
  return { engine: engineOf(info), settings, hazards: addressHazards(address), remarks: remarksOn(settings) };
}

function remarksOn(settings: Readonly<Record<string, string>>): string[] {
  const remarks: string[] = [];
  const { appendonly, maxmemory, 'maxmemory-policy': policy } = settings;
  if (appendonly === 'no') remarks.push('appendonly is no: a restart forgets the event streams');
  if (maxmemory !== undefined && maxmemory !== '0' && policy?.startsWith('allkeys') === true)
    remarks.push(`maxmemory-policy is ${policy}: streams go when memory is short`);
  return remarks;
}

function engineOf(info: ReadonlyMap<string, string>): string {
  const valkey = info.get('valkey_version');
  return valkey === undefined ? `redis ${info.get('redis_version') ?? 'unknown'}` : `valkey ${valkey}`;
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    }),
  );
}

/** Many servers let only administrators read them. */
async function settingsOf(client: Redis): Promise<Record<string, string>> {
  try {
    const found = (await client.config('GET', ...SETTINGS)) as readonly string[];
    const known = new Map<string, string>();
    for (let at = 0; at + 1 < found.length; at += 2) known.set(found[at]!, found[at + 1]!);
    return Object.fromEntries(
      SETTINGS.flatMap((name) => (known.has(name) ? [[name, known.get(name) ?? '']] : [])),
    );
  } catch (error) {
    if (/NOPERM|unknown command/i.test(errorText(error))) return {};
    throw error;
  }
}
