import type { DeploymentConfig, NodeConfig } from '../config/index.js';
import { placesOf } from './places.js';

/** The open files of a node: sockets of thousands of books, and the stores'. */
const OPEN_FILES = 65_536;

export interface UnitOptions {
  readonly cluster: string;
  readonly node: NodeConfig;
  readonly deployment: DeploymentConfig;
  /** Absolute path of Node on that machine. */
  readonly nodeBinary: string;
  readonly user: string;
}

/**
 * The systemd unit of a node. SIGINT is the ordered stop, which hands the lease over; what does not end within the time is killed. It
 * may write to its data folder and its cache and nowhere else. Pages that are written and executed stay allowed: V8 and
 * WebAssembly compile.
 */
export function unitFile(options: UnitOptions): string {
  const { cluster, node, deployment, nodeBinary, user } = options;
  const places = placesOf(deployment, node);
  const words = [nodeBinary, `${places.current}/bin/start-node.mjs`, node.name];
  return `[Unit]
Description=ArBot node ${node.name} of ${cluster}
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=${user}
WorkingDirectory=${places.current}
ExecStart=${words.map(unitWord).join(' ')}
EnvironmentFile=-${places.environment}
CacheDirectory=${cluster}-${node.name}
Environment=NODE_ENV=production TMPDIR=%C/${cluster}-${node.name}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
SuccessExitStatus=130
KillSignal=SIGINT
KillMode=mixed
TimeoutStopSec=${Math.ceil(deployment.stopTimeoutMs / 1_000)}
LimitNOFILE=${OPEN_FILES}
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${places.data}
ProtectHome=${[nodeBinary, deployment.folder].some(isBelowHome) ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=
AmbientCapabilities=

[Install]
WantedBy=multi-user.target
`;
}

const isBelowHome = (path: string): boolean => /^\/(?:home|root|run\/user)\//.test(path);

/** A word of ExecStart: `%` and `$` have a meaning there, and quotes as in C. */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[A-Za-z0-9_@+=:,./%$-]+$/.test(escaped)) return escaped;
  return `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
