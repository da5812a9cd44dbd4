import type { Node } from 'libpg-query';
import type { Format, Prelude } from '../formats/format.ts';
import { parse, splitStatements } from '../sql/statements.ts';
import { readText } from '../text-file.ts';

/**
 * Reads the file of `shadowPrelude`: what the migrations expect of a database, and no migration creates.
 *
 * @throws usage error when it is not text in UTF-8; a system error when it cannot be read
 */
export async function readPrelude(file: string): Promise<Prelude> {
  const sql = readText(file).replace(/^\uFEFF/, '');
  const statements = await splitStatements(sql).catch(() => []); // reported where it runs
  const settings = statements.flatMap((each) => (each.setsSession ? [each.sql] : []));
  return { file, sql, settings, schemas: await schemasCreatedBy(sql) };
}

async function schemasCreatedBy(sql: string): Promise<string[]> {
  const parsed = await parse(sql).catch(() => []);
  return parsed.flatMap(({ stmt }) => (stmt ? schemaCreatedBy(stmt) : []));
}

function schemaCreatedBy(stmt: Node): string[] {
  if (!('CreateSchemaStmt' in stmt)) return [];
  const { schemaname, authrole } = stmt.CreateSchemaStmt;
  return [schemaname ?? authrole?.rolename ?? ''].filter(
    (name) => name !== '' && name !== 'public',
  );
}

/** Returns the SQL that brings a shadow to the state that the migrations expect of a new database. */
export function preludesOf({ platform, prelude }: Format): string[] {
  return [platform?.prelude, prelude?.sql].filter((sql) => sql !== undefined);
}
