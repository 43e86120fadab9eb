import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { secretOf } from '../config/overrides.js';
import type { Environment } from '../config/overrides.js';
import { ArbotError } from '../messages/errors.js';
import type { Files } from '../ports/files.js';
import type { Random } from '../ports/random.js';

export const TOKEN_FILE = 'http-token';
const MIN_TOKEN_LENGTH = 24;

export interface TokenOptions {
  readonly environment: Environment;
  /** Name of the variable, from `nodes[].http.tokenEnv`. */
  readonly variable: string;
  /** Absolute path. */
  readonly dataFolder: string;
  readonly files: Files;
  readonly random: Random;
}

export interface Token {
  readonly token: string;
  /** Where a person finds it: the variable's name or the file's path. Never the token. */
  readonly source: string;
}

/**
 * The bearer token of the inspection API: from the environment, else from `<data folder>/http-token`, which is made with 256 random
 * bits and mode 0600 at the first start. Throws ARB_CONFIG_INVALID for a short token or a file that others may read.
 */
export async function openToken(options: TokenOptions): Promise<Token> {
  const given = secretOf(options.environment, options.variable);
  if (given !== null) return { token: checked(given, options.variable), source: options.variable };
  const path = join(options.dataFolder, TOKEN_FILE);
  if (!(await options.files.exists(path))) {
    const token = Buffer.from(options.random.bytes(32)).toString('base64url');
    await options.files.makeFolder(options.dataFolder);
    await options.files.writeAtomic(path, `${token}\n`, 0o600);
    return { token, source: path };
  }
  if (((await stat(path)).mode & 0o077) !== 0)
    throw new ArbotError('ARB_CONFIG_INVALID', `${path} may be read by others: set its mode to 0600`);
  return { token: checked((await options.files.read(path)).toString().trim(), path), source: path };
}

function checked(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= MIN_TOKEN_LENGTH && token.length <= 512) return token;
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    `${source} must hold ${MIN_TOKEN_LENGTH} to 512 printable characters without spaces`,
  );
}
