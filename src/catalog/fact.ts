import { quoteIdentifier } from '../db/quote.ts';

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

/** The key of the table that a fact is, or belongs to. */
export function keyOfTable({ schema, table }: Fact): string {
  return JSON.stringify(['table', schema, table, table]);
}

type Named = Pick<Fact, 'kind' | 'schema' | 'table' | 'name'>;

/** `public.purchases`, or `purchases_pkey on public.purchases`: no two objects share one. */
export function nameOf({ kind, schema, table, name }: Named): string {
  const owner = `${shown(schema)}.${shown(table)}`;
  return kind === 'table' ? owner : `${shown(name)} on ${owner}`;
}

/** Quoted only where it would be ambiguous without. */
function shown(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name);
}
