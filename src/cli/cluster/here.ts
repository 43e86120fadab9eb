import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { LoadedConfig } from '../../config/index.js';
import { parseEnvironmentFile } from '../../launch/environment-file.js';
import { BUILD_FILE } from '../../launch/release.js';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { HttpClient } from '../../ports/network.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { HereReport } from './here-report.js';
import { repositoryFolder } from './local-sources.js';

/** `arbot cluster status --here`: what the node of this machine says of itself, over loopback. Run on the machines by the others. */

export interface HereQuestion {
  readonly config: LoadedConfig;
  /** Of the node's environment file, for its token; null = none. */
  readonly environmentPath: string | null;
  readonly waitMs: number;
  /** Of its supervisor: when that has ended, waiting is over; null = not asked. */
  readonly pidPath: string | null;
}

const status = z.object({
  node: z.string(),
  version: z.string(),
  mode: z.string(),
  startedAtMs: z.number(),
  ready: z.boolean(),
  lease: z.object({ held: z.boolean(), fence: z.number().nullish() }).nullish(),
});
const report = z.object({
  ok: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

const nodes = z.object({
  nodes: z.array(z.object({ isSelf: z.boolean(), facts: z.object({ draining: z.boolean() }).nullable() })),
});

const POLL_MS = 500;
const TIMEOUT_MS = 3_000;
const MAX_BYTES = 4 << 20;

/** Asks until the node has joined or the time is over; then says how it stands. Never rejects for what the node says. */
export async function askHere(
  question: HereQuestion,
  { http, clock, timers }: { readonly http: HttpClient; readonly clock: Clock; readonly timers: Timers },
): Promise<HereReport> {
  const deadlineMs = clock.monotonicMs() + question.waitMs;
  for (;;) {
    const found = await askOnce(question, http);
    if (found.joined || clock.monotonicMs() >= deadlineMs) return found;
    if (question.pidPath !== null && hasEnded(question.pidPath)) return { ...found, detail: 'it has ended' };
    await new Promise<void>((done) => void timers.setTimer(done, POLL_MS));
  }
}

/** A pid file of the supervisor names the process and its start time. */
function hasEnded(path: string): boolean {
  try {
    const [pid = '', started] = readFileSync(path, 'utf8').trim().split(' ');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || fields[18] !== started;
  } catch {
    // No file or no process.
    return true;
  }
}

async function askOnce(question: HereQuestion, http: HttpClient): Promise<HereReport> {
  const { name } = question.config.node;
  const silent = { node: name, joined: false, build: null, mode: null, startedAtMs: null, trades: false };
  try {
    const said = await get(question, http, 'api/status', status);
    const ready = await get(question, http, 'readyz', report);
    const isOther = said.node !== name;
    const isDrained = !ready.ok && (await isDrainedHere(question, http));
    const failing = ready.checks
      .filter(({ ok }) => !ok)
      .map(({ name: check, detail }) => `${check}: ${detail}`);
    return {
      node: said.node,
      joined: (ready.ok || isDrained) && !isOther,
      build: buildHere(),
      mode: said.mode,
      startedAtMs: said.startedAtMs,
      trades: said.lease?.held === true,
      detail: isOther
        ? `another node answers on its port: ${said.node}`
        : ready.ok
          ? 'ready'
          : `${isDrained ? 'drained, it is given no work: ' : ''}${failing.join('; ')}`,
    };
  } catch (error) {
    return { ...silent, detail: errorText(error) };
  }
}

/** A node that a person took the work from is not ready, and is where it should be. */
async function isDrainedHere(question: HereQuestion, http: HttpClient): Promise<boolean> {
  const { nodes: all } = await get(question, http, 'api/cluster', nodes);
  return all.some(({ isSelf, facts }) => isSelf && facts?.draining === true);
}

async function get<T>(
  question: HereQuestion,
  http: HttpClient,
  path: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const { host, port } = question.config.node.http;
  const own = host === '0.0.0.0' ? '127.0.0.1' : host;
  const name = own.includes(':') ? `[${own}]` : own;
  const token = tokenOf(question);
  const response = await http.request({
    method: 'GET',
    url: `http://${name}:${port}/${path}`,
    ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: MAX_BYTES,
  });
  const parsed = schema.safeParse(jsonOf(response.body));
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_HTTP_FAILED', `/${path} answered ${response.status}, not as a node does`);
}

function tokenOf({ config, environmentPath }: HereQuestion): string | null {
  if (environmentPath === null) return null;
  try {
    const { values } = parseEnvironmentFile(readFileSync(environmentPath, 'utf8'));
    return values.get(config.node.http.tokenEnv) ?? null;
  } catch {
    // None was copied: reading is open on loopback.
    return null;
  }
}

/** The build of the release that this command belongs to; null = a clone. */
function buildHere(): string | null {
  try {
    const text = readFileSync(join(repositoryFolder(), BUILD_FILE), 'utf8');
    return z.object({ build: z.string() }).parse(JSON.parse(text)).build;
  } catch {
    // Not a release.
    return null;
  }
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
