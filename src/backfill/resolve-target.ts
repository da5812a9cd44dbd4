import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import {
  equalColumns,
  readAssignment,
  readExpression,
  readTable,
  type Expression,
} from '../sql/expression.ts';
import {
  readEstimate,
  readRelations,
  readTableInfo,
  uniqueKeysOf,
  type TableInfo,
} from './read-table.ts';
import type { BackfillTarget } from './definition.ts';

/** A table that stores rows: an ordinary one, or a partition. */
export interface Relation {
  oid: number;
  /** Quoted, with its schema. */
  name: string;
  /** Changes when the table is rewritten. */
  filenode: number;
  pages: number;
  /** As the server estimates them. */
  rows: number;
  /** Its rows can be addressed by ctid. */
  isHeap: boolean;
  /** Columns that an update sets to themselves: see `restating`. */
  restated: string[];
}

/** A target of a backfill as this database defines it: the input of all its SQL. */
export interface Subject {
  target: BackfillTarget;
  /** The table as the definition spells it. */
  label: string;
  /** Quoted, with its schema. */
  table: string;
  /** Quoted: the name by which expressions refer to the table. */
  alias: string;
  column: string;
  relations: Relation[];
  /** The primary key; empty without one. */
  key: { name: string; type: string }[];
  /** SQL of the value, cast to the column's type. */
  value: string;
  /** SQL of the column's type. */
  type: string;
  from?: {
    sql: string;
    on: string;
    isUnique: boolean;
    /** As the server estimates them. */
    rows: number;
  };
  where?: string;
  /** Rows that need nothing; absent: those with a value. */
  done?: string;
  /** Why `done` was added where the definition has none. */
  doneBecause?: string;
  /** SQL of the value of orphans, with `--orphans set=VALUE`. */
  orphanValue?: string;
  /** Columns of the table that the value depends on. */
  reads: string[];
  isNotNull: boolean;
  /** The search_path under which the expressions were checked. */
  searchPath: string;
  /** Triggers of the application that fire for every filled row. */
  triggers: string[];
}

/**
 * Looks a target up in the catalog and checks its expressions.
 *
 * @throws usage error when it cannot be filled, or not yet
 */
export async function resolveTarget(session: Session, target: BackfillTarget): Promise<Subject> {
  const { column, value } = await readAssignment(target.set, 'set');
  const table = await readTable(target.table, 'table');
  const info = await readTableInfo(session, quoteName(table), column);
  assertFillable(target, info, column);
  const where = target.where && (await readExpression(target.where, 'where'));
  const done = target.done && (await readExpression(target.done, 'done'));
  const on = target.on && (await readExpression(target.on, 'on'));
  const isVolatile = await callsVolatile(session, value);
  const named = [value, on, where, done].filter((each) => typeof each === 'object');
  const from = await sourceOf(session, target);
  const subject: Subject = {
    target,
    label: target.table,
    table: info.table,
    alias: quoteIdentifier(table.alias),
    column,
    relations: await readRelations(session, info.oid, column),
    key: info.key,
    value: `(${value.sql}\n)::${info.comparedType}`,
    type: info.type,
    ...(from && { from }),
    ...(where && { where: where.sql }),
    ...(done && { done: done.sql }),
    reads: columnsRead(named, info, { alias: table.alias, column }),
    isNotNull: info.isNotNull,
    searchPath: info.searchPath,
    triggers: info.triggers,
  };
  await probe(session, subject, target);
  if (done) return subject;
  const reason = isVolatile
    ? 'its expression returns a different value every time'
    : await whyNotComparable(session, subject);
  if (!reason) return subject;
  const filled = `${subject.alias}.${quoteIdentifier(column)} IS NOT NULL`;
  return { ...subject, done: filled, doneBecause: reason };
}

async function sourceOf(session: Session, target: BackfillTarget): Promise<Subject['from']> {
  if (target.from === undefined || target.on === undefined) return undefined;
  const { alias, ...name } = await readTable(target.from, 'from');
  const sql = `${quoteName(name)} AS ${quoteIdentifier(alias)}`;
  const fixed = await equalColumns(target.on, alias);
  const keys = await uniqueKeysOf(session, quoteName(name));
  const isUnique = keys.some((key) => key.every((each) => fixed.has(each)));
  return { sql, on: target.on, isUnique, rows: await readEstimate(session, quoteName(name)) };
}

/** An unqualified name may belong to the source; a superfluous column only makes the trigger fire more often. */
function columnsRead(
  expressions: readonly Expression[],
  { columns }: TableInfo,
  { alias, column }: { alias: string; column: string },
): string[] {
  const names = expressions
    .flatMap((each) => each.columns)
    .filter(({ table }) => table === undefined || table === alias)
    .map((name) => name.column);
  return [...new Set(names)].filter((name) => name !== column && columns.includes(name));
}

async function callsVolatile(session: Session, { functions }: Expression): Promise<boolean> {
  if (functions.length === 0) return false;
  const rows = await session.query(
    `SELECT FROM pg_proc WHERE proname = ANY($1) AND provolatile = 'v' LIMIT 1`,
    [functions],
  );
  return rows.length > 0;
}

const kinds: Record<string, string> = {
  v: 'is a view: fill the table that it selects from',
  m: 'is a materialized view: fill the tables that it selects from, then refresh it',
  f: 'is a foreign table: fill it in its own database',
  i: 'is an index',
  S: 'is a sequence',
};

function assertFillable({ table }: BackfillTarget, info: TableInfo, column: string): void {
  const what = kinds[info.kind];
  if (what) throw usageError('BACKFILL.NO_TABLE', `${table} ${what}.`, 'Specify a table.');
  if (!info.columns.includes(column))
    throw usageError(
      'BACKFILL.NO_COLUMN',
      `Column ${table}.${column} does not exist.`,
      'Apply the migration that adds it: dbops migrate up --to NAME',
    );
  if (info.hidesRows)
    throw usageError(
      'BACKFILL.ROW_SECURITY',
      `Row-level security may hide rows of ${table} from this role; they would be neither filled nor counted.`,
      'Connect as the owner of the table or as a role with BYPASSRLS.',
    );
}

/** Lets the server check names and types before anything is changed. */
async function probe(session: Session, subject: Subject, { table }: BackfillTarget): Promise<void> {
  const { alias, column, target, from } = subject;
  const { value } = await readAssignment(target.set, 'set');
  const source = from ? ` FROM ${from.sql} WHERE (${from.on}\n)` : ' WHERE true';
  const conditions = [target.where, target.done].map((each) => (each ? ` AND (${each}\n)` : ''));
  const sql = `EXPLAIN UPDATE ${subject.table} AS ${alias} SET ${quoteIdentifier(column)} = (${value.sql}\n)${source}${conditions.join('')}`;
  try {
    await session.query(sql);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!codeOf(error).startsWith('42') || codeOf(error) === '42501') throw error;
    throw usageError(
      undefinedObject.has(codeOf(error)) ? 'BACKFILL.NO_COLUMN' : 'BACKFILL.UNFIT',
      `Cannot fill ${table}.${column}: ${message}.`,
      undefinedObject.has(codeOf(error))
        ? 'Fix the name, or apply the migration that adds it: dbops migrate up --to NAME'
        : 'Fix the definition; a value of another type needs a cast, such as source.code::uuid.',
      [`SQLSTATE ${codeOf(error)}`, target.set],
    );
  }
}

/** undefined_table, undefined_column */
const undefinedObject = new Set(['42P01', '42703']);

/** Returns why values of the type cannot be compared, as those of json and xml. */
async function whyNotComparable(
  session: Session,
  { type, from, reads }: Subject,
): Promise<string | undefined> {
  if (!from && reads.length === 0) return 'its value does not depend on other columns';
  try {
    await session.query(`SELECT NULL::${type} IS DISTINCT FROM NULL::${type}`);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== '42883') throw error;
    return `values of type ${type} cannot be compared`;
  }
}
