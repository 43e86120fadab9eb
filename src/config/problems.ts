import type { z } from 'zod';
import { ArbotError } from '../messages/errors.js';

/** One refused key. `message` never contains the refused value: it may be a secret that was pasted into the wrong place. */
export interface ConfigProblem {
  /** File name, or `environment` / `command line` for an override. */
  readonly source: string;
  /** Dotted path such as `limits.orderNotional`; `(file)` for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** Thrown with every problem at once (ARB_CONFIG_INVALID). */
export class ConfigInvalid extends ArbotError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('ARB_CONFIG_INVALID', describeProblems(problems));
    this.name = 'ConfigInvalid';
    this.problems = problems;
  }
}

function describeProblems(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [
    `${count} in the configuration`,
    ...problems.map((p) => `  ${p.source}: ${p.key}: ${p.message}`),
  ].join('\n');
}

/** A path as people write it: `pairs[2].pair`, `exchanges.okx.opening`. Long or odd keys are cut, since a key may be pasted data too. */
export function keyOf(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += (text === '' ? '' : '.') + printable(String(part));
  }
  return text === '' ? '(file)' : text;
}

function printable(name: string): string {
  const cut = name.length > 40 ? `${name.slice(0, 12)}… (${name.length} characters)` : name;
  return cut.replaceAll(/[^\x20-\x7e…]/g, '?');
}

/** A zod issue as one or more problems; unknown keys become one problem each, so that each is named. */
export function problemsOf(source: string, issues: readonly z.core.$ZodIssue[]): ConfigProblem[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ source, key: keyOf([...issue.path, key]), message: 'unknown key' }));
    if (issue.code === 'invalid_key') {
      const why = issue.issues[0]?.message ?? 'refused';
      return [{ source, key: keyOf(issue.path), message: `this name is refused: ${why}` }];
    }
    if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
      return [{ source, key: keyOf(issue.path), message: `missing (${expectedType(issue.expected)})` }];
    return [{ source, key: keyOf(issue.path), message: issue.message }];
  });
}

const expectedType = (expected: string): string => `expected ${expected}`;
