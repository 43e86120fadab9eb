import { refuse, type Rule } from '../question.js';

/** While the kill switch is engaged nothing that adds risk passes. */
export const killSwitchRule: Rule = ({ killSwitch }) =>
  killSwitch.engaged ? [refuse('KILL_SWITCH', 'cleared', 'engaged', 'state', killSwitch.by)] : [];
