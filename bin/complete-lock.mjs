#!/usr/bin/env node
// Completes package-lock.json after an `npm install` against a registry that lacks the packages of other platforms. npm then
// leaves them out, and `npm ci` fails everywhere with "Missing: … from lock file". Each optional dependency that cannot be
// found is added with what npm needs to decide whether this machine wants it; the checksum is the registry's to give.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'win32',
  windows: 'win32',
  freebsd: 'freebsd',
  android: 'android',
};
const CPU = {
  x64: 'x64',
  arm64: 'arm64',
  arm: 'arm',
  ia32: 'ia32',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64',
};
const LIBC = { gnu: 'glibc', glibc: 'glibc', musl: 'musl' };

/** The entry that would be resolved from a package, looked for as Node does; undefined when there is none. */
function resolveFrom(packages, from, name) {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[path] !== undefined) return packages[path];
    if (at === '') return undefined;
  }
}

function pick(words, table) {
  const found = words.map((word) => table[word]).find((value) => value !== undefined);
  return found === undefined ? undefined : [found];
}

function entryFor(name, version, parent) {
  const words = name.split(/[/_.-]/);
  const entry = {
    version,
    cpu: pick(words, CPU),
    dev: parent.dev,
    libc: pick(words, LIBC),
    license: parent.license,
  };
  return { ...entry, optional: true, os: pick(words, OS) };
}

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = {};
for (const [path, parent] of Object.entries(lock.packages))
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    // A range says nothing about which version; packages of platforms are always exact.
    if (!/^\d/.test(version) || resolveFrom(lock.packages, path, name) !== undefined) continue;
    added[`node_modules/${name}`] = entryFor(name, version, parent);
  }
const names = Object.keys(added);
if (names.length > 0) {
  const packages = Object.entries({ ...lock.packages, ...added });
  packages.sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
}
console.log(names.length === 0 ? 'package-lock.json is complete' : `added ${names.join(', ')}`);
