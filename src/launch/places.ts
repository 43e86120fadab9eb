import { posix } from 'node:path';
import type { DeploymentConfig, NodeConfig } from '../config/index.js';

/**
 * Where things are on a machine. Releases and packages are shared by the nodes of a machine and never changed once they are there; a
 * node's own folder holds what differs: which release is current, the secrets, the data.
 */
export interface Places {
  readonly root: string;
  readonly releases: string;
  readonly modules: string;
  readonly node: string;
  /** A link to the release that runs at the next start. */
  readonly current: string;
  readonly environment: string;
  /** Pid files and the log of a supervised node. */
  readonly run: string;
  readonly data: string;
}

export function placesOf(deployment: DeploymentConfig, node: NodeConfig): Places {
  const root = deployment.folder;
  const own = posix.join(root, 'nodes', node.name);
  return {
    root,
    releases: posix.join(root, 'releases'),
    modules: posix.join(root, 'modules'),
    node: own,
    current: posix.join(own, 'current'),
    environment: posix.join(own, 'environment'),
    run: posix.join(own, 'run'),
    data: posix.resolve(own, node.dataFolder),
  };
}

export const releaseFolder = (places: Places, build: string): string => posix.join(places.releases, build);
export const modulesFolder = (places: Places, key: string): string => posix.join(places.modules, key);

/** Of systemd. */
export const unitName = (cluster: string, node: string): string => `${cluster}-${node}.service`;
