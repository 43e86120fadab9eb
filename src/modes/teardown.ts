import { errorText } from '../messages/errors.js';

/** What has to be closed, newest first. One that fails does not keep the others open. */
export class Teardown {
  private readonly steps: { readonly what: string; readonly close: () => void | Promise<void> }[] = [];

  add(what: string, close: () => void | Promise<void>): void {
    this.steps.push({ what, close });
  }

  /** Never rejects; a failure goes to `report`. */
  async run(report: (what: string, error: string) => void = () => undefined): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step.close();
      } catch (error) {
        report(step.what, errorText(error));
      }
    }
  }
}
