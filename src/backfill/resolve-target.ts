import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteName } from '../db/quote.ts';
import { schemaOf, underUserPath } from '../db/search-path.ts';
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
  readTableFacts,
  uniqueKeysOf,
  type TableFacts,
} from './read-table.ts';
import type { BackfillTarget } from './definition.ts';
import { securityOf } from './security.ts';

/** A table with rows of its own: an ordinary one, or a partition. */
export interface Relation {
  oid: number;
  /** Quoted, with its schema. */
  name: string;
  /** Changes when the table is rewritten. */
  filenode: number;
  pages: number;
  /** As the server estimates them. */
  rows: number;
  /** Its rows can be found by where they are. */
  isHeap: boolean;
  /** Columns that an update names as well, and leaves as they are: see `restating`. */
  restated: string[];
}

/** A target of a backfill as this database has it: everything that its SQL is made of. */
export interface Subject {
  target: BackfillTarget;
  /** As people write it. */
  label: string;
  /** Quoted, with its schema. */
  table: string;
  /** Quoted: what expressions call the table. */
  alias: string;
  column: string;
  relations: Relation[];
  /** Of its primary key, with SQL of the operators of its index; empty without one. */
  key: { name: string; type: string; equals: string; exceeds: string }[];
  /** SQL of the value, of the column's type. */
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
  /** Rows for which it holds need nothing; absent: those that have a value. */
  done?: string;
  /** Why `done` is what it is, where nobody said it. */
  doneBecause?: string;
  /** SQL of what rows without an answer get, where somebody said so. */
  orphanValue?: string;
  /** Columns of the table from which the value follows. */
  reads: string[];
  isNotNull: boolean;
  /** SQL: with whose rights, and under which path, the functions of its triggers run. */
  security: string;
  /** Triggers of the application that fire for every row that is filled. */
  triggers: string[];
}

/**
 * Looks a target up in the catalog.
 *
 * @throws usage error where it can't be filled, or not yet
 */
export async function subjectOf(session: Session, target: BackfillTarget): Promise<Subject> {
  const { column, value } = await readAssignment(target.set, 'set');
  const table = await readTable(target.table, 'table');
  const facts = await readTableFacts(session, await nameIn(session, table), column);
  refuse(target, facts, column);
  const where = target.where && (await readExpression(target.where, 'where'));
  const done = target.done && (await readExpression(target.done, 'done'));
  const on = target.on && (await readExpression(target.on, 'on'));
  const isVolatile = await callsVolatile(session, value);
  const named = [value, on, where, done].filter((each) => typeof each === 'object');
  const from = await sourceOf(session, target);
  const subject: Subject = {
    target,
    label: target.table,
    table: facts.table,
    alias: quoteIdentifier(table.alias),
    column,
    relations: await readRelations(session, facts.oid, column),
    key: facts.key,
    value: `(${value.sql}\n)::${facts.comparedType}${facts.collate}`,
    type: facts.type,
    collate: facts.collate,
    ...(from && { from }),
    ...(where && { where: where.sql }),
    ...(done && { done: done.sql }),
    reads: columnsRead(named, facts, { alias: table.alias, column }),
    isNotNull: facts.isNotNull,
    security: '',
    triggers: facts.triggers,
  };
  const trial = await trialOf(subject, target);
  await probe(session, trial, subject);
  subject.security = await securityOf(session, { trial, readsSource: from !== undefined });
  if (done) return subject;
  const reason = isVolatile
    ? 'its value is another one every time'
    : !from && subject.reads.length === 0
      ? 'its value is a default'
      : await incomparable(session, subject);
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

/** The name in SQL with the schema that it has for the role; as it is where it has none. */
async function nameIn(
  session: Session,
  { schema, name }: { schema?: string; name: string },
): Promise<string> {
  const found = schema ?? (await schemaOf(session, name));
  return quoteName({ name, ...(found !== undefined && { schema: found }) });
}

/** A name without a table may be one of the source: too many only make the trigger look twice. */
function columnsRead(
  expressions: readonly SqlExpression[],
  { columns }: TableFacts,
  { alias, column }: { alias: string; column: string },
): string[] {
  const names = expressions
    .flatMap((each) => each.columns)
    .filter(({ table }) => table === undefined || table === alias)
    .map((name) => name.column);
  return [...new Set(names)].filter((name) => name !== column && columns.includes(name));
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

function refuse({ table }: BackfillTarget, facts: TableFacts, column: string): void {
  const what = kinds[facts.kind];
  if (what) throw usageError('BACKFILL.NO_TABLE', `${table} ${what}.`, 'Name the table itself.');
  if (!facts.columns.includes(column))
    throw usageError(
      'BACKFILL.NO_COLUMN',
      `${table}.${column} can not be filled yet: there is no such column.`,
      'Apply the migration that adds it first: dbops migrate up --to NAME',
    );
  if (facts.hidesRows)
    throw usageError(
      'BACKFILL.ROW_SECURITY',
      `Row-level security may hide rows of ${table} from this user: they would be left out, and not be counted.`,
      'Run it as the owner of the table, or as a role with BYPASSRLS.',
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
    await underUserPath(session, `EXPLAIN ${sql}`);
  } catch (error) {
    const said = messageOf(error);
    if (!codeOf(error).startsWith('42') || codeOf(error) === sqlstate.insufficientPrivilege)
      throw error;
    throw usageError(
      notThere.has(codeOf(error)) ? 'BACKFILL.NO_COLUMN' : 'BACKFILL.UNFIT',
      `${table}.${column} can not be filled with that: ${said}.`,
      notThere.has(codeOf(error))
        ? 'Correct the name, or apply the migration that adds it first: dbops migrate up --to NAME'
        : 'Correct the definition; a value of another type needs a cast, such as content.code::uuid.',
      [`SQLSTATE ${codeOf(error)}`, set],
    );
  }
}

const notThere = new Set<string>([sqlstate.undefinedTable, sqlstate.undefinedColumn]);

/** Values of json and xml have no equality by which they could be compared. */
async function incomparable(session: Session, { type }: Subject): Promise<string | undefined> {
  try {
    await session.query(`SELECT DISTINCT NULL::${type}`);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== sqlstate.undefinedFunction) throw error;
    return `values of type ${type} can not be compared`;
  }
}
