import { createRequire } from 'node:module';
import type { createClient } from '@clickhouse/client';
import { ArbotError, errorText } from '../../messages/errors.js';

/** chdb is an optional dependency of 540 MB that exists for Linux with glibc and macOS only. */

const require = createRequire(import.meta.url);
/** By name only at run time, so that ArBot compiles without the package. */
const CONNECTION = 'chdb/connection';

/** The client and chdb each bring their own copy of these types, which do not fit each other. */
export type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** Finds a package as seen from another, or from here; throws when there is none. */
export type Find = (name: string, from?: string) => string;

const find: Find = (name, from) =>
  from === undefined ? require.resolve(name) : createRequire(from).resolve(name);

/** Null when chdb is installed with an engine for this machine, else in a few words why not. */
export function chdbMissing(finder: Find = find): string | null {
  const { platform, arch } = process;
  let main: string;
  try {
    main = finder(CONNECTION);
  } catch {
    return 'the optional package chdb is not installed';
  }
  if ((platform !== 'linux' && platform !== 'darwin') || (arch !== 'x64' && arch !== 'arm64'))
    return `chdb has no engine for ${platform} ${arch}`;
  try {
    finder(`@chdb/lib-${platform}-${arch}${platform === 'linux' ? '-gnu' : ''}`, main);
    return null;
  } catch {
    return `the engine of chdb for ${platform} ${arch} is not installed`;
  }
}

export function chdbVersion(): string {
  return (require('chdb/package.json') as { version: string }).version;
}

/** Opens a data folder in this process, which can hold only one. Rejects ARB_STORE_UNAVAILABLE when it cannot be opened. */
export async function openChdbConnection(folder: string): Promise<ClientConnection> {
  try {
    const { createChdbConnection } = (await import(CONNECTION)) as {
      createChdbConnection: (options: { readonly path: string }) => ClientConnection;
    };
    return createChdbConnection({ path: folder });
  } catch (error) {
    throw new ArbotError('ARB_STORE_UNAVAILABLE', `chdb cannot open ${folder}: ${errorText(error)}`);
  }
}
