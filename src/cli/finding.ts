/** One question of `arbot doctor`. `warn` is worth knowing, `bad` keeps ArBot from working. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly detail: string;
}
