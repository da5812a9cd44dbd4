import * as z from 'zod';

type Issue = Parameters<NonNullable<NonNullable<z.core.$ZodConfig['customError']>>>[0];

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

/**
 * Returns what a value should have been, in the words of dbops: `expected a number, found text`. The
 * sentences of zod itself name its own types, and would reach people who know nothing of them.
 */
function describeIssue(issue: Issue): string {
  const { code } = issue;
  if (code === 'invalid_type')
    return issue.input === undefined
      ? `expected ${nounOf(issue.expected)}, found nothing`
      : `expected ${nounOf(issue.expected)}, found ${nounOfValue(issue.input)}`;
  if (code === 'invalid_value') return `expected ${oneOf(issue.values.map(String))}`;
  if (code === 'unrecognized_keys')
    return `unknown ${issue.keys.length === 1 ? 'key' : 'keys'}: ${issue.keys.join(', ')}`;
  if (code === 'too_small') return `expected ${limitOf(issue.origin, 'at least', issue.minimum)}`;
  if (code === 'too_big') return `expected ${limitOf(issue.origin, 'at most', issue.maximum)}`;
  if (code === 'invalid_key')
    return `invalid name: ${issue.issues[0]?.message ?? 'has an invalid form'}`;
  if (code === 'invalid_union') return unionOf(issue.errors);
  return 'has an invalid form';
}

function nounOf(type: string): string {
  return nouns[type] ?? type;
}

function nounOfValue(value: unknown): string {
  if (value === null) return 'null';
  return nounOf(Array.isArray(value) ? 'array' : typeof value);
}

function oneOf(values: string[]): string {
  return values.length === 1 ? (values[0] ?? '') : `one of ${values.join(', ')}`;
}

function limitOf(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string')
    return limit === 1 ? 'text that is not empty' : `${bound} ${limit} letters`;
  if (origin === 'array' || origin === 'set') return `${bound} ${limit} entries`;
  return `a number of ${bound} ${limit}`;
}

/** Where no member of a union fits, what each of them expects of the value itself. */
function unionOf(errors: readonly (readonly z.core.$ZodIssue[])[]): string {
  const expected = errors.flatMap(([first]) =>
    first?.code === 'invalid_type' && first.path.length === 0 ? [nounOf(first.expected)] : [],
  );
  if (expected.length !== errors.length) return 'has an invalid form';
  return `expected ${[...new Set(expected)].join(' or ')}`;
}

/** Makes every schema of the process speak so, unless it has a message of its own. */
export function speakPlainly(): void {
  z.config({ customError: describeIssue });
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
