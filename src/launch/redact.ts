const MASK = '[redacted]';
/** Shorter values are words that occur by themselves. */
const MIN_LENGTH = 6;

/** Removes every one of the given values, and what is in them as `user:password@`, from texts that are shown. */
export function redactor(values: Iterable<string>): (text: string) => string {
  const secrets = new Set<string>();
  for (const value of values) {
    secrets.add(value);
    const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/i.exec(value)?.[1];
    if (password !== undefined) {
      secrets.add(password);
      secrets.add(decoded(password));
    }
  }
  // The longest first, so that an address goes as a whole and not only its password.
  const ordered = [...secrets]
    .filter(({ length }) => length >= MIN_LENGTH)
    .sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not an encoded text: it is what it is.
    return text;
  }
}
