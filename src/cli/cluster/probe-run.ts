import { CLOCK_SCRIPT, clockOffset } from '../../launch/clock-offset.js';
import { endpointsOf, neededVariables } from '../../launch/endpoints.js';
import { hostFindings, type HostFinding, type Needs } from '../../launch/findings.js';
import { unitName } from '../../launch/places.js';
import { verdictKeyFindings, type KeyHolder } from '../../launch/verdict-key.js';
import { VERDICT_KEY_VARIABLE } from '../../security/hmac-seal.js';
import { parseProbe, probeCommand, type HostFacts, type ProbeQuestion } from '../../launch/probe.js';
import { ArbotError } from '../../messages/errors.js';
import { table, type Terminal } from '../output.js';
import type { Fleet, FleetNode } from './fleet.js';
import type { LocalSources } from './local-sources.js';
import { adviceFor } from './ssh.js';

export interface Probed {
  readonly one: FleetNode;
  /** Null = nothing is known of the machine. */
  readonly facts: HostFacts | null;
  readonly findings: readonly HostFinding[];
}

const PROBE_TIMEOUT_MS = 60_000;
const CLOCK_SAMPLES = 5;
const NO_QUESTION: ProbeQuestion = { listen: [], reach: [] };

/** What is found on a machine, or why not. */
export async function lookAt(
  fleet: Fleet,
  one: FleetNode,
  question: ProbeQuestion,
): Promise<HostFacts | HostFinding> {
  const { cluster } = fleet.config;
  const { deployment } = cluster;
  const target = {
    folder: deployment.folder,
    node: one.node.name,
    nodeBinary: deployment.nodeBinary ?? null,
    unit: unitName(cluster.name, one.node.name),
  };
  const result = await one.remote.run({ ...probeCommand(target, question), timeoutMs: PROBE_TIMEOUT_MS });
  const said = fleet.redact(result.err).trim().split('\n').slice(-3).join(' · ');
  if (result.code === null || result.code === 255)
    return { name: 'ssh', state: 'bad', detail: `${adviceFor(result.err)} (${said || 'no answer'})` };
  const facts = parseProbe(result.out);
  return typeof facts === 'string' ? { name: 'ssh', state: 'bad', detail: `${facts} ${said}`.trim() } : facts;
}

/** Only what runs and what lies there. */
export const lookBriefly = (fleet: Fleet, one: FleetNode): Promise<HostFacts | HostFinding> =>
  lookAt(fleet, one, NO_QUESTION);

export const needsOf = (fleet: Fleet, one: FleetNode, sources: LocalSources): Needs => ({
  node: one.node,
  deployment: fleet.config.cluster.deployment,
  engines: sources.engines,
  packages: sources.platform,
  bytes: sources.bytes,
  modulesKey: sources.packages.key,
  clockSkewMaxMs: fleet.config.trading.limits.clockSkewMaxMs,
});

/** Every machine at once; nothing is changed anywhere. Never rejects for what a machine says. */
export function probeAll(fleet: Fleet, sources: LocalSources): Promise<Probed[]> {
  return Promise.all(fleet.nodes.map((one) => probe(fleet, one, sources)));
}

async function probe(fleet: Fleet, one: FleetNode, sources: LocalSources): Promise<Probed> {
  const secrets = secretFindings(fleet, one);
  const { host, port } = one.node.http;
  const reach = endpointsOf(fleet.config.cluster, one.secrets);
  const facts = await lookAt(fleet, one, { listen: port === 0 ? [] : [{ host, port }], reach });
  if ('state' in facts) return { one, facts: null, findings: [facts, ...secrets] };
  const offset = clockOffset(await one.remote.sampleClock(CLOCK_SCRIPT, CLOCK_SAMPLES));
  const findings = hostFindings(needsOf(fleet, one, sources), facts, offset);
  return { one, facts, findings: [...findings, ...secrets] };
}

function secretFindings(fleet: Fleet, one: FleetNode): HostFinding[] {
  const name = 'environment';
  const problems = one.environmentProblems.map((problem): HostFinding => ({
    name,
    state: 'bad',
    detail: problem,
  }));
  const needed = neededVariables(fleet.config.cluster);
  const missing = needed.filter(
    (variable) => !one.secrets.has(variable) && !one.secrets.has(`${variable}_FILE`),
  );
  const lacks = missing.map((variable): HostFinding => {
    const detail = `its environment file lacks ${variable}, which cluster.config.ts names`;
    return { name, state: 'bad', detail };
  });
  const keys = verdictKeyFindings(one.node.name, keyHolders(fleet));
  if (problems.length + lacks.length > 0) return [...problems, ...lacks, ...keys];
  return [...keys, { name, state: 'ok', detail: `${one.secrets.size} variables` }];
}

/** Of the nodes at hand that may trade. */
const keyHolders = ({ nodes }: Fleet): KeyHolder[] =>
  nodes
    .filter(({ node }) => node.roles.includes('trade'))
    .map(({ node, secrets }) => ({
      node: node.name,
      key: secrets.get(VERDICT_KEY_VARIABLE) ?? null,
      isInFile: secrets.has(`${VERDICT_KEY_VARIABLE}_FILE`),
    }));

/** By machine, all or what is worth knowing; throws ARB_HOST_FAILED when one of them does not do. */
export function showFindings(probed: readonly Probed[], terminal: Terminal, showsAll: boolean): void {
  const rows = probed.flatMap(({ one, findings }) =>
    findings
      .filter(({ state }) => showsAll || state !== 'ok')
      .map(({ state, name, detail }) => [state, one.node.name, name, detail]),
  );
  for (const line of table(rows)) terminal.print(line);
  const unfit = probed.filter(({ findings }) => findings.some(({ state }) => state === 'bad'));
  if (unfit.length > 0) {
    const names = unfit.map(({ one }) => one.node.name).join(', ');
    throw new ArbotError('ARB_HOST_FAILED', `nothing was copied: ${names} would not do, see above`);
  }
  terminal.print(`probed  ${probed.map(({ one }) => one.node.name).join(', ')}: fit`);
}
