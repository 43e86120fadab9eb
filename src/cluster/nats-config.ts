import type { NodeRole } from '../config/cluster.js';
import { subjectsOf } from './permissions.js';

/** Files for nats-server: who may connect with which key, and one file per server. */

export interface AuthorizedNode {
  readonly name: string;
  readonly roles: readonly NodeRole[];
  /** The public half of its nkey. */
  readonly publicKey: string;
}

/** Accounts and permissions, included by the file of every server. Holds public keys only. */
export function authFile(cluster: string, nodes: readonly AuthorizedNode[]): string {
  const users = nodes.map((node) => userOf(cluster, node)).join('\n');
  return `# Who may say and hear what. Made by \`arbot cluster keys\` from cluster.config.ts: change that file, not this one.
accounts {
  ARBOT {
    users: [
${users}
    ]
  }
  SYS {}
}
system_account: SYS
`;
}

function userOf(cluster: string, { name, roles, publicKey }: AuthorizedNode): string {
  const { publish, subscribe } = subjectsOf(cluster, name, roles);
  const list = (subjects: readonly string[]): string =>
    subjects.map((subject) => `            "${subject}"`).join('\n');
  return `      # ${name}: ${roles.join(', ')}
      {
        nkey: ${publicKey}
        permissions: {
          publish: { allow: [
${list(publish)}
          ] }
          subscribe: { allow: [
${list(subscribe)}
          ] }
          # One answer to each request that comes.
          allow_responses: { max: 1, expires: "2m" }
        }
      }`;
}

export interface ServerOptions {
  readonly cluster: string;
  /** Of `bus.urls`. */
  readonly host: string;
  readonly port: number;
  /** Every server, this one too. */
  readonly hosts: readonly string[];
  /** Names of certificate and key beside this file; null = without TLS. */
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string } | null;
}

const ROUTE_PORT = 6_222;

/** One server. Routes between servers are let in by their certificates, so several servers need TLS. */
export function serverFile({ cluster, host, port, hosts, tls }: ServerOptions): string {
  const lines = [
    `# Core NATS only: transport, nothing is kept. Made by \`arbot cluster keys\`.`,
    `server_name: "${cluster}-${host}"`,
    `listen: "0.0.0.0:${port}"`,
    'http: "127.0.0.1:8222"',
    'max_payload: 1MB',
    'max_connections: 1000',
    'ping_interval: "20s"',
    'write_deadline: "2s"',
    'include "auth.conf"',
  ];
  if (tls !== null) lines.push('tls {', ...tlsLines(tls, false), '}');
  if (hosts.length > 1) {
    const routes = hosts
      .filter((other) => other !== host)
      .map((other) => `"nats-route://${other}:${ROUTE_PORT}"`);
    lines.push('cluster {', `  name: "${cluster}"`, `  listen: "0.0.0.0:${ROUTE_PORT}"`);
    lines.push(`  routes: [${routes.join(', ')}]`);
    if (tls !== null) lines.push('  tls {', ...tlsLines(tls, true).map((line) => `  ${line}`), '  }');
    lines.push('}');
  }
  return `${lines.join('\n')}\n`;
}

function tlsLines(tls: NonNullable<ServerOptions['tls']>, verify: boolean): string[] {
  const files = [`  cert_file: "${tls.certificate}"`, `  key_file: "${tls.key}"`, `  ca_file: "${tls.ca}"`];
  return verify ? [...files, '  verify: true', '  timeout: 5'] : [...files, '  timeout: 5'];
}
