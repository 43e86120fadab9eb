import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createJiti } from 'jiti';
import type { z } from 'zod';
import { errorText } from '../messages/errors.js';
import { clusterRelations, clusterSchema } from './cluster.js';
import type { ClusterConfig, NodeConfig } from './cluster.js';
import { convert, OVERRIDES, setAt } from './overrides.js';
import type { Environment } from './overrides.js';
import { ConfigInvalid, keyOf, problemsOf } from './problems.js';
import type { ConfigProblem } from './problems.js';
import { tradingRelations } from './trading-relations.js';
import { tradingSchema } from './trading.js';
import type { TradingConfig } from './trading.js';

export const CLUSTER_FILE = 'cluster.config.ts';
export const TRADING_FILE = 'trading.config.ts';

/** A value given on the command line, e.g. `{flag: '--port', file: 'cluster', path: ['nodes', '*', 'http', 'port'], value: 9000}`. */
export interface FlagOverride {
  readonly flag: string;
  readonly file: 'cluster' | 'trading';
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

export interface LoadOptions {
  /** Folder that holds both files. */
  readonly folder: string;
  readonly environment: Environment;
  readonly flags?: readonly FlagOverride[];
  /** Name of the node to run; absent = `ARBOT_NODE`, else the first. */
  readonly nodeName?: string;
}

export interface LoadedConfig {
  readonly cluster: ClusterConfig;
  readonly trading: TradingConfig;
  readonly node: NodeConfig;
  readonly files: { readonly cluster: string | null; readonly trading: string };
}

/** A file before its check. `overridden` maps a dotted key to the variable or flag that set it. */
interface RawFile {
  readonly name: string;
  value: unknown;
  readonly overridden: Map<string, string>;
  readonly loadProblem: string | null;
}

/** What stands in for a refused value while relations between the remaining ones are checked; never returned to anybody. */
const STAND_IN = {
  cluster: { nodes: [{ name: 'node', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] }] },
  trading: {
    assets: { BTC: {}, USDT: {} },
    pairs: [{ pair: 'BTC-USDT' }],
    exchanges: { binance: {}, okx: {} },
  },
};

/**
 * Reads both files, applies environment and flags, checks everything and returns frozen values. Precedence: defaults < file <
 * environment < flags. Throws ConfigInvalid (ARB_CONFIG_INVALID) with every problem of both files at once; values that were
 * refused are never in its text. An absent cluster file means one local node; the trading file is required.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const clusterPath = resolve(options.folder, CLUSTER_FILE);
  const clusterPresent = existsSync(clusterPath);
  const cluster = clusterPresent ? await readRaw(clusterPath, CLUSTER_FILE) : defaultCluster();
  const trading = await readRaw(resolve(options.folder, TRADING_FILE), TRADING_FILE);
  const nodeName = options.nodeName ?? options.environment['ARBOT_NODE'] ?? null;
  const nodeIndex = indexOfNode(cluster.value, nodeName);
  applyOverrides({ cluster, trading }, options, nodeIndex < 0 ? 0 : nodeIndex);

  const problems: ConfigProblem[] = [];
  const checkedCluster = check(cluster, clusterSchema, clusterRelations, STAND_IN.cluster, problems);
  const checkedTrading = check(trading, tradingSchema, tradingRelations, STAND_IN.trading, problems);
  if (nodeName !== null && checkedCluster !== null && nodeIndex < 0)
    problems.push({ source: CLUSTER_FILE, key: 'nodes', message: 'no node has the name that was asked for' });
  if (problems.length > 0 || checkedCluster === null || checkedTrading === null)
    throw new ConfigInvalid(problems);

  const node = checkedCluster.nodes[nodeIndex < 0 ? 0 : nodeIndex] as NodeConfig;
  const files = {
    cluster: clusterPresent ? clusterPath : null,
    trading: resolve(options.folder, TRADING_FILE),
  };
  return deepFreeze({ cluster: checkedCluster, trading: checkedTrading, node, files });
}

/** Checks a value as `trading.config.ts` would be; for tests and for hot changes. Returns the problems, none = good. */
export function checkTrading(value: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  check(rawOf(TRADING_FILE, value), tradingSchema, tradingRelations, STAND_IN.trading, problems);
  return problems;
}

/** Checks a value as `cluster.config.ts` would be. Returns the problems, none = good. */
export function checkCluster(value: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  check(rawOf(CLUSTER_FILE, value), clusterSchema, clusterRelations, STAND_IN.cluster, problems);
  return problems;
}

function defaultCluster(): RawFile {
  const all = ['feeds', 'detectors', 'trade', 'recorder'];
  return rawOf(CLUSTER_FILE, { nodes: [{ name: 'local', region: 'local', roles: all }] });
}

const failed = (name: string, loadProblem: string): RawFile => ({
  name,
  value: null,
  overridden: new Map(),
  loadProblem,
});

async function readRaw(path: string, name: string): Promise<RawFile> {
  if (!existsSync(path)) return failed(name, 'file not found');
  try {
    const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, tryNative: true });
    return rawOf(name, await jiti.import(path, { default: true }));
  } catch (error) {
    return failed(name, `cannot be loaded: ${firstLine(errorText(error))}`);
  }
}

/** Syntax errors quote the source, which may hold a pasted secret: only the first line, without anything in quotes. */
function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.replaceAll(/(["'`]).*?\1/g, '…').slice(0, 160);
}

function rawOf(name: string, value: unknown): RawFile {
  try {
    return { name, value: structuredClone(value), overridden: new Map(), loadProblem: null };
  } catch {
    return failed(name, 'must be plain data without functions');
  }
}

function indexOfNode(value: unknown, name: string | null): number {
  if (name === null) return 0;
  const nodes = (value as { nodes?: unknown } | null)?.nodes;
  return Array.isArray(nodes)
    ? nodes.findIndex((n: unknown) => (n as { name?: unknown } | null)?.name === name)
    : -1;
}

function applyOverrides(
  files: Record<'cluster' | 'trading', RawFile>,
  options: LoadOptions,
  nodeIndex: number,
): void {
  const apply = (
    file: 'cluster' | 'trading',
    path: readonly (string | number)[],
    value: unknown,
    by: string,
  ): void => {
    const actual = path.map((part) => (part === '*' ? nodeIndex : part));
    setAt(files[file].value, actual, value);
    files[file].overridden.set(keyOf(actual), by);
  };
  for (const spec of OVERRIDES) {
    const text = options.environment[spec.variable];
    if (text !== undefined && text !== '')
      apply(spec.file, spec.path, convert(text, spec.kind), spec.variable);
  }
  for (const flag of options.flags ?? []) apply(flag.file, flag.path, flag.value, flag.flag);
}

function check<S extends z.ZodType>(
  raw: RawFile,
  schema: S,
  relations: (value: z.output<S>) => Omit<ConfigProblem, 'source'>[],
  standIn: unknown,
  problems: ConfigProblem[],
): z.output<S> | null {
  if (raw.loadProblem !== null) {
    problems.push({ source: raw.name, key: '(file)', message: raw.loadProblem });
    return null;
  }
  const parsed = schema.safeParse(raw.value);
  const found = parsed.success ? [] : problemsOf(raw.name, parsed.error.issues);
  const value = parsed.success ? parsed.data : repaired(raw.value, schema, standIn, parsed.error.issues);
  if (value !== null) {
    const refused = found.map((problem) => problem.key);
    for (const problem of relations(value))
      if (!refused.some((key) => key === '(file)' || touches(problem.key, key)))
        found.push({ source: raw.name, ...problem });
  }
  problems.push(...found.map((problem) => namedByOverride(problem, raw.overridden)));
  return parsed.success && found.length === 0 ? parsed.data : null;
}

const touches = (key: string, refused: string): boolean => key.startsWith(refused) || refused.startsWith(key);

function namedByOverride(problem: ConfigProblem, overridden: Map<string, string>): ConfigProblem {
  const by = overridden.get(problem.key);
  if (by === undefined) return problem;
  const source = by.startsWith('--') ? 'command line' : 'environment';
  return { source, key: `${by} (${problem.key})`, message: problem.message };
}

/** The value with each refused part replaced or removed, so that relations of the rest are still checked; null when that is not enough. */
function repaired<S extends z.ZodType>(
  value: unknown,
  schema: S,
  standIn: unknown,
  issues: readonly z.core.$ZodIssue[],
): z.output<S> | null {
  let copy = structuredClone(value);
  for (const issue of issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [];
    if (issue.path.length === 0 && names.length === 0) copy = structuredClone(standIn);
    const paths = names.length === 0 ? [issue.path] : names.map((name) => [...issue.path, name]);
    for (const path of paths) replaceAt(copy, path, standInAt(standIn, path));
  }
  const again = schema.safeParse(copy);
  return again.success ? again.data : null;
}

function standInAt(standIn: unknown, path: readonly PropertyKey[]): unknown {
  let at = standIn;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}

function replaceAt(target: unknown, path: readonly PropertyKey[], value: unknown): void {
  let at = target;
  for (const key of path.slice(0, -1)) {
    if (typeof at !== 'object' || at === null) return;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  const last = path.at(-1);
  if (typeof at !== 'object' || at === null || last === undefined) return;
  if (value !== undefined) (at as Record<PropertyKey, unknown>)[last] = structuredClone(value);
  else if (!Array.isArray(at)) delete (at as Record<PropertyKey, unknown>)[last];
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
