import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir, type as osType, machine } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { LoadedConfig } from '../../config/index.js';
import { neededPackages, type NeededPackages } from '../../launch/packages.js';
import { RELEASE_PATHS, releaseOf, type Release } from '../../launch/release.js';
import { sentTlsFiles } from '../../launch/tls-files.js';
import { tarOf, type ArchiveFile } from '../../launch/tar.js';
import { ArbotError } from '../../messages/errors.js';

/** The folder of package.json, from the sources or from the compiled output. */
export function repositoryFolder(): string {
  for (const place of ['../../..', '../../../..']) {
    const folder = new URL(`${place}/`, import.meta.url).pathname;
    if (existsSync(join(folder, 'package-lock.json'))) return folder;
  }
  throw new ArbotError(
    'ARB_CONFIG_INVALID',
    'package-lock.json is not there: launch from a clone of the repository',
  );
}

/** What of this machine's folder is copied. */
export interface LocalSources {
  readonly release: Release;
  /** Compressed. */
  readonly releaseArchive: Buffer;
  readonly packages: NeededPackages;
  /** What npm reads, compressed. */
  readonly lockArchive: Buffer;
  readonly engines: string;
  readonly platform: { readonly system: string; readonly machine: string; readonly libc: string };
  /** Unpacked: sources and packages. */
  readonly bytes: number;
  /** Makes the archive of the packages at its first use; rejects naming a package that is not installed. */
  modulesArchive(): Promise<string>;
}

export function localSources(config: LoadedConfig): LocalSources {
  const root = repositoryFolder();
  const files = [...RELEASE_PATHS.flatMap((path) => filesBelow(root, path)), ...tlsFiles(config)];
  const release = releaseOf(files, config);
  const tickEngine = config.cluster.stores.ticks.kind === 'chdb';
  const packages = neededPackages(readFileSync(join(root, 'package-lock.json'), 'utf8'), { tickEngine });
  const present = [...packages.required, ...packages.optional].filter((name) =>
    existsSync(join(root, 'node_modules', name)),
  );
  let archive: Promise<string> | null = null;
  return {
    release,
    releaseArchive: gzipSync(release.archive, { level: 6 }),
    packages,
    lockArchive: gzipSync(
      tarOf(files.filter(({ path }) => ['package.json', 'package-lock.json', '.npmrc'].includes(path))),
    ),
    engines: enginesOf(root),
    platform: { system: osType(), machine: machine(), libc: libc() },
    bytes:
      release.archive.length +
      present.reduce((sum, name) => sum + bytesBelow(join(root, 'node_modules', name)), 0),
    modulesArchive: () => (archive ??= makeModules(root, packages, present)),
  };
}

/** Where the node looks for it: its working folder is the release. */
function tlsFiles({ cluster, files }: LoadedConfig): ArchiveFile[] {
  return sentTlsFiles(cluster).map((path) => {
    const full = join(dirname(files.trading), path);
    if (!existsSync(full)) throw new ArbotError('ARB_CONFIG_INVALID', `bus.tls.caFile: ${path} is not there`);
    return { path, data: readFileSync(full), executable: false };
  });
}

function filesBelow(root: string, path: string): ArchiveFile[] {
  const full = join(root, path);
  const entry = lstatSync(full, { throwIfNoEntry: false });
  if (entry === undefined) return [];
  if (entry.isDirectory())
    return readdirSync(full)
      .sort()
      .flatMap((name) => filesBelow(root, `${path}/${name}`));
  return entry.isFile() ? [{ path, data: readFileSync(full), executable: false }] : [];
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sum + bytesBelow(path);
    return sum + lstatSync(path).size;
  }, 0);
}

const enginesOf = (root: string): string =>
  z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).engines.node;

/** As `getconf GNU_LIBC_VERSION` says it. */
function libc(): string {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const version = report?.header?.glibcVersionRuntime;
  return version === undefined ? 'unknown' : `glibc ${version}`;
}

async function makeModules(
  root: string,
  packages: NeededPackages,
  present: readonly string[],
): Promise<string> {
  const missing = packages.required.filter((name) => !present.includes(name));
  if (missing.length > 0)
    throw new ArbotError('ARB_CONFIG_INVALID', `${missing[0]} is not installed here: run npm install first`);
  const folder = await cacheFolder(root);
  const path = join(folder, `modules-${packages.key}.tar.gz`);
  if (existsSync(path)) return path;
  const part = `${path}.${process.pid}`;
  try {
    await pack(join(root, 'node_modules'), present, part);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
  return path;
}

async function cacheFolder(root: string): Promise<string> {
  const wanted = join(root, 'node_modules', '.cache', 'arbot');
  try {
    await mkdir(wanted, { recursive: true });
    return wanted;
  } catch {
    // Not ours to write: made again for each launch.
    return tmpdir();
  }
}

async function pack(folder: string, names: readonly string[], path: string): Promise<void> {
  const tar = spawn('tar', ['-cf', '-', '-C', folder, '-T', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  tar.stderr.on('data', (data: Buffer) => (complaint = (complaint + data.toString()).slice(-2_000)));
  const ended = new Promise<number | null>((done) => {
    tar.once('error', (error) => {
      complaint = error.message;
      done(null);
    });
    tar.once('close', done);
  });
  tar.stdin.on('error', () => undefined);
  tar.stdin.end(names.map((name) => `./${name}\n`).join(''));
  // The least compression: it goes over a network, but also through this machine's processor.
  await pipeline(tar.stdout, createGzip({ level: 1 }), createWriteStream(path, { mode: 0o600 }));
  const code = await ended;
  if (code !== 0)
    throw new ArbotError('ARB_HOST_FAILED', `tar here: ${complaint.trim() || `ended with ${code}`}`);
}
