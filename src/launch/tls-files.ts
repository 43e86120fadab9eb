import { posix } from 'node:path';
import type { ClusterConfig } from '../config/index.js';
import { ArbotError } from '../messages/errors.js';

/**
 * Files of `bus.tls` that go to every machine with the release, relative to the folder of both configurations and there to the release:
 * the authority, which is no secret. An absolute path is the machine's own, and so are a node's certificate and key. Throws
 * ARB_CONFIG_INVALID for a path that leaves the folder, and for a certificate or key that would be copied to others.
 */
export function sentTlsFiles({ bus }: Pick<ClusterConfig, 'bus'>): readonly string[] {
  if (bus.kind !== 'nats' || bus.tls === undefined) return [];
  const { caFile, certFile, keyFile } = bus.tls;
  for (const [name, path] of Object.entries({ certFile, keyFile }))
    if (path !== undefined && !posix.isAbsolute(path))
      refuse(name, `each node has its own: put it on its machine, and give the absolute path`);
  if (caFile === undefined || posix.isAbsolute(caFile)) return [];
  const path = posix.normalize(caFile);
  if (path.startsWith('..'))
    refuse('caFile', 'leaves the folder of the configuration: it would not be copied');
  return [path];
}

function refuse(key: string, message: string): never {
  throw new ArbotError('ARB_CONFIG_INVALID', `bus.tls.${key}: ${message}`);
}
