import { STEP_SCRIPTS } from './step-scripts.js';
import { modulesFolder, releaseFolder, type Places } from './places.js';

/** One thing that is done on a machine. Plain data: a plan is shown, compared and tested without a machine. */
export type Step =
  | { readonly kind: 'make-folders' }
  | { readonly kind: 'send-modules'; readonly key: string }
  | { readonly kind: 'install-modules'; readonly key: string }
  | { readonly kind: 'send-release'; readonly build: string; readonly key: string }
  | { readonly kind: 'prepare'; readonly build: string }
  | { readonly kind: 'send-environment' }
  | { readonly kind: 'restore-environment' }
  | { readonly kind: 'write-unit' }
  | { readonly kind: 'switch'; readonly build: string }
  | { readonly kind: 'stop' }
  | { readonly kind: 'start' }
  | { readonly kind: 'await-joined'; readonly build: string }
  | { readonly kind: 'prune'; readonly keep: number };

/** How a step is done on the machine at hand. */
export interface StepSetting {
  readonly places: Places;
  readonly cluster: string;
  readonly node: string;
  readonly service: 'systemd' | 'supervised';
  /** The login needs sudo for what belongs to root. */
  readonly sudo: boolean;
  readonly login: string;
  /** Runs the node, owns its data. */
  readonly user: string;
  readonly nodeBinary: string;
  readonly unit: string;
  readonly stopTimeoutMs: number;
  readonly joinTimeoutMs: number;
}

/** What flows into the script: files of this machine, or a text. */
export type Payload = 'modules' | 'lock' | 'release' | 'environment' | 'unit' | null;

export interface StepCommand {
  readonly script: string;
  readonly words: readonly string[];
  readonly payload: Payload;
  readonly timeoutMs: number;
}

const MINUTE = 60_000;

export function titleOf(step: Step): string {
  switch (step.kind) {
    case 'make-folders':
      return 'make folders';
    case 'send-modules':
      return 'copy packages';
    case 'install-modules':
      return 'npm ci';
    case 'send-release':
      return `copy release ${step.build}`;
    case 'prepare':
      return 'prepare the first start';
    case 'send-environment':
      return 'copy environment file';
    case 'restore-environment':
      return 'bring back environment file';
    case 'write-unit':
      return 'write systemd unit';
    case 'switch':
      return `switch to ${step.build}`;
    case 'stop':
      return 'stop in order';
    case 'start':
      return 'start';
    case 'await-joined':
      return 'wait until joined';
    case 'prune':
      return 'remove old releases';
  }
}

export function commandOf(step: Step, setting: StepSetting): StepCommand {
  const { places, nodeBinary, sudo } = setting;
  const plain = (script: string, words: readonly string[], timeoutMs = MINUTE): StepCommand => ({
    script,
    words,
    payload: null,
    timeoutMs,
  });
  const asRoot = sudo ? 'sudo' : '';
  switch (step.kind) {
    case 'make-folders':
      return plain(STEP_SCRIPTS.makeFolders, [
        ...[places.root, places.node, places.data, setting.login, setting.user, asRoot],
      ]);
    case 'send-modules':
      return {
        ...plain(STEP_SCRIPTS.receiveModules, [modulesFolder(places, step.key)], 30 * MINUTE),
        payload: 'modules',
      };
    case 'install-modules':
      return {
        ...plain(STEP_SCRIPTS.installModules, [modulesFolder(places, step.key), nodeBinary], 30 * MINUTE),
        payload: 'lock',
      };
    case 'send-release':
      return {
        ...plain(
          STEP_SCRIPTS.receiveRelease,
          [releaseFolder(places, step.build), modulesFolder(places, step.key)],
          10 * MINUTE,
        ),
        payload: 'release',
      };
    case 'prepare':
      return plain(STEP_SCRIPTS.prepare, [releaseFolder(places, step.build), nodeBinary], 5 * MINUTE);
    case 'send-environment':
      return { ...plain(STEP_SCRIPTS.receiveEnvironment, [places.environment]), payload: 'environment' };
    case 'restore-environment':
      return plain(STEP_SCRIPTS.restoreEnvironment, [places.environment]);
    case 'write-unit':
      return {
        ...plain(STEP_SCRIPTS.writeUnit, [`/etc/systemd/system/${setting.unit}`, setting.unit, asRoot]),
        payload: 'unit',
      };
    case 'switch':
      return plain(STEP_SCRIPTS.switchTo, [places.current, releaseFolder(places, step.build)]);
    case 'stop':
      return stopCommand(setting);
    case 'start':
      return startCommand(setting);
    case 'await-joined':
      return awaitCommand(step.build, setting);
    case 'prune':
      return plain(STEP_SCRIPTS.prune, [places.root, String(step.keep)], 5 * MINUTE);
  }
}

function stopCommand(setting: StepSetting): StepCommand {
  const { places, unit, stopTimeoutMs, service, sudo } = setting;
  const timeoutMs = stopTimeoutMs + MINUTE;
  const seconds = String(Math.ceil(stopTimeoutMs / 1_000));
  if (service === 'systemd')
    return { script: STEP_SCRIPTS.stopUnit, words: [unit, sudo ? 'sudo' : ''], payload: null, timeoutMs };
  return { script: STEP_SCRIPTS.stopSupervised, words: [places.run, seconds], payload: null, timeoutMs };
}

function startCommand(setting: StepSetting): StepCommand {
  const { places, unit, service, sudo, nodeBinary, node, stopTimeoutMs } = setting;
  if (service === 'systemd')
    return {
      script: STEP_SCRIPTS.startUnit,
      words: [unit, sudo ? 'sudo' : ''],
      payload: null,
      timeoutMs: MINUTE,
    };
  const words = [places.node, nodeBinary, String(stopTimeoutMs), node];
  return { script: STEP_SCRIPTS.startSupervised, words, payload: null, timeoutMs: MINUTE };
}

function awaitCommand(build: string, setting: StepSetting): StepCommand {
  const { places, nodeBinary, node, joinTimeoutMs, service, sudo } = setting;
  const ask = ['cluster', 'status', '--here', '--config', places.current, '--node', node];
  const how = ['--environment', places.environment, '--wait', String(Math.ceil(joinTimeoutMs / 1_000))];
  const words = [nodeBinary, `${places.current}/bin/arbot.mjs`, ...ask, ...how, '--build', build];
  if (service === 'supervised') words.push('--pid', `${places.run}/supervisor.pid`);
  // The file with the token of the page belongs to root where systemd reads it.
  const asRoot = service === 'systemd' && sudo ? ['sudo', '-n', ...words] : words;
  return { script: '"$@"', words: asRoot, payload: null, timeoutMs: joinTimeoutMs + MINUTE };
}
