import type { PlantedBug } from './planted-bug.js';

export const BUGS: readonly PlantedBug[] = [];

/** Throws naming the known ones. */
export function bugNamed(name: string): PlantedBug {
  const bug = BUGS.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  throw new Error(`--bug: '${name}' is not one of ${BUGS.map((one) => one.name).join(', ')}`);
}
