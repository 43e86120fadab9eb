/** Seeds that catch a planted bug early in their run; found by `catch-bugs.ts --search`. */
export const RECORDED: Readonly<Record<string, number>> = {
  'left-over-uncounted': 1,
  'scope-leaks': 1,
  'restart-forgotten': 1,
  'hang-unnoticed': 3,
  'gap-ignored': 2,
  'removal-ignored': 1,
  'distrust-ignored': 5,
  'lag-ignored': 1,
  'approval-doubled': 1,
  'journal-skipped': 1,
  'result-unsaved': 1,
  'duplicates-booked': 1,
  'amounts-rounded': 1,
  'fees-forgotten': 1,
  'acknowledged-unwritten': 1,
};
