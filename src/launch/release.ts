import { createHash } from 'node:crypto';
import type { ClusterConfig, TradingConfig } from '../config/index.js';
import { startArguments } from './start-arguments.js';
import { tarOf, type ArchiveFile } from './tar.js';

/** What runs on a machine, apart from the packages: sources, schema, page and the two configuration files. */

/** Files and folders of the repository that a node needs, as deploy/Dockerfile copies them. */
export const RELEASE_PATHS: readonly string[] = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'LICENSE',
  'bin',
  'src',
  'migrations',
  'dashboard',
];

export interface Release {
  /** Hash of the content: the name of its folder on every machine. */
  readonly build: string;
  /** Not compressed. */
  readonly archive: Buffer;
  readonly files: number;
}

/** Where a release says which build it is. */
export const BUILD_FILE = 'build.json';
/** The arguments of each node, by its name; bin/start-node.mjs reads it. */
const STARTS_FILE = 'starts.json';

/**
 * One archive from files and both configurations. The configurations are written as plain data, so that a machine needs neither the
 * folder they came from nor what they import.
 */
export function releaseOf(
  files: readonly ArchiveFile[],
  config: { readonly cluster: ClusterConfig; readonly trading: TradingConfig },
): Release {
  const { nodes, deployment } = config.cluster;
  const starts = Object.fromEntries(nodes.map((node) => [node.name, startArguments(deployment, node)]));
  const whole = [
    ...files,
    configFile('cluster', config.cluster),
    configFile('trading', config.trading),
    textFile(STARTS_FILE, `${JSON.stringify(starts, null, 2)}\n`),
  ];
  const build = createHash('sha256').update(tarOf(whole)).digest('hex').slice(0, 16);
  const named = [...whole, textFile(BUILD_FILE, `${JSON.stringify({ build })}\n`)];
  return { build, archive: tarOf(named), files: named.length };
}

const textFile = (path: string, text: string): ArchiveFile => ({
  path,
  data: Buffer.from(text),
  executable: false,
});

function configFile(kind: 'cluster' | 'trading', config: object): ArchiveFile {
  return textFile(`${kind}.config.ts`, `export default ${JSON.stringify(config, null, 2)};\n`);
}
