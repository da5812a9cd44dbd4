import type * as z from 'zod';

const nouns: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  date: 'a date',
  null: 'null',
};

/** Returns the name of a type of zod or JavaScript in a message. */
export function nounOf(type: string): string {
  return nouns[type] ?? type;
}

/** Returns the name of the type of a value. */
export function nounOfValue(value: unknown): string {
  if (value === null) return 'null';
  return nounOf(Array.isArray(value) ? 'array' : typeof value);
}

/** Returns whether a schema of zod rejected a value. Without loading zod, which no such error needs. */
export function isZodError(error: unknown): error is z.ZodError {
  return error instanceof Error && error.name === 'ZodError' && 'issues' in error;
}

/** Returns what is wrong, one line an issue, each after the place that `nameOf` gives it. */
export function issueLines(
  { issues }: z.ZodError,
  nameOf: (path: readonly PropertyKey[]) => string = (path) => path.map(String).join('.'),
): string[] {
  return issues.map(({ path, message }) => {
    const name = nameOf(path);
    return name ? `${name}: ${message}` : message;
  });
}

/** Returns `--dry-run` for `dryRun`, and `argument 1` for the first positional argument. */
export function flagOf([first, ...rest]: readonly PropertyKey[]): string {
  if (first === 'arguments') return `argument ${Number(rest[0] ?? 0) + 1}`;
  return `--${String(first).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
