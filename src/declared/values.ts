/** The values that a declaration may hold. The types of the package name no library. */

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

/** A value of a seeded column. Arrays and objects are JSON, or an array of the column's type. */
export type SeedCell =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | SqlValue
  | SeedReference
  | { readonly $sql: string }
  | { readonly $ref: readonly [string, ...(string | number | boolean)[]] }
  | readonly SeedCell[]
  | { readonly [key: string]: SeedCell };

export type DeclaredRow = Record<string, SeedCell>;

/** What rows that are computed are given. */
export interface RowsInput {
  /** The present, which dates are relative to. */
  now: Date;
}
