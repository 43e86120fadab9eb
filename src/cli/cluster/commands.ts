import type { Command } from 'commander';
import type { Terminal } from '../output.js';
import type { StartFlags } from '../start.js';
import type { LaunchFlags } from './launch-run.js';
import type { LogFlags } from './logs-run.js';
import type { StatusFlags } from './status-run.js';

type HereFlags = StatusFlags &
  StartFlags & {
    readonly here?: boolean;
    readonly wait?: string;
    readonly environment?: string;
    readonly build?: string;
    readonly pid?: string;
  };

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

function onMachines(cluster: Command, name: string, description: string): Command {
  return cluster
    .command(name)
    .description(description)
    .option('--config <folder>', 'folder of cluster.config.ts and trading.config.ts (default: here)')
    .option('--nodes <names>', 'only these, separated by commas')
    .option('--verbose', 'show where an error came from');
}

/** Adds `arbot cluster launch | status | deploy | stop | logs`: the nodes of cluster.config.ts on their machines, over ssh. */
export function addCluster(program: Command, terminal: Terminal, done: (code: number) => void): void {
  const cluster = program
    .command('cluster')
    .description('The nodes of cluster.config.ts on their machines, over ssh.');
  onMachines(
    cluster,
    'launch',
    'Look at every machine, copy what runs there, start every node, wait until it has joined.',
  )
    .option('--probe', 'only look at the machines; change nothing')
    .addHelpText('after', examples('arbot cluster launch --probe', 'arbot cluster launch'))
    .action(async (flags: LaunchFlags) => {
      const { runLaunch } = await import('./launch-run.js');
      done(await runLaunch('launch', flags, terminal));
    });
  onMachines(
    cluster,
    'deploy',
    'Replace running nodes one after the other, the one that trades last; back when one does not join.',
  )
    .option('--restart', 'also nodes that run this build already, for new secrets')
    .addHelpText('after', examples('arbot cluster deploy', 'arbot cluster deploy --nodes tokyo-1 --restart'))
    .action(async (flags: LaunchFlags) => {
      const { runLaunch } = await import('./launch-run.js');
      done(await runLaunch('deploy', flags, terminal));
    });
  addStatus(cluster, terminal, done);
  onMachines(cluster, 'stop', 'Stop every node in order, the one that trades before those that feed it.')
    .addHelpText('after', examples('arbot cluster stop', 'arbot cluster stop --nodes seoul-1'))
    .action(async (flags: LaunchFlags) => {
      const { runStop } = await import('./stop-run.js');
      done(await runStop(flags, terminal));
    });
  onMachines(cluster, 'logs', 'Show the logs of the nodes.')
    .option('--lines <n>', 'the newest n of each', '50')
    .option('--follow', 'go on until Ctrl-C')
    .addHelpText('after', examples('arbot cluster logs', 'arbot cluster logs --nodes tokyo-1 --follow'))
    .action(async (flags: LogFlags) => {
      const { runLogs } = await import('./logs-run.js');
      done(await runLogs(flags, terminal));
    });
}

function addStatus(cluster: Command, terminal: Terminal, done: (code: number) => void): void {
  onMachines(
    cluster,
    'status',
    'Show build, service, lease and readiness of every node; 1 when one has not joined.',
  )
    .option('--json', 'as JSON')
    .option('--here', 'only the node of this machine, over loopback, as one line of JSON')
    .option('--node <name>', 'with --here: which node of cluster.config.ts')
    .option('--environment <file>', 'with --here: its environment file, for the token')
    .option('--wait <seconds>', 'with --here: until it has joined, at most so long')
    .option('--pid <file>', 'with --here: of its supervisor, whose end ends the wait')
    .option('--build <hash>', 'with --here: it must be this build')
    .addHelpText(
      'after',
      examples('arbot cluster status', 'arbot cluster status --here --node tokyo-1 --wait 30'),
    )
    .action(async (flags: HereFlags) => {
      if (flags.here === true) {
        const { runHere } = await import('./here-run.js');
        done(await runHere(flags, terminal));
      } else {
        const { runStatus } = await import('./status-run.js');
        done(await runStatus(flags, terminal));
      }
    });
}
