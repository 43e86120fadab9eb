/** Runs asynchronous tasks one after the other, so that two decisions about the same children never overlap. */
export class Lane {
  private tail: Promise<unknown> = Promise.resolve();

  /** Runs the task after all earlier ones. The promise settles as the task does; later tasks run either way. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(task);
    this.tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
