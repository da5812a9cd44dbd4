import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteName } from '../db/quote.ts';
import { schemaOf } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { messageOf, usageError } from '../errors.ts';
import {
  equalColumns,
  readAssignment,
  readExpression,
  readTable,
  type SqlExpression,
} from '../sql/expression.ts';
import {
  readEstimate,
  readRelations,
  readTableInfo,
  uniqueKeysOf,
  type KeyColumn,
  type Relation,
  type TableInfo,
} from './read-table.ts';
import type { BackfillTarget } from './definition.ts';
import { readDefined } from './read-defined.ts';
import { securityOf } from './security.ts';

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
  /** The primary key, with SQL of the operators of its index; empty without one. */
  key: KeyColumn[];
  /** SQL of the value, cast to the column's type. */
  value: string;
  /** SQL of the column's type. */
  type: string;
  /** SQL that gives a value the collation of the column; empty for a type without. */
  collate: string;
  from?: {
    /** Quoted, with its schema. */
    table: string;
    sql: string;
    on: string;
    isUnique: boolean;
    /** As the server estimates them. */
    rows: number;
  };
  where?: string;
  /** Rows that need nothing; absent: those with a value. */
  done?: string;
  /** The reason for the `done` that a definition without one gets. */
  doneBecause?: string;
  /** SQL of the value of orphans, with `--orphans set=VALUE`. */
  orphanValue?: string;
  /** Columns of the table that the value depends on. */
  reads: string[];
  /** The value is the next one of a sequence: to read it writes, and it is never NULL. */
  isNumber: boolean;
  isNotNull: boolean;
  /** SQL of the rights and the search_path of the trigger functions. */
  security: string;
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
  const info = await readTableInfo(session, await nameIn(session, table), column);
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
    value: `(${value.sql}\n)::${info.comparedType}${info.collate}`,
    type: info.type,
    collate: info.collate,
    ...(from && { from }),
    ...(where && { where: where.sql }),
    ...(done && { done: done.sql }),
    reads: columnsRead(named, info, { alias: table.alias, column }),
    isNumber: !from && isNextOfSequence(value),
    isNotNull: info.isNotNull,
    security: '',
    triggers: info.triggers,
  };
  const trial = await trialOf(subject, target);
  await probe(session, trial, subject);
  subject.security = await securityOf(session, { trial, readsSource: from !== undefined });
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
  const source = await nameIn(session, name);
  const sql = `${source} AS ${quoteIdentifier(alias)}`;
  const fixed = await equalColumns(target.on, alias);
  const keys = await uniqueKeysOf(session, source);
  const isUnique = keys.some((key) => key.every((each) => fixed.has(each)));
  return { table: source, sql, on: target.on, isUnique, rows: await readEstimate(session, source) };
}

/**
 * Returns the name in SQL with the schema that the role resolves it to; unchanged if it resolves to
 * none.
 */
async function nameIn(
  session: Session,
  { schema, name }: { schema?: string; name: string },
): Promise<string> {
  const found = schema ?? (await schemaOf(session, name));
  return quoteName({ name, ...(found !== undefined && { schema: found }) });
}

/** An unqualified name may belong to the source; a superfluous column only makes the trigger fire more often. */
function columnsRead(
  expressions: readonly SqlExpression[],
  { columns }: TableInfo,
  { alias, column }: { alias: string; column: string },
): string[] {
  const names = expressions
    .flatMap((each) => each.columns)
    .filter(({ table }) => table === undefined || table === alias)
    .map((name) => name.column);
  return [...new Set(names)].filter((name) => name !== column && columns.includes(name));
}

/** Returns whether an expression is one call of nextval(). */
function isNextOfSequence({ sql, functions, columns }: SqlExpression): boolean {
  const [name, another] = functions;
  const isCall = /^\s*(?:pg_catalog\s*\.\s*)?nextval\s*\([^()]*\)\s*$/i.test(sql);
  return isCall && name === 'nextval' && another === undefined && columns.length === 0;
}

async function callsVolatile(session: Session, { functions }: SqlExpression): Promise<boolean> {
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
}

/** An update with the expressions of the definition, to be explained. */
async function trialOf(subject: Subject, target: BackfillTarget): Promise<string> {
  const { alias, column, from } = subject;
  const { value } = await readAssignment(target.set, 'set');
  const source = from ? ` FROM ${from.sql} WHERE (${from.on}\n)` : ' WHERE true';
  const conditions = [target.where, target.done].map((each) => (each ? ` AND (${each}\n)` : ''));
  return `UPDATE ${subject.table} AS ${alias} SET ${quoteIdentifier(column)} = (${value.sql}\n)${source}${conditions.join('')}`;
}

/** The server itself says whether names and types fit, before anything is changed. */
async function probe(
  session: Session,
  sql: string,
  { target: { table, set }, column }: Subject,
): Promise<void> {
  try {
    await readDefined(session, `EXPLAIN ${sql}`);
  } catch (error) {
    const message = messageOf(error);
    const { replicaIdentityError } = await import('../sql/replica-identity.ts');
    const rejected = replicaIdentityError(error);
    if (rejected) throw rejected;
    if (!codeOf(error).startsWith('42') || codeOf(error) === sqlstate.insufficientPrivilege)
      throw error;
    throw usageError(
      undefinedObject.has(codeOf(error)) ? 'BACKFILL.NO_COLUMN' : 'BACKFILL.UNFIT',
      `Cannot fill ${table}.${column}: ${message}.`,
      undefinedObject.has(codeOf(error))
        ? 'Fix the name, or apply the migration that adds it: dbops migrate up --to NAME'
        : 'Fix the definition; a value of another type needs a cast, such as source.code::uuid.',
      [`SQLSTATE ${codeOf(error)}`, set],
    );
  }
}

const undefinedObject = new Set<string>([sqlstate.undefinedTable, sqlstate.undefinedColumn]);

/** Returns why values of the type cannot be compared, as those of json and xml. */
async function whyNotComparable(
  session: Session,
  { type, from, reads }: Subject,
): Promise<string | undefined> {
  if (!from && reads.length === 0) return 'its value does not depend on other columns';
  try {
    await session.query(`SELECT DISTINCT NULL::${type}`);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== sqlstate.undefinedFunction) throw error;
    return `values of type ${type} cannot be compared`;
  }
}
