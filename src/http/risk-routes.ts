import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ArbotError } from '../messages/errors.js';
import { HttpProblem } from './problem.js';
import { bodyOf, controlBody, limitOf, limitsBody } from './requests.js';
import type { InspectionActions, InspectionSource } from './source.js';

/** The risk gate over HTTP: every rule with its limit and where it stands, and what a person may change about it. */
export interface RiskRoutes {
  readonly source: InspectionSource;
  readonly actions: InspectionActions;
  /** Checks the token, writes the audit lines around the action, and answers what it answered. */
  readonly audited: <T>(
    request: FastifyRequest,
    action: string,
    detail: object,
    run: () => Promise<T>,
  ) => Promise<T>;
}

export function addRiskRoutes(app: FastifyInstance, routes: RiskRoutes): void {
  const { source, actions, audited } = routes;
  app.get('/api/risk', async () => {
    const report = await source.risk();
    if (report === null)
      throw new HttpProblem(404, 'NOT_FOUND', 'nothing trades here, so there is no risk gate');
    return report;
  });
  app.get('/api/risk/changes', async (request) => source.limitChanges(limitOf(request)));

  app.post('/api/risk/limits', async (request) => {
    const { changes, version, reason: why } = bodyOf(limitsBody, request);
    const by = `http:${request.ip}`;
    return audited(request, 'risk.limits', { changes, version, reason: why }, () =>
      actions.changeLimits({ changes, version, reason: why, by }).catch(refusedValues),
    );
  });

  app.post('/api/risk/control', async (request) => {
    const { action, exchange, reason: why } = bodyOf(controlBody, request);
    if (exchange !== undefined && action === 'reset-losses')
      throw new HttpProblem(400, 'BAD_REQUEST', 'exchange: losses are those of all exchanges together');
    const command = {
      action,
      reason: why,
      by: `http:${request.ip}`,
      ...(exchange !== undefined && { exchange }),
    };
    await audited(request, 'risk.control', command, () => actions.controlRisk(command).catch(refusedValues));
    return { done: action };
  });
}

/** Values that the configuration could not have are the asker's mistake. */
function refusedValues(error: unknown): never {
  if (error instanceof ArbotError && error.code === 'ARB_CONFIG_INVALID')
    throw new HttpProblem(400, error.code, error.message);
  throw error;
}
