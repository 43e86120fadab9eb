import { ArbotError } from '../messages/errors.js';

const EXCERPT_LENGTH = 80;

/** A frame or REST answer that breaks its exchange's protocol. `field` is the path of what is wrong. */
export class FrameError extends ArbotError {
  readonly field: string;

  constructor(field: string, wanted: string, received: unknown) {
    super('ARB_FRAME_INVALID', `${field} is not ${wanted}: ${excerpt(received)}`);
    this.field = field;
  }
}

/** A short, printable piece of something received; the whole may be huge, deep or hostile. */
export function excerpt(value: unknown): string {
  switch (typeof value) {
    case 'string': {
      const printable = value.slice(0, EXCERPT_LENGTH).replaceAll(/[^\x20-\x7e]/g, '?');
      return `'${printable}'${value.length > EXCERPT_LENGTH ? `… (${value.length} characters)` : ''}`;
    }
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'undefined':
      return 'absent';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
    default:
      return typeof value;
  }
}
