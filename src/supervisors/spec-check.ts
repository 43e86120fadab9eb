import { ArbotError } from '../messages/errors.js';
import type { Backoff, ChildSpec, GiveUp, Intensity, SupervisorSpec, WorkerSpec } from './spec.js';

/** Paths go into supervision events, whose schema has this bound. */
const PATH_MAX = 200;
const CHILD_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
/** The longest delay a timer keeps. */
const DELAY_MAX_MS = 2_147_483_647;

/** Throws ARB_CONFIG_INVALID that names every wrong field of the tree at once. */
export function checkSpec(spec: SupervisorSpec): void {
  throwIfAny(supervisorProblems(spec, spec.id));
}

/** The same for one child that is added below `parentPath`, beside children named `siblings`. */
export function checkChild(spec: ChildSpec, parentPath: string, siblings: readonly string[]): void {
  const id = childId(spec);
  const problems = childProblems(spec, `${parentPath}/${id}`);
  if (siblings.includes(id)) problems.push(`${parentPath}/${id}: the id is taken`);
  throwIfAny(problems);
}

export function childId(spec: ChildSpec): string {
  return 'worker' in spec ? spec.worker.id : spec.supervisor.id;
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new ArbotError('ARB_CONFIG_INVALID', problems.join('; '));
}

function supervisorProblems(spec: SupervisorSpec, path: string): string[] {
  const ids = spec.children.map(childId);
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
  return [
    ...idProblems(spec.id, path),
    ...intensityProblems(spec.intensity, path),
    ...(spec.backoff === undefined ? [] : backoffProblems(spec.backoff, path)),
    ...(spec.giveUp === undefined ? [] : giveUpProblems(spec.giveUp, path)),
    ...repeated.map((id) => `${path}: two children are named ${id}`),
    ...spec.children.flatMap((child) => childProblems(child, `${path}/${childId(child)}`)),
  ];
}

function childProblems(spec: ChildSpec, path: string): string[] {
  return 'worker' in spec ? workerProblems(spec.worker, path) : supervisorProblems(spec.supervisor, path);
}

function workerProblems(spec: WorkerSpec, path: string): string[] {
  const { mailbox, handlerTimeoutMs, startTimeoutMs } = spec.actor;
  return [
    ...idProblems(spec.id, path),
    ...delayProblem(spec.shutdownMs, `${path}: shutdownMs`),
    ...backoffProblems(spec.backoff, path),
    ...giveUpProblems(spec.giveUp, path),
    ...delayProblem(handlerTimeoutMs, `${path}: actor.handlerTimeoutMs`),
    ...(startTimeoutMs === undefined ? [] : delayProblem(startTimeoutMs, `${path}: actor.startTimeoutMs`)),
    ...(Number.isSafeInteger(mailbox.capacity) && mailbox.capacity > 0
      ? []
      : [`${path}: actor.mailbox.capacity must be a whole number above 0, not ${mailbox.capacity}`]),
  ];
}

function idProblems(id: string, path: string): string[] {
  const problems = CHILD_ID.test(id)
    ? []
    : [`${path}: id must be 1 to 64 letters, digits, ".", "_", ":" or "-", not "${id}"`];
  if (path.length > PATH_MAX) problems.push(`${path}: the path is longer than ${PATH_MAX} characters`);
  return problems;
}

function intensityProblems({ restarts, stableMs }: Intensity, path: string): string[] {
  const problems = delayProblem(stableMs, `${path}: intensity.stableMs`);
  if (!Number.isSafeInteger(restarts) || restarts < 1)
    problems.push(`${path}: intensity.restarts must be a whole number above 0, not ${restarts}`);
  return problems;
}

function backoffProblems({ minMs, maxMs, jitter }: Backoff, path: string): string[] {
  const problems = [
    ...delayProblem(minMs, `${path}: backoff.minMs`),
    ...delayProblem(maxMs, `${path}: backoff.maxMs`),
  ];
  if (!(minMs <= maxMs)) problems.push(`${path}: backoff.minMs is above backoff.maxMs`);
  if (!(jitter >= 0 && jitter <= 1)) problems.push(`${path}: backoff.jitter must be 0 to 1, not ${jitter}`);
  return problems;
}

function giveUpProblems(giveUp: GiveUp, path: string): string[] {
  if (giveUp.kind === 'escalate') return [];
  const { probeMinMs, probeMaxMs } = giveUp;
  const problems = [
    ...delayProblem(probeMinMs, `${path}: giveUp.probeMinMs`),
    ...delayProblem(probeMaxMs, `${path}: giveUp.probeMaxMs`),
  ];
  if (!(probeMinMs <= probeMaxMs)) problems.push(`${path}: giveUp.probeMinMs is above giveUp.probeMaxMs`);
  return problems;
}

function delayProblem(value: number, field: string): string[] {
  return value >= 0 && value <= DELAY_MAX_MS
    ? []
    : [`${field} must be 0 to ${DELAY_MAX_MS} ms, not ${value}`];
}
