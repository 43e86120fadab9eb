import type { TreeNode } from './child-node.js';
import type {
  Backoff,
  ChildSpec,
  GiveUp,
  Intensity,
  RestartType,
  Strategy,
  SupervisorSpec,
  WorkerSpec,
} from './spec.js';
import { DEFAULT_BACKOFF } from './spec.js';

/** What a specification and a running tree must have in common. */
export interface TreeShape {
  readonly id: string;
  readonly kind: 'worker' | 'supervisor';
  readonly restart: RestartType;
  readonly strategy: Strategy | null;
  readonly children: readonly TreeShape[];
}

export function specShape(spec: SupervisorSpec): TreeShape {
  const { id, restart, strategy } = spec;
  return { id, kind: 'supervisor', restart, strategy, children: spec.children.map(childShape) };
}

export function runningShape(tree: TreeNode): TreeShape {
  const { id, kind, restart, strategy } = tree;
  return { id, kind, restart, strategy, children: tree.children.map(runningShape) };
}

/** The tree as a Markdown table, one row per node, children indented below their supervisor. */
export function renderTable(spec: SupervisorSpec): string {
  const head = ['child', 'kind', 'strategy', 'restart', 'intensity', 'backoff', 'shutdown', 'give-up'];
  const rows = [head, ...supervisorRows(spec, 0)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const ruler = line(widths.map((width) => '-'.repeat(width)));
  return [line(head), ruler, ...rows.slice(1).map(line)].join('\n');
}

function childShape(spec: ChildSpec): TreeShape {
  if ('supervisor' in spec) return specShape(spec.supervisor);
  const { id, restart } = spec.worker;
  return { id, kind: 'worker', restart, strategy: null, children: [] };
}

function supervisorRows(spec: SupervisorSpec, depth: number): string[][] {
  const row = [
    indented(spec.id, depth),
    'supervisor',
    spec.strategy,
    spec.restart,
    intensityText(spec.intensity),
    backoffText(spec.backoff ?? DEFAULT_BACKOFF),
    'children',
    giveUpText(spec.giveUp ?? { kind: 'escalate' }),
  ];
  return [row, ...spec.children.flatMap((child) => childRows(child, depth + 1))];
}

function childRows(spec: ChildSpec, depth: number): string[][] {
  return 'supervisor' in spec ? supervisorRows(spec.supervisor, depth) : [workerRow(spec.worker, depth)];
}

function workerRow(spec: WorkerSpec, depth: number): string[] {
  return [
    indented(spec.id, depth),
    spec.actor.kind,
    '',
    spec.restart,
    '',
    backoffText(spec.backoff),
    durationText(spec.shutdownMs),
    giveUpText(spec.giveUp),
  ];
}

/** Non-breaking spaces, because Markdown drops leading ordinary ones. */
function indented(id: string, depth: number): string {
  return '\u00a0\u00a0'.repeat(depth) + id;
}

function intensityText({ restarts, stableMs }: Intensity): string {
  return `${restarts} within ${durationText(stableMs)}`;
}

function backoffText({ minMs, maxMs, jitter }: Backoff): string {
  return `${durationText(minMs)} to ${durationText(maxMs)}, ${Math.round(jitter * 100)} % jitter`;
}

function giveUpText(giveUp: GiveUp): string {
  if (giveUp.kind === 'escalate') return 'escalate';
  return `quarantine, probe ${durationText(giveUp.probeMinMs)} to ${durationText(giveUp.probeMaxMs)}`;
}

function durationText(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}
