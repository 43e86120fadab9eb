import { ArbotError, errorText } from '../../messages/errors.js';
import { differences, type Difference } from './compare.js';
import { answerTaker, answerTwoLegs } from './fills.js';
import { answerDepth, answerOptimalSize, answerSpread } from './finance.js';
import { referenceFile } from './inputs.js';
import { answerQueues } from './queues.js';
import { answerReturns, answerTrades } from './performance.js';
import { EXPOSURE_ANSWERS, RISK_RULE_ANSWERS } from './risk.js';
import { AMORTISATION_ANSWERS, KRW_ANSWERS } from './moving.js';
import { answerCycleDepth, answerGraph, answerTriangular } from './triangular.js';
import { SHARPE_ANSWERS, WALK_FORWARD_ANSWERS } from './validation.js';

type Answer = (input: unknown, type: string) => unknown;

/** Kinds whose cases are of several types. */
const byType =
  (answers: ReadonlyMap<string, (input: unknown) => unknown>): Answer =>
  (input, type) => {
    const answer = answers.get(type);
    if (answer === undefined) throw new ArbotError('ARB_CLI_USAGE', `no answers for cases of type ${type}`);
    return answer(input);
  };

/** Kinds of reference files that ArBot's own code answers today. */
const ANSWERS = new Map<string, Answer>([
  ['spread', answerSpread],
  ['depth', answerDepth],
  ['optimal_size', answerOptimalSize],
  ['taker_fill_simulation', answerTaker],
  ['two_leg_execution', answerTwoLegs],
  ['queue_and_latency', answerQueues],
  ['returns_metrics', answerReturns],
  ['trade_metrics', answerTrades],
  ['risk_rules', byType(RISK_RULE_ANSWERS)],
  ['exposure', byType(EXPOSURE_ANSWERS)],
  ['amortisation', byType(AMORTISATION_ANSWERS)],
  ['krw_usdt', byType(KRW_ANSWERS)],
  ['triangular', answerTriangular],
  ['triangular_depth', answerCycleDepth],
  ['triangular_graphs', answerGraph],
  ['psr_dsr', byType(SHARPE_ANSWERS)],
  ['walk_forward', byType(WALK_FORWARD_ANSWERS)],
]);

/** Maps whose key set is part of the answer: a fee charged in one more coin is wrong. */
const CLOSED = new Set(['fees', 'balances', 'deviation', 'netByAsset']);

export interface ReferenceFailure extends Difference {
  readonly id: string;
}

export interface ReferenceReport {
  /** Cases without any difference. */
  readonly passed: number;
  /** Every difference of every other case. */
  readonly failed: readonly ReferenceFailure[];
  /** Number of cases that failed; a case may have several differences. */
  readonly failedCases: number;
}

export const REFERENCE_KINDS: readonly string[] = [...ANSWERS.keys()];

/**
 * Runs every case of a parsed reference file through ArBot's own code. `json` is the whole file.
 * @throws ArbotError ARB_CLI_USAGE for a kind not in REFERENCE_KINDS; ZodError for a file of another shape.
 */
export function runReferenceFile(kind: string, json: unknown): ReferenceReport {
  const answer = ANSWERS.get(kind);
  if (answer === undefined) throw new ArbotError('ARB_CLI_USAGE', `no answers for reference kind ${kind}`);
  const { cases } = referenceFile.parse(json);
  const failed: ReferenceFailure[] = [];
  let passed = 0;
  for (const { id, type = '', input, expected } of cases) {
    const found = judge(() => answer(input, type), expected);
    if (found.length === 0) passed++;
    failed.push(...found.map((difference) => ({ id, ...difference })));
  }
  return { passed, failed, failedCases: cases.length - passed };
}

/** An answer that throws is a failure of its case, with the error as the answer. */
function judge(answer: () => unknown, expected: unknown): Difference[] {
  try {
    return differences(expected, answer(), '', CLOSED);
  } catch (error) {
    return [{ field: 'error', expected: 'an answer', actual: errorText(error) }];
  }
}
