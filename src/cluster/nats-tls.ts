import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { TlsOptions } from 'nats';

export interface TlsFiles {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/**
 * The client checks a server that is named by its address as if it were `localhost`. Such a one must have a certificate for one of
 * the addresses that the configuration names; a server that is named keeps to its name.
 */
export function tlsOptions(files: TlsFiles, servers: readonly string[]): TlsOptions {
  const hosts = servers.map((url) => new URL(url.replace(/^(nats|tls):/, 'http:')).hostname);
  const options = {
    ...files,
    checkServerIdentity: (name: string, certificate: PeerCertificate): Error | undefined => {
      const names = name === '' || name === 'localhost' ? hosts : [name];
      const faults = names.map((one) => checkServerIdentity(one.replaceAll(/[[\]]/g, ''), certificate));
      return faults.includes(undefined) ? undefined : faults[0];
    },
  };
  return options;
}
