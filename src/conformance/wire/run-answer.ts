import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFields, member } from '../../connectors/fields.js';
import { readCapture } from './capture-file.js';
import { wireExchange } from './exchanges.js';
import { replayCapture } from './replay-capture.js';
import { Comparison, type FileReport } from './report.js';

/**
 * Replays the capture that an answer file belongs to through connector and feed, and compares every field of the answer.
 * `answerFile` is a path below `folder`.
 */
export async function runWireAnswer(folder: string, answerFile: string): Promise<FileReport> {
  const comparison = new Comparison();
  const answer = JSON.parse(await readFile(join(folder, answerFile), 'utf8')) as unknown;
  if (!isFields(answer)) {
    comparison.fail('answer', 'an object', typeof answer);
    return comparison.report(answerFile, 'answer');
  }
  const exchange = String(member(answer, 'exchange'));
  const wire = wireExchange(exchange);
  if (wire === null) {
    comparison.skip(answerFile, `the connector of ${exchange} is not built yet`);
    return comparison.report(answerFile, 'answer');
  }
  const capture = await readCapture(folder, String(member(answer, 'file')));
  const replayed = replayCapture(capture, wire);
  comparison.same('sha256', member(answer, 'sha256'), capture.sha256);
  comparison.same('frames', member(answer, 'frames'), capture.frames.length);
  comparison.same('books', booksOf(answer), replayed.books);
  comparison.same('neverSynced', member(answer, 'neverSynced') ?? {}, replayed.neverSynced);
  comparison.same('trades', member(answer, 'trades') ?? {}, replayed.trades);
  comparison.same('frameCounts', member(answer, 'frameCounts'), replayed.frameCounts);
  const check = member(answer, 'bookTickerCheck');
  if (isFields(check)) {
    const { rule: _rule, ...counts } = check;
    comparison.same('bookTickerCheck', counts, replayed.bookTickerCheck);
  }
  comparison.note('invalidFrames', replayed.invalid);
  return comparison.report(answerFile, 'answer');
}

/** Counts of 0 may be left out of an answer. */
function booksOf(answer: Readonly<Record<string, unknown>>): unknown {
  const books = member(answer, 'books');
  if (!isFields(books)) return {};
  return Object.fromEntries(
    Object.entries(books).map(([key, book]) => {
      if (!isFields(book)) return [key, book];
      const { framesBeforeSync, continuity, ...rest } = book;
      const counts = isFields(continuity)
        ? Object.entries(continuity).filter(([, count]) => count !== 0)
        : [];
      const skipped = framesBeforeSync === 0 || framesBeforeSync === undefined ? {} : { framesBeforeSync };
      return [key, { ...rest, ...skipped, continuity: Object.fromEntries(counts) }];
    }),
  );
}
