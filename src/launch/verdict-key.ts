import type { HostFinding } from './findings.js';

/** What is known of the key of approvals of each node that may trade; `key` null = it has none. Texts of secrets stay here. */
export interface KeyHolder {
  readonly node: string;
  readonly key: string | null;
  /** It names a file on its machine, whose content is not known here. */
  readonly isInFile: boolean;
}

const NAME = 'verdict key';
const VARIABLE = 'ARBOT_VERDICT_KEY_HEX';

/**
 * Whether the nodes that may trade have one key: an arbitrage that a dead node began is brought to its end by approvals of that node, and
 * nodes whose keys differ do not trade. Findings of `node`; empty where it does not trade, or trades alone.
 */
export function verdictKeyFindings(node: string, holders: readonly KeyHolder[]): HostFinding[] {
  const own = holders.find((one) => one.node === node);
  if (own === undefined || holders.length < 2) return [];
  if (own.isInFile)
    return [{ name: NAME, state: 'ok', detail: `${VARIABLE}_FILE: the nodes compare it when they run` }];
  if (own.key === null)
    return [
      {
        name: NAME,
        state: 'bad',
        detail: `its environment file lacks ${VARIABLE}, which all nodes that may trade share`,
      },
    ];
  const others = holders.filter(({ key }) => key !== null && key.toLowerCase() !== own.key?.toLowerCase());
  if (others.length === 0) return [{ name: NAME, state: 'ok', detail: 'the same as that of the others' }];
  const names = others.map((one) => one.node).join(', ');
  return [{ name: NAME, state: 'bad', detail: `${VARIABLE} differs from that of ${names}` }];
}
