import type { PortChanges } from '../process.js';

/** A defect put in on purpose, to prove that the auditors would find it. It never touches what audits. */
export interface PlantedBug {
  readonly name: string;
  readonly area:
    'runtime' | 'book' | 'connector' | 'risk' | 'execution' | 'ledger' | 'recording' | 'detector';
  /** Only worlds with signed orders can show it. */
  readonly isOfSignedOrders?: true;
  /** Only worlds in which all detectors look can show it. */
  readonly isOfStrategies?: true;
  /** What goes wrong, for people. */
  readonly what: string;
  /** Replaces a method of the real code; returns how to put it back. */
  readonly plant?: () => () => void;
  /** Stands between the node and its ports. */
  readonly ports?: PortChanges;
}

/** Replaces a method on a prototype. */
export function replaceMethod<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  build: (real: T[K]) => T[K],
): () => void {
  const real = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { ...real, value: build(real.value as T[K]) });
  return () => Object.defineProperty(prototype, name, real);
}
