import type { DeploymentConfig, NodeConfig } from '../config/index.js';
import type { ClockOffset } from './clock-offset.js';
import type { HostFacts } from './probe.js';

/** What of a machine keeps a node from running there, or is worth knowing. Pure: facts in, findings out, every one of them. */

export interface HostFinding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly detail: string;
}

/** What a node needs of its machine. */
export interface Needs {
  readonly node: NodeConfig;
  readonly deployment: DeploymentConfig;
  /** Of package.json, such as `>=20.19.0`. */
  readonly engines: string;
  /** Platform, machine and C library of the packages here. */
  readonly packages: { readonly system: string; readonly machine: string; readonly libc: string };
  /** Unpacked, packages and sources. */
  readonly bytes: number;
  readonly modulesKey: string;
  readonly clockSkewMaxMs: number;
}

const ok = (name: string, detail: string): HostFinding => ({ name, state: 'ok', detail });
const warn = (name: string, detail: string): HostFinding => ({ name, state: 'warn', detail });
const bad = (name: string, detail: string): HostFinding => ({ name, state: 'bad', detail });

export function hostFindings(needs: Needs, host: HostFacts, clock: ClockOffset | null): HostFinding[] {
  return [
    system(host),
    nodeVersion(needs.engines, host),
    clockFinding(needs.clockSkewMaxMs, clock),
    disk(needs, host),
    rights(needs, host),
    service(needs, host),
    install(needs, host),
    ...ports(needs, host),
    ...host.reached.map((one) => reachFinding(one, host)),
  ];
}

/** A bus has several servers: one that answers is enough to run, all of them to sleep well. */
function reachFinding(
  { name, host: at, port, result }: HostFacts['reached'][number],
  host: HostFacts,
): HostFinding {
  if (result === 'ok') return ok(name, `${at}:${port} is reached`);
  const hasOther = host.reached.some((other) => other.name === name && other.result === 'ok');
  return (hasOther ? warn : bad)(name, `${at}:${port} is not reached from there: ${result}`);
}

function system({ system: name, machine, tools }: HostFacts): HostFinding {
  if (name !== 'Linux') return bad('system', `${name} ${machine}: only Linux machines can be launched on`);
  const missing = ['tar', 'gzip'].filter((tool) => !tools.has(tool));
  if (missing.length > 0) return bad('system', `${missing.join(' and ')} not found`);
  return ok('system', `${name} ${machine}`);
}

/** The numbers of `v20.19.0` or `>=20.19.0`. */
function numbersOf(text: string): readonly [number, number, number] | null {
  const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined ? null : [Number(major), Number(minor), Number(patch)];
}

function nodeVersion(engines: string, { nodeBinary, nodeVersion: version }: HostFacts): HostFinding {
  const needed = numbersOf(engines);
  if (nodeBinary === null || version === null)
    return bad('Node', `not found: install ${engines}, or name it in deployment.nodeBinary`);
  const found = numbersOf(version);
  if (needed === null || found === null)
    return bad('Node', `${nodeBinary} says ${version}, needs ${engines}`);
  const at = found.findIndex((number, index) => number !== needed[index]);
  const isOld = at >= 0 && found[at]! < needed[at]!;
  return isOld
    ? bad('Node', `${version} at ${nodeBinary}, needs ${engines}`)
    : ok('Node', `${version} at ${nodeBinary}`);
}

function clockFinding(limitMs: number, clock: ClockOffset | null): HostFinding {
  if (clock === null) return bad('clock', 'its date does not tell the time in a form that is understood');
  const { offsetMs, uncertaintyMs } = clock;
  const text = `${offsetMs < 0 ? '' : '+'}${offsetMs.toFixed(0)} ms against this machine, give or take ${uncertaintyMs.toFixed(0)} ms`;
  if (Math.abs(offsetMs) - uncertaintyMs > limitMs)
    return bad('clock', `${text}: more than ${limitMs} ms; set up chrony there, or the clock here`);
  if (uncertaintyMs > limitMs) return warn('clock', `${text}: too far away to be sure`);
  return ok('clock', text);
}

const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);

function disk({ bytes, modulesKey, deployment }: Needs, host: HostFacts): HostFinding {
  const freeMegabytes = megabytes(host.freeKilobytes * 1_024);
  const copied = host.modules.includes(modulesKey) ? 0 : megabytes(bytes);
  const needed = copied + deployment.minFreeMegabytes;
  const text = `${freeMegabytes} MB free at ${host.parent}`;
  return freeMegabytes < needed ? bad('disk', `${text}, needs ${needed} MB`) : ok('disk', text);
}

function rights({ deployment }: Needs, host: HostFacts): HostFinding {
  const { user, rights: has, parent, writable } = host;
  if (writable) return ok('rights', `${user} may write to ${parent}`);
  if (has === 'none')
    return bad('rights', `${user} may not write to ${parent}, and sudo asks for a password`);
  return ok('rights', `${deployment.folder} is made through sudo for ${user}`);
}

/** Which way a node is kept running there. */
export function serviceKind(
  { service: wanted }: DeploymentConfig,
  host: HostFacts,
): 'systemd' | 'supervised' {
  if (wanted !== 'auto') return wanted;
  return host.systemd && host.rights !== 'none' ? 'systemd' : 'supervised';
}

function service({ deployment }: Needs, host: HostFacts): HostFinding {
  const kind = serviceKind(deployment, host);
  if (kind === 'systemd') {
    if (!host.systemd) return bad('service', 'deployment.service is systemd, which does not run there');
    if (host.rights === 'none') return bad('service', 'a systemd unit needs root or sudo without a password');
    const user = deployment.serviceUser ?? host.user;
    if (user === 'root') return warn('service', 'systemd, as root: name deployment.serviceUser');
    return ok('service', `systemd, as ${user}`);
  }
  if (!host.tools.has('setsid'))
    return bad('service', 'setsid not found, which keeps a node beyond the login');
  const why = host.systemd ? 'no right to install a unit' : 'no systemd';
  return warn('service', `${why}: a supervisor of its own, which a reboot does not start again`);
}

/** Copies what is installed here, or has npm install it there. */
export function installKind(needs: Pick<Needs, 'deployment' | 'packages'>, host: HostFacts): 'copy' | 'npm' {
  const { install: wanted } = needs.deployment;
  if (wanted !== 'auto') return wanted;
  return fits(needs.packages, host) ? 'copy' : 'npm';
}

/** Packages hold engines for one system, machine and C library. */
const fits = (packages: Needs['packages'], host: HostFacts): boolean =>
  packages.system === host.system &&
  packages.machine === host.machine &&
  packages.libc.split(' ')[0] === host.libc.split(' ')[0];

function install(needs: Needs, host: HostFacts): HostFinding {
  if (host.modules.includes(needs.modulesKey)) return ok('packages', 'are there');
  const kind = installKind(needs, host);
  const there = `${host.system} ${host.machine} ${host.libc}`;
  if (kind === 'copy')
    return fits(needs.packages, host)
      ? ok('packages', 'are copied from here')
      : bad('packages', `those of this machine do not run on ${there}: set deployment.install to npm`);
  return host.tools.has('npm')
    ? ok('packages', 'npm ci installs them there')
    : bad('packages', 'npm not found');
}

function ports({ node }: Needs, host: HostFacts): HostFinding[] {
  const { host: at, port } = node.http;
  if (port === 0)
    return [bad('port', 'http.port is 0: a node on another machine needs a port that is known')];
  const found = host.ports.get(port);
  if (host.running !== null) return [ok('port', `${at}:${port}, the node runs`)];
  if (found === undefined) return [];
  return [found === 'free' ? ok('port', `${at}:${port} is free`) : bad('port', `${at}:${port}: ${found}`)];
}
