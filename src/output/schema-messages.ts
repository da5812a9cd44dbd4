import type * as z from 'zod';
import { nounOf, nounOfValue } from './issues.ts';

type Issue = Parameters<NonNullable<NonNullable<z.core.$ZodConfig['customError']>>>[0];

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

declare global {
  /** Where zod keeps its settings. */
  var __zod_globalConfig: z.core.$ZodConfig | undefined;
}

/**
 * Makes every schema of the process speak so, unless it has a message of its own. Does not load zod:
 * that takes longer than most commands run, and not every command uses a schema.
 */
export function speakPlainly(): void {
  Object.assign((globalThis.__zod_globalConfig ??= {}), { customError: describeIssue });
}
