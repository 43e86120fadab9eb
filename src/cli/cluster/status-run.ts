import { settingOf } from '../../launch/plan.js';
import type { HostFacts } from '../../launch/probe.js';
import { EXIT, table, type Terminal } from '../output.js';
import { openFleet, type ClusterFlags, type Connect, type Fleet, type FleetNode } from './fleet.js';
import { reportOf, type HereReport } from './here-report.js';
import { lookBriefly } from './probe-run.js';

export interface StatusFlags extends ClusterFlags {
  readonly json?: boolean;
}

/** How a node stands, as its machine and the node itself say. */
export interface NodeStanding {
  readonly name: string;
  readonly address: string;
  /** Null = the machine was not reached. */
  readonly running: 'systemd' | 'supervised' | 'no' | null;
  readonly build: string | null;
  readonly joined: boolean;
  readonly trades: boolean;
  readonly mode: string | null;
  readonly startedAtMs: number | null;
  readonly detail: string;
}

const TIMEOUT_MS = 30_000;

/** Prints how every node stands; 1 when one of them has not joined. */
export async function runStatus(flags: StatusFlags, terminal: Terminal, connect?: Connect): Promise<number> {
  const fleet = await openFleet(flags, terminal, connect);
  try {
    const standings = await Promise.all(fleet.nodes.map((one) => standingOf(fleet, one)));
    if (flags.json === true) terminal.print(JSON.stringify(standings, null, 2));
    else
      for (const line of table([HEAD, ...standings.map((one) => row(one, fleet.clock.nowMs()))]))
        terminal.print(line);
    return standings.every(({ joined }) => joined) ? EXIT.done : EXIT.failed;
  } finally {
    await fleet.close();
  }
}

const HEAD = ['node', 'address', 'service', 'build', 'joined', 'trade', 'mode', 'up', 'detail'];

function row(one: NodeStanding, nowMs: number): string[] {
  const { name, address, running, build, joined, trades, mode, startedAtMs, detail } = one;
  const up = startedAtMs === null ? '-' : `${Math.max(0, Math.round((nowMs - startedAtMs) / 1_000))} s`;
  return [
    ...[
      name,
      address,
      running ?? '?',
      build ?? '-',
      joined ? 'yes' : 'NO',
      trades ? 'holds' : '-',
      mode ?? '-',
      up,
    ],
    detail,
  ];
}

/** Never rejects: what cannot be asked is the detail. */
export async function standingOf(fleet: Fleet, one: FleetNode): Promise<NodeStanding> {
  const { name, address = '' } = one.node;
  const none = { name, address, build: null, joined: false, trades: false, mode: null, startedAtMs: null };
  const facts = await lookBriefly(fleet, one);
  if ('state' in facts) return { ...none, running: null, detail: facts.detail };
  if (facts.running === null) {
    const detail = facts.current === null ? 'not launched' : `stopped; ${facts.current} is ready to start`;
    return { ...none, running: 'no', detail };
  }
  const said = await askThere(fleet, one, facts);
  const build = facts.runs;
  if (typeof said === 'string') return { ...none, running: facts.running, build, detail: said };
  const { joined, trades, mode, startedAtMs, detail } = said;
  return { name, address, running: facts.running, build, joined, trades, mode, startedAtMs, detail };
}

async function askThere(fleet: Fleet, one: FleetNode, facts: HostFacts): Promise<HereReport | string> {
  const { cluster } = fleet.config;
  const { places, nodeBinary, sudo, service } = settingOf(cluster.name, one.node, cluster.deployment, facts);
  const ask = ['cluster', 'status', '--here', '--config', places.current, '--node', one.node.name];
  const words = [nodeBinary, `${places.current}/bin/arbot.mjs`, ...ask, '--environment', places.environment];
  const result = await one.remote.run({
    script: '"$@"',
    words: service === 'systemd' && sudo ? ['sudo', '-n', ...words] : words,
    timeoutMs: TIMEOUT_MS,
  });
  return reportOf(result.out) ?? fleet.redact(result.err).trim().split('\n').slice(-2).join(' ');
}

/** Which of the nodes holds the lease `trade`; null = none that answers. */
export async function holderOf(fleet: Fleet, nodes: readonly FleetNode[]): Promise<string | null> {
  const standings = await Promise.all(nodes.map((one) => standingOf(fleet, one)));
  return standings.find(({ trades }) => trades)?.name ?? null;
}
