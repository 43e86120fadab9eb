import type { Step, StepSetting } from '../../launch/steps.js';
import { commandOf, titleOf } from '../../launch/steps.js';
import { unitFile } from '../../launch/unit-file.js';
import { ArbotError } from '../../messages/errors.js';
import type { Terminal } from '../output.js';
import type { Fleet, FleetNode } from './fleet.js';
import { reportOf } from './here-report.js';
import type { LocalSources } from './local-sources.js';
import { TAIL_SCRIPTS } from './tail-scripts.js';

/** Runs the steps of a plan on a machine and says each with its time. */

export interface StepRun {
  readonly fleet: Fleet;
  readonly one: FleetNode;
  readonly setting: StepSetting;
  readonly terminal: Terminal;
  /** Null where nothing is copied. */
  readonly sources: LocalSources | null;
  readonly isStopped: () => boolean;
}

const LAST_LINES = 12;

/** Stops at the first step that fails: ARB_HOST_FAILED with machine, step and what it said, without secrets. */
export async function runSteps(run: StepRun, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (run.isStopped()) throw failure(run, step, 'interrupted; the same command goes on from here');
    await runStep(run, step);
  }
}

async function runStep(run: StepRun, step: Step): Promise<void> {
  const { fleet, one, setting, terminal } = run;
  const { clock } = fleet;
  const startedMs = clock.monotonicMs();
  const { payload, ...command } = commandOf(step, setting);
  const input = await inputOf(run, payload);
  const result = await one.remote.run({ ...command, ...(input !== null && { input }) });
  const seconds = ((clock.monotonicMs() - startedMs) / 1_000).toFixed(1);
  const title = `${one.node.name}  ${titleOf(step)}`;
  if (result.code === 0) {
    terminal.print(`${title}  ${seconds} s${step.kind === 'await-joined' ? joinedText(result.out) : ''}`);
    return;
  }
  terminal.print(`${title}  FAILED after ${seconds} s`);
  const said = [result.out, result.err]
    .map((text) => fleet.redact(text).trim())
    .filter((text) => text !== '');
  const log = step.kind === 'await-joined' ? await lastLog(run) : [];
  const code = result.code === null ? '' : ` (exit ${result.code})`;
  const lines = [...said.join('\n').split('\n').slice(-LAST_LINES), ...log];
  throw failure(run, step, `failed${code}\n${lines.map((line) => `    ${line}`).join('\n')}`);
}

/** What `status --here` printed, in words. */
function joinedText(out: string): string {
  const report = reportOf(out);
  return report === null ? '' : `  ${report.detail}${report.trades ? ', holds the trade' : ''}`;
}

function failure({ one }: StepRun, step: Step, what: string): ArbotError {
  return new ArbotError(
    'ARB_HOST_FAILED',
    `${one.node.name} (${one.node.address}): ${titleOf(step)}: ${what}`,
  );
}

async function inputOf(
  { fleet, one, setting, sources }: StepRun,
  payload: ReturnType<typeof commandOf>['payload'],
): Promise<{ readonly data: Buffer } | { readonly path: string } | null> {
  if (payload === null) return null;
  if (payload === 'environment') return { data: Buffer.from(one.environmentText ?? '') };
  if (payload === 'unit') {
    const { deployment } = fleet.config.cluster;
    const { cluster, nodeBinary, user } = setting;
    return { data: Buffer.from(unitFile({ cluster, node: one.node, deployment, nodeBinary, user })) };
  }
  if (sources === null) throw new ArbotError('ARB_INVARIANT', 'a step that copies has nothing to copy');
  if (payload === 'modules') return { path: await sources.modulesArchive() };
  return { data: payload === 'lock' ? sources.lockArchive : sources.releaseArchive };
}

/** Why a node does not join is in its log. */
async function lastLog({ fleet, one, setting }: StepRun): Promise<string[]> {
  const result = await one.remote.run({ ...TAIL_SCRIPTS.last(setting, LAST_LINES), timeoutMs: 20_000 });
  const text = fleet.redact(result.out).trim();
  return text === '' ? [] : ['last lines of its log:', ...text.split('\n')];
}
