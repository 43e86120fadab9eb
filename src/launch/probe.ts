import { z } from 'zod';
import { ASK_SCRIPT, PROBE_SCRIPT } from './probe-script.js';

/** A server that a node needs, as its machine has to reach it. */
export interface Endpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** What was found on a machine. Every text is the machine's word and bounded. */
export interface HostFacts {
  readonly system: string;
  readonly machine: string;
  readonly libc: string;
  readonly user: string;
  readonly rights: 'root' | 'sudo' | 'none';
  readonly systemd: boolean;
  readonly tools: ReadonlySet<string>;
  /** The nearest folder that exists, at or above the deployment's. */
  readonly parent: string;
  readonly writable: boolean;
  readonly freeKilobytes: number;
  readonly releases: readonly string[];
  readonly modules: readonly string[];
  /** The build that the node starts next; null = none yet. */
  readonly current: string | null;
  readonly running: 'systemd' | 'supervised' | null;
  /** The build that runs now. */
  readonly runs: string | null;
  readonly nodeBinary: string | null;
  readonly nodeVersion: string | null;
  /** `free`, or why not, by port. */
  readonly ports: ReadonlyMap<number, string>;
  readonly reached: readonly (Endpoint & { readonly result: string })[];
}

export interface ProbeQuestion {
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly reach: readonly Endpoint[];
}

export interface ProbeTarget {
  readonly folder: string;
  readonly node: string;
  readonly nodeBinary: string | null;
  readonly unit: string;
}

/** Script and arguments of a probe. */
export function probeCommand(
  target: ProbeTarget,
  question: ProbeQuestion,
): { readonly script: string; readonly words: readonly string[] } {
  const script = `ASK=$6\n${PROBE_SCRIPT}`;
  const { folder, node, nodeBinary, unit } = target;
  return { script, words: [folder, node, nodeBinary ?? '', unit, JSON.stringify(question), ASK_SCRIPT] };
}

const word = z.string().regex(/^[\x20-\x7e]{0,400}$/);
const facts = z.object({
  system: word,
  machine: word,
  libc: word,
  user: word,
  rights: z.enum(['root', 'sudo', 'none']),
  systemd: z.enum(['yes', 'no']),
  parent: word,
  writable: z.enum(['yes', 'no']),
  freeKilobytes: z.coerce.number().int().min(0),
  current: word.nullable(),
  running: z.enum(['systemd', 'supervised']).nullable(),
  runs: word.nullable(),
  nodeBinary: word.nullable(),
  nodeVersion: word.nullable(),
  end: z.literal('yes'),
});

const MAX_LINES = 5_000;

/** Reads what the script printed; a text = what of it cannot be understood. Lines of a login's greeting are passed over. */
export function parseProbe(output: string): HostFacts | string {
  const found = new Map<string, string[]>();
  for (const line of output.split('\n').slice(0, MAX_LINES)) {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    found.set(name, [...(found.get(name) ?? []), value.trim()]);
  }
  const one = (name: string): string | null => found.get(name)?.at(-1) ?? null;
  const read = facts.safeParse(Object.fromEntries(Object.keys(facts.shape).map((name) => [name, one(name)])));
  if (!read.success) {
    const names = read.error.issues.map(({ path }) => String(path[0]));
    return `the machine's answer lacks ${[...new Set(names)].join(', ')}`;
  }
  const { end: _, systemd, writable, ...rest } = read.data;
  return {
    ...rest,
    systemd: systemd === 'yes',
    writable: writable === 'yes',
    tools: new Set(found.get('tool')),
    releases: (found.get('release') ?? []).filter(isName),
    modules: (found.get('modules') ?? []).filter(isName),
    ports: new Map((found.get('port') ?? []).map(portOf)),
    reached: (found.get('reach') ?? []).flatMap(reachedOf),
  };
}

/** Of folders that this program makes; whatever else lies there is not ours. */
const isName = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

function portOf(text: string): [number, string] {
  const [port = '', what = ''] = text.split(' ');
  return [Number(port), what];
}

function reachedOf(text: string): (Endpoint & { readonly result: string })[] {
  const [name, host, port, result] = text.split(' ');
  if (name === undefined || host === undefined || port === undefined || result === undefined) return [];
  return [{ name, host, port: Number(port), result }];
}
