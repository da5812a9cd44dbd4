import * as z from 'zod';
import { parseDuration } from '../output/duration.ts';

/** Milliseconds, as a number or as a duration such as `2s`. */
export const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const milliseconds = typeof value === 'number' ? value : parseDuration(value);
  if (milliseconds !== undefined && milliseconds >= 0) return milliseconds;
  context.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 2s or 5m' });
  return z.NEVER;
});

/** One SQL expression over the tables of its `from`; its form is read when it is used. */
export const expression = z.string().trim().min(1);

/** A table, or tables with their joins, as after FROM. */
export const fromClause = z.string().trim().min(1);

/** The word by which something declared is named on the command line and in findings. */
export const declaredName = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.:-]*$/u, 'expected letters, digits, _, -, . and :');

/** Text in SQL that the server evaluates: the value of a seeded column, for example. */
export class SqlValue {
  readonly $sql: string;
  constructor(source: string) {
    this.$sql = source;
  }
}

/** A row of another seed set, by the values of its key; without values, any row of the set. */
export class SeedReference {
  readonly $ref: readonly [set: string, ...key: readonly KeyValue[]];
  constructor(set: string, ...key: readonly KeyValue[]) {
    this.$ref = [set, ...key];
  }
}

export type KeyValue = string | number | boolean;

/**
 * Returns a value that the server evaluates: sql`crypt('test', gen_salt('bf'))`. Text that is inserted
 * with `${…}` becomes part of the SQL as it is: the configuration is trusted.
 */
export function sql(
  strings: TemplateStringsArray,
  ...values: readonly (string | number)[]
): SqlValue {
  return new SqlValue(String.raw({ raw: strings.raw }, ...values));
}

/** Returns a reference to the row of a seed set whose key has these values. */
export function ref(set: string, ...key: readonly KeyValue[]): SeedReference {
  return new SeedReference(set, ...key);
}
