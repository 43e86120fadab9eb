import { stopOrder } from '../../launch/order.js';
import { settingOf } from '../../launch/plan.js';
import { ArbotError } from '../../messages/errors.js';
import { EXIT, type Terminal } from '../output.js';
import { openFleet, type ClusterFlags, type Connect } from './fleet.js';
import { lookBriefly } from './probe-run.js';
import { holderOf } from './status-run.js';
import { runSteps } from './step-runner.js';

/** Stops every node in order, last started first. A machine that is not reached is told and does not keep the others from it. */
export async function runStop(flags: ClusterFlags, terminal: Terminal, connect?: Connect): Promise<number> {
  const fleet = await openFleet(flags, terminal, connect);
  const failures: string[] = [];
  try {
    const { cluster } = fleet.config;
    const holder = await holderOf(fleet, fleet.nodes);
    for (const node of stopOrder(
      fleet.nodes.map((one) => one.node),
      holder,
    )) {
      const one = fleet.nodes.find((other) => other.node === node)!;
      const facts = await lookBriefly(fleet, one);
      if ('state' in facts) failures.push(`${node.name}: ${facts.detail}`);
      else if (facts.running === null) terminal.print(`${node.name}  does not run`);
      else {
        const setting = settingOf(cluster.name, node, cluster.deployment, facts);
        const run = { fleet, one, setting, terminal, sources: null, isStopped: () => false };
        await runSteps(run, [{ kind: 'stop' }]).catch((error: Error) => void failures.push(error.message));
      }
    }
    if (failures.length > 0) throw new ArbotError('ARB_HOST_FAILED', failures.join('\n'));
    return EXIT.done;
  } finally {
    await fleet.close();
  }
}
