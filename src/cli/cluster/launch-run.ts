import { deployOrder, startOrder } from '../../launch/order.js';
import { planNode, settingOf, type NodePlan, type Wanted } from '../../launch/plan.js';
import type { HostFacts } from '../../launch/probe.js';
import { ArbotError, errorText } from '../../messages/errors.js';
import { EXIT, type Terminal } from '../output.js';
import {
  eachMachine,
  openFleet,
  type ClusterFlags,
  type Connect,
  type Fleet,
  type FleetNode,
} from './fleet.js';
import { localSources, type LocalSources } from './local-sources.js';
import { needsOf, probeAll, showFindings } from './probe-run.js';
import { holderOf } from './status-run.js';
import { runSteps, type StepRun } from './step-runner.js';

export interface LaunchFlags extends ClusterFlags {
  /** Only look at the machines. */
  readonly probe?: boolean;
  /** Also replace nodes that run this build already: their secrets have changed. */
  readonly restart?: boolean;
}

type Kind = 'launch' | 'deploy';

interface Planned {
  readonly one: FleetNode;
  readonly facts: HostFacts;
  readonly plan: NodePlan;
}

/** Looks at every machine, copies what is missing to all of them at once, and starts or replaces one node after the other. */
export async function runLaunch(
  kind: Kind,
  flags: LaunchFlags,
  terminal: Terminal,
  connect?: Connect,
): Promise<number> {
  let isStopped = false;
  const forget = terminal.onSignal(() => (isStopped = true));
  const fleet = await openFleet(flags, terminal, connect).catch((error: unknown) => {
    forget();
    throw error;
  });
  try {
    const sources = localSources(fleet.config);
    terminal.print(
      `${kind}  ${fleet.config.cluster.name}, build ${sources.release.build}, ${sources.release.files} files`,
    );
    const probed = await probeAll(fleet, sources);
    showFindings(probed, terminal, flags.probe === true);
    if (flags.probe === true) return EXIT.done;
    const planned = probed.map(({ one, facts }) => plan({ fleet, sources, flags }, one, facts!));
    if (kind === 'launch') refuseReplacing(planned, sources);
    const runOf = ({ one, facts }: Planned): StepRun => ({
      fleet,
      one,
      sources,
      terminal,
      setting: settingOf(fleet.config.cluster.name, one.node, fleet.config.cluster.deployment, facts),
      isStopped: () => isStopped,
    });
    await eachMachine(fleet.nodes, async (one) => {
      const its = planned.find((other) => other.one === one)!;
      await runSteps(runOf(its), its.plan.install);
    });
    for (const one of await ordered(kind, fleet, planned)) await activate(runOf(one), one.plan);
    const holder = await holderOf(fleet, fleet.nodes);
    terminal.print(
      `${kind === 'launch' ? 'launched' : 'deployed'}  the trade is with ${holder ?? 'nobody yet'}`,
    );
    return EXIT.done;
  } finally {
    forget();
    await fleet.close();
  }
}

function plan(
  { fleet, sources, flags }: { fleet: Fleet; sources: LocalSources; flags: LaunchFlags },
  one: FleetNode,
  facts: HostFacts,
): Planned {
  const wanted: Wanted = {
    build: sources.release.build,
    modulesKey: sources.packages.key,
    hasEnvironment: one.environmentText !== null,
    needsPreparation: fleet.config.cluster.stores.trades.kind === 'pglite',
    restart: flags.restart === true,
  };
  return { one, facts, plan: planNode(wanted, needsOf(fleet, one, sources), facts) };
}

/** A launch starts what does not run: replacing a running node is a deployment, with its hand-over. */
function refuseReplacing(planned: readonly Planned[], { release }: LocalSources): void {
  const others = planned.filter(({ facts }) => facts.running !== null && facts.runs !== release.build);
  if (others.length === 0) return;
  const names = others.map(({ one, facts }) => `${one.node.name} runs ${facts.runs ?? 'another build'}`);
  throw new ArbotError('ARB_HOST_FAILED', `${names.join(', ')}: replace with arbot cluster deploy`);
}

async function ordered(kind: Kind, fleet: Fleet, planned: readonly Planned[]): Promise<Planned[]> {
  const nodes = planned.map(({ one }) => one.node);
  const holder = kind === 'deploy' ? await holderOf(fleet, fleet.nodes) : null;
  const order = kind === 'deploy' ? deployOrder(nodes, holder) : startOrder(nodes);
  return order.map((node) => planned.find(({ one }) => one.node === node)!);
}

/** The node is replaced or started; when that fails, what ran before is brought back, and nothing further is touched. */
async function activate(run: StepRun, { activate: steps, rollback }: NodePlan): Promise<void> {
  try {
    await runSteps(run, steps);
  } catch (error) {
    if (run.isStopped() || rollback.length === 0) throw error;
    run.terminal.print(`${run.one.node.name}  back to what was before`);
    try {
      await runSteps(run, rollback);
    } catch (second) {
      throw new ArbotError(
        'ARB_HOST_FAILED',
        `${errorText(error)}\nand the way back failed too: ${errorText(second)}`,
      );
    }
    throw error;
  }
}
