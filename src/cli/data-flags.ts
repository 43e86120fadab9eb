import type { StartFlags } from './start.js';

/** As commander hands them over: text, not yet checked. */
export interface DataFlags extends StartFlags {
  readonly json?: boolean;
}

export interface DataExportFlags extends DataFlags {
  readonly from?: string;
  readonly to?: string;
  readonly format: string;
  readonly out: string;
}
