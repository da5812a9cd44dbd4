import { dbmate } from './dbmate/index.ts';
import { dbops } from './dbops/index.ts';
import { drizzle } from './drizzle/index.ts';
import type { Format } from './format.ts';
import { graphileMigrate } from './graphile-migrate/index.ts';
import { knex } from './knex/index.ts';
import { kysely } from './kysely/index.ts';
import { nodePgMigrate } from './node-pg-migrate/index.ts';
import { prisma } from './prisma/index.ts';
import { supabase } from './supabase/index.ts';

/**
 * Every format, the most specific first: a directory belongs to the first format that matches it.
 * The last is dbops' own, which a new project gets.
 */
export const formats: Format[] = [
  drizzle,
  prisma,
  graphileMigrate,
  supabase,
  dbmate,
  nodePgMigrate,
  knex,
  kysely,
  dbops,
];

/** Returns the names of a table's columns as one text, whatever their order. */
export function columnsKey(names: readonly string[]): string {
  return names.toSorted().join(' ');
}

/** The columns of the tracking tables of every format, each as `columnsKey` returns them. */
export const trackingColumns: ReadonlySet<string> = new Set(
  formats.flatMap(({ columns }) => columns.map(columnsKey)),
);
