import { settingOf } from '../../launch/plan.js';
import { ArbotError } from '../../messages/errors.js';
import { EXIT, type Terminal } from '../output.js';
import { openFleet, type ClusterFlags, type Connect, type Fleet, type FleetNode } from './fleet.js';
import { lookBriefly } from './probe-run.js';
import { TAIL_SCRIPTS } from './tail-scripts.js';

export interface LogFlags extends ClusterFlags {
  readonly lines?: string;
  readonly follow?: boolean;
}

/** Prints the newest lines of one or all nodes, each after the name of its node, and with `follow` what comes until Ctrl-C. */
export async function runLogs(flags: LogFlags, terminal: Terminal, connect?: Connect): Promise<number> {
  const lines = linesFlag(flags.lines ?? '50');
  const fleet = await openFleet(flags, terminal, connect);
  const stops: (() => void)[] = [];
  let isStopped = false;
  const forget = terminal.onSignal(() => {
    isStopped = true;
    for (const stop of stops) stop();
  });
  const width = Math.max(...fleet.nodes.map(({ node }) => node.name.length));
  try {
    const ends = fleet.nodes.map(async (one) => {
      const command = await tailOf(fleet, one, lines, flags.follow === true);
      if (typeof command === 'string')
        throw new ArbotError('ARB_HOST_FAILED', `${one.node.name}: ${command}`);
      if (isStopped) return;
      const name = one.node.name.padEnd(width);
      const following = one.remote.follow(command, (line) =>
        terminal.print(`${name}  ${fleet.redact(line)}`),
      );
      stops.push(following.stop);
      const code = await following.ended;
      if (code !== 0 && !isStopped) terminal.complain(`${name}  its log ended (${code ?? 'no connection'})`);
    });
    const failed = (await Promise.allSettled(ends)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return isStopped ? EXIT.interrupted : EXIT.done;
  } finally {
    forget();
    await fleet.close();
  }
}

async function tailOf(
  fleet: Fleet,
  one: FleetNode,
  lines: number,
  isFollowed: boolean,
): Promise<ReturnType<typeof TAIL_SCRIPTS.last> | string> {
  const facts = await lookBriefly(fleet, one);
  if ('state' in facts) return facts.detail;
  const { name, deployment } = fleet.config.cluster;
  const setting = settingOf(name, one.node, deployment, facts);
  return isFollowed ? TAIL_SCRIPTS.follow(setting, lines) : TAIL_SCRIPTS.last(setting, lines);
}

function linesFlag(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new ArbotError('ARB_CLI_USAGE', '--lines: must be a whole number from 0 to 99999');
}
