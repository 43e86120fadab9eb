import { findRecordings, readFrames, type RecordingFiles } from '../../../src/replay/recording.js';
import type { Files } from '../../../src/ports/files.js';
import { RECORDINGS } from '../process.js';
import type { Owner } from '../scheduler.js';
import type { Scene } from './scene.js';

/** Frames as they reached one process on the line to one exchange. */
interface Heard {
  readonly owner: Owner;
  readonly exchange: string;
  readonly frames: string[];
}

/**
 * What the disk holds of the markets after the run, read as a replay reads it: every frame in it came over the line, in that
 * order and not twice; and where the disk never failed, none is missing.
 */
export class RecordingAuditor {
  private readonly scene: Scene;
  private readonly heard: Heard[] = [];

  constructor(scene: Scene) {
    this.scene = scene;
  }

  frame(owner: Owner, exchange: string, text: string): void {
    const known = this.heard.findLast((one) => one.owner === owner && one.exchange === exchange);
    if (known !== undefined) known.frames.push(text);
    else this.heard.push({ owner, exchange, frames: [text] });
  }

  /** After the ordered stop, when nothing writes any more. */
  async audit(files: Files): Promise<void> {
    if (this.heard.length === 0) return;
    const recordings = await findRecordings(files, RECORDINGS);
    let recorded = 0;
    for (const recording of recordings) recorded += await this.compare(files, recording);
    const came = this.heard.reduce((sum, { frames }) => sum + frames.length, 0);
    if (recorded > 0) this.scene.reached('recording read back');
    if (!this.scene.disk.hasFailed && this.scene.boots() === 1 && recorded !== came)
      this.scene.violated('recording-is-complete', `${recorded} of ${came} frames are on the disk`);
  }

  private async compare(files: Files, recording: RecordingFiles): Promise<number> {
    const lines: string[] = [];
    try {
      for await (const { data } of readFrames(files, recording)) lines.push(data.toString('utf8'));
    } catch (error) {
      const torn = this.scene.disk.hasFailed;
      this.scene.reached(torn ? 'recording torn' : 'recording unreadable');
      if (!torn) this.scene.violated('recording-is-what-came', `${recording.name}: ${String(error)}`);
    }
    // The last line may be cut where the power failed.
    const whole = this.scene.disk.hasFailed ? lines.slice(0, -1) : lines;
    if (!this.heard.some((heard) => heard.exchange === recording.exchange && isWithin(whole, heard.frames)))
      this.scene.violated(
        'recording-is-what-came',
        `${recording.name}: ${whole.length} frames, and they did not come like this`,
      );
    return lines.length;
  }
}

/** Whether the lines are among the frames in that order. */
function isWithin(lines: readonly string[], frames: readonly string[]): boolean {
  let at = 0;
  for (const line of lines) {
    while (at < frames.length && frames[at] !== line) at++;
    if (at++ >= frames.length) return false;
  }
  return true;
}
