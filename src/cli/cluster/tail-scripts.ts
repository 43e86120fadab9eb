import type { StepSetting } from '../../launch/steps.js';

/** Where a node's log is read on its machine. */

type Tail = { readonly script: string; readonly words: readonly string[] };

const journal = (flags: string): string => `set -u
${'${3:+sudo -n}'} journalctl --unit "$1" --lines "$2" --output cat --no-pager ${flags}`;

function tail(setting: StepSetting, lines: number, isFollowed: boolean): Tail {
  const { service, unit, sudo, places } = setting;
  if (service === 'systemd')
    return {
      script: journal(isFollowed ? '--follow' : ''),
      words: [unit, String(lines), sudo ? 'sudo' : ''],
    };
  const flag = isFollowed ? '-F' : '';
  return { script: `exec tail ${flag} -n "$2" "$1"`, words: [`${places.run}/node.log`, String(lines)] };
}

export const TAIL_SCRIPTS = {
  last: (setting: StepSetting, lines: number): Tail => tail(setting, lines, false),
  follow: (setting: StepSetting, lines: number): Tail => tail(setting, lines, true),
} as const;
