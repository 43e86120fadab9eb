import { invariant } from '../messages/errors.js';

/** Subjects as NATS has them: tokens between dots; in patterns `*` is one token and a last `>` one or more. */

const MAX_SUBJECT_LENGTH = 512;

/** Throws ARB_INVARIANT: subjects are written by ArBot, never taken from outside. */
export function checkSubject(subject: string): void {
  const whole = subject.length <= MAX_SUBJECT_LENGTH && !/[\s*>]/.test(subject);
  invariant(whole && !subject.split('.').includes(''), `'${subject}' is not a subject`);
}

/** Like `checkSubject`, with wildcards as whole tokens and `>` only at the end. */
export function checkPattern(pattern: string): void {
  const tokens = pattern.split('.');
  const valid = tokens.every(
    (token, index) =>
      token !== '' &&
      !/\s/.test(token) &&
      (token === '*' || (token === '>' && index === tokens.length - 1) || !/[*>]/.test(token)),
  );
  invariant(valid && pattern.length <= MAX_SUBJECT_LENGTH, `'${pattern}' is not a subject pattern`);
}

interface TrieNode<T> {
  readonly children: Map<string, TrieNode<T>>;
  /** Patterns that end here. */
  readonly here: Set<T>;
  /** Patterns that end here with `>`. */
  readonly rest: Set<T>;
}

/** Finds the patterns that match a subject in time of its tokens, not of the number of patterns. */
export class SubjectTrie<T> {
  private readonly root: TrieNode<T> = emptyNode();

  add(pattern: string, value: T): void {
    let node = this.root;
    for (const token of pattern.split('.')) {
      if (token === '>') {
        node.rest.add(value);
        return;
      }
      let next = node.children.get(token);
      if (next === undefined) node.children.set(token, (next = emptyNode()));
      node = next;
    }
    node.here.add(value);
  }

  remove(pattern: string, value: T): void {
    prune(this.root, pattern.split('.'), 0, value);
  }

  /** In the order in which nodes are met; a value is given once per pattern it was added under. */
  match(subject: string): T[] {
    const found: T[] = [];
    collect(this.root, subject.split('.'), 0, found);
    return found;
  }

  get isEmpty(): boolean {
    return isEmptyNode(this.root);
  }
}

function emptyNode<T>(): TrieNode<T> {
  return { children: new Map(), here: new Set(), rest: new Set() };
}

function isEmptyNode<T>(node: TrieNode<T>): boolean {
  return node.children.size === 0 && node.here.size === 0 && node.rest.size === 0;
}

/** Nodes that nothing ends at any more are removed, so that short-lived subjects leave no memory behind. */
function prune<T>(node: TrieNode<T>, tokens: readonly string[], at: number, value: T): void {
  const token = tokens[at];
  if (token === undefined) node.here.delete(value);
  else if (token === '>') node.rest.delete(value);
  else {
    const child = node.children.get(token);
    if (child === undefined) return;
    prune(child, tokens, at + 1, value);
    if (isEmptyNode(child)) node.children.delete(token);
  }
}

function collect<T>(node: TrieNode<T>, tokens: readonly string[], at: number, found: T[]): void {
  const token = tokens[at];
  if (token === undefined) {
    found.push(...node.here);
    return;
  }
  found.push(...node.rest);
  const exact = node.children.get(token);
  if (exact !== undefined) collect(exact, tokens, at + 1, found);
  const any = node.children.get('*');
  if (any !== undefined) collect(any, tokens, at + 1, found);
}
