export type FactKind = 'table' | 'constraint' | 'index';

/** One object of the catalog, as far as two databases can be compared by it. */
export interface Fact {
  kind: FactKind;
  schema: string;
  /** The table that it is, or belongs to. */
  table: string;
  /** Unique with `kind`, `schema` and `table`. */
  name: string;
  /** The DDL that makes it, every name qualified. */
  definition: string;
  /** A NOT VALID constraint, or an index that is not (or no longer) usable. */
  isValid: boolean;
}

/** A fact of the replayed folder. */
export interface ExpectedFact extends Fact {
  /** The migration that made it, or changed it last. */
  migration: string;
  /** Its definition after one more parse: what a dump and restore leaves of the same object. */
  restored: string;
}

/** The key under which two databases are compared. */
export function keyOf({ kind, schema, table, name }: Fact): string {
  return JSON.stringify([kind, schema, table, name]);
}

/** `public.purchases`, or `purchases_pkey on public.purchases`. */
export function nameOf({ kind, schema, table, name }: Fact): string {
  return kind === 'table' ? `${schema}.${table}` : `${name} on ${schema}.${table}`;
}
