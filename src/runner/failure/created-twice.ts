import { relative } from 'node:path';
import type { DatabaseError } from 'pg';
import type { Session } from '../../db/session.ts';
import { lineOf, splitStatements } from '../../sql/statements.ts';
import type { FailurePoint } from '../send-migration.ts';
import type { RunningStep } from '../step.ts';
import { quotedNames } from '../../sql/quoted-names.ts';

/**
 * Explains the error "already exists" of an object that an earlier statement of the same migration had
 * created: after the rollback, the database has no object of this name.
 *
 * @returns undefined when the database has one
 */
export async function createdTwice(
  { script, run, direction }: RunningStep,
  cause: unknown,
  point: FailurePoint | undefined,
): Promise<{ code: string; reason: string[]; hint: string } | undefined> {
  const [name, parent] = quotedNames((cause as Partial<DatabaseError>).message ?? '');
  if (name === undefined || (await exists(run.session, name, parent))) return undefined;
  const file = relative(process.cwd(), script.file);
  const line = point && (await lineOfName(point, name));
  const place = line === undefined ? 'an earlier statement of the migration' : `line ${line}`;
  return {
    code: isCreatedTwice,
    reason: [
      `The database has no object of this name: ${place} created it, and was rolled back with the rest.`,
    ],
    hint: `Remove one of the two statements from ${file}, then: dbops migrate ${direction}`,
  };
}

/** The code of the error. */
export const isCreatedTwice = 'MIGRATION.CREATES_TWICE';

/** Catalogs with the column of the name, and that of the table of a part. */
const catalogs: [catalog: string, name: string, table?: string][] = [
  ['pg_class', 'relname'],
  ['pg_type', 'typname'],
  ['pg_proc', 'proname'],
  ['pg_namespace', 'nspname'],
  ['pg_collation', 'collname'],
  ['pg_conversion', 'conname'],
  ['pg_extension', 'extname'],
  ['pg_event_trigger', 'evtname'],
  ['pg_foreign_data_wrapper', 'fdwname'],
  ['pg_foreign_server', 'srvname'],
  ['pg_language', 'lanname'],
  ['pg_opclass', 'opcname'],
  ['pg_opfamily', 'opfname'],
  ['pg_operator', 'oprname'],
  ['pg_publication', 'pubname'],
  ['pg_statistic_ext', 'stxname'],
  ['pg_roles', 'rolname'],
  ['pg_tablespace', 'spcname'],
  ['pg_ts_config', 'cfgname'],
  ['pg_ts_dict', 'dictname'],
  ['pg_ts_parser', 'prsname'],
  ['pg_ts_template', 'tmplname'],
  ['pg_enum', 'enumlabel'],
  ['pg_attribute', 'attname', 'attrelid'],
  ['pg_constraint', 'conname', 'conrelid'],
  ['pg_trigger', 'tgname', 'tgrelid'],
  ['pg_policy', 'polname', 'polrelid'],
  ['pg_rewrite', 'rulename', 'ev_class'],
];

async function exists(session: Session, name: string, parent: string | undefined) {
  const looks = catalogs
    .filter(([, , table]) => (table === undefined) === (parent === undefined))
    .map(([catalog, column, table]) =>
      table === undefined
        ? `SELECT FROM ${catalog} WHERE ${column}::text = $1`
        : `SELECT FROM ${catalog} WHERE ${column}::text = $1 AND ${table} IN (SELECT oid FROM pg_class WHERE relname::text = $2)`,
    );
  const sql = `SELECT 1 AS found WHERE EXISTS (${looks.join(' UNION ALL ')})`;
  const rows = await session.query(sql, parent === undefined ? [name] : [name, parent]);
  return rows.length > 0;
}

/** Returns the line of the last statement before the failing one that contains the name. */
async function lineOfName(
  { sql, completed }: FailurePoint,
  name: string,
): Promise<number | undefined> {
  const statements = await splitStatements(sql).catch(() => []);
  const found = statements.slice(0, completed).findLast((each) => each.sql.includes(name));
  return found && lineOf(sql, found.offset);
}
