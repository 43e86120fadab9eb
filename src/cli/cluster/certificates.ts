import { execFile } from 'node:child_process';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Files } from '../../ports/files.js';

/**
 * Certificates through the openssl command: Node.js cannot issue any, openssl is on every machine that has ssh, and so no library
 * has to be trusted with the keys.
 */

export const AUTHORITY_FILE = 'ca.crt';
const AUTHORITY_KEY = 'ca.key';
const AUTHORITY_DAYS = '3650';
const SERVER_DAYS = '825';
const SECRET = 0o600;
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
  private readonly files: Files;
  private readonly folder: string;

  private constructor(files: Files, folder: string) {
    this.files = files;
    this.folder = folder;
  }

  /** The authority of the folder, made when there is none yet. */
  static async open(files: Files, folder: string, cluster: string): Promise<Authority> {
    const authority = new Authority(files, folder);
    if (await files.exists(join(folder, AUTHORITY_KEY))) return authority;
    await authority.secret(AUTHORITY_KEY);
    await authority.openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      AUTHORITY_KEY,
      '-out',
      AUTHORITY_FILE,
      '-days',
      AUTHORITY_DAYS,
      '-subj',
      `/CN=${cluster} authority`,
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
    );
    return authority;
  }

  /** A certificate for one server, with which it also meets the other servers. Names of its files. */
  async issue(host: string): Promise<{ certificate: string; key: string }> {
    const name = `server-${host.replaceAll(/[^A-Za-z0-9.-]/g, '_')}`;
    const [certificate, key, request, extensions] = ['crt', 'key', 'csr', 'ext'].map(
      (end) => `${name}.${end}`,
    ) as [string, string, string, string];
    await this.secret(key);
    await this.files.writeAtomic(join(this.folder, extensions), extensionsOf(host));
    await this.openssl('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${host}`);
    await this.openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      AUTHORITY_FILE,
      '-CAkey',
      AUTHORITY_KEY,
      '-CAcreateserial',
      '-days',
      SERVER_DAYS,
      '-extfile',
      extensions,
      '-out',
      certificate,
    );
    for (const made of [request, extensions]) await this.files.remove(join(this.folder, made));
    return { certificate, key };
  }

  /** An empty file that only its owner may read: openssl writes into it. */
  private secret(name: string): Promise<void> {
    return this.files.writeAtomic(join(this.folder, name), '', SECRET);
  }

  private async openssl(...args: readonly string[]): Promise<void> {
    try {
      await promisify(execFile)('openssl', args, { cwd: this.folder });
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      const why = missing
        ? 'needs the openssl command'
        : `openssl ${args[0] ?? ''} failed: ${errorText(error).slice(0, 300)}`;
      throw new ArbotError('ARB_CLI_USAGE', `--tls: ${why}`);
    }
  }
}

function extensionsOf(host: string): string {
  const kind = isIP(host.replaceAll(/[[\]]/g, '')) === 0 ? 'DNS' : 'IP';
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    `subjectAltName=${kind}:${host.replaceAll(/[[\]]/g, '')}`,
    '',
  ].join('\n');
}
