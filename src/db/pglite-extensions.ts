import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** What an embedded database can `CREATE EXTENSION`, beside plpgsql. */
export interface EmbeddedExtensions {
  /** Specifiers of the modules that bring them. */
  modules: readonly string[];
  /** By name. */
  standIns: StandIns;
}

export type StandIns = Readonly<Record<string, StandIn>>;

/**
 * An extension as far as its names go: tables, types and signatures, for a shadow whose engine
 * can't run its code.
 */
export interface StandIn {
  /** The schema that it insists on; absent where `CREATE EXTENSION` may choose. */
  schema?: string;
  /** Its script. */
  sql: string;
}

const contrib = '@electric-sql/pglite/contrib';

declare const PGVECTOR_MODULE: string | undefined;
/** The package contains pgvector, whose own package would install another PGlite beside it. */
const pgvector =
  typeof PGVECTOR_MODULE === 'string' ? PGVECTOR_MODULE : '@electric-sql/pglite-pgvector';

/** Modules whose name differs from their extension, or that contain several. */
const renamed: Readonly<Record<string, readonly string[]>> = {
  uuid_ossp: ['uuid-ossp'],
  moddatetime: ['moddatetime', 'autoinc', 'insert_username', 'refint'],
};

/** The extensions of the PGlite that is installed: their names, and the module that brings each. */
export function shippedExtensions(): Map<string, string> {
  const { resolve } = createRequire(import.meta.url);
  const files = readdirSync(dirname(resolve(`${contrib}/citext`)));
  const modules = files.filter((file) => file.endsWith('.cjs')).map((file) => file.slice(0, -4));
  const shipped = modules.flatMap((module) =>
    (renamed[module] ?? [module]).map((name): [string, string] => [name, `${contrib}/${module}`]),
  );
  return new Map([...shipped, ['vector', pgvector]]);
}
