/** Heavy computation off the event loop: worker threads in production, inline in the simulation. */
export interface Compute {
  /** Runs a task registered by name; input and output are structured-cloneable. Rejects with ARB_COMPUTE_BUSY when the bounded queue is full. */
  run<Input, Output>(task: string, input: Input): Promise<Output>;
  close(): Promise<void>;
}
