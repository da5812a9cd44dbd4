import * as z from 'zod';
import type { Session } from '../../db/session.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { changesRows, newConstraintsOf, type NewConstraint } from '../../sql/new-constraints.ts';
import { splitStatements, type Statement } from '../../sql/statements.ts';
import {
  demandOfConstraint,
  findTable,
  violatingRows,
  type Limits,
  type Located,
  type Violation,
} from './violating-rows.ts';

/** The SQL that failed. */
interface Failed {
  /** The file; absent where a module generated the SQL. */
  sql?: string | undefined;
  /** Number of statements of the file that completed before the failing one. */
  completed: number;
  /** The start of the failing statement, where it is known exactly. */
  offset?: number | undefined;
}

const patience: { total: number; lock: number } = { total: 5_000, lock: 500 };

/** What the server reports about the table (libpq: PG_DIAG_TABLE_NAME and its neighbours). */
const blamed = z.object({
  code: z.enum([
    sqlstate.notNullViolation,
    sqlstate.foreignKeyViolation,
    sqlstate.uniqueViolation,
    sqlstate.checkViolation,
  ]),
  schema: z.string(),
  table: z.string(),
  column: z.string().optional(),
  constraint: z.string().optional(),
  routine: z.string().optional(),
});
type Blamed = z.infer<typeof blamed>;

const kinds = {
  [sqlstate.notNullViolation]: 'not-null',
  [sqlstate.foreignKeyViolation]: 'foreign-key',
  [sqlstate.uniqueViolation]: 'unique',
  [sqlstate.checkViolation]: 'check',
} as const;

/**
 * Counts the existing rows that violate the constraint that failed, then those that violate later
 * constraints of the file, so that all can be corrected at once. Called after the rollback; reads
 * only, waits at most half a second for a lock, and takes at most five seconds.
 * @returns undefined when the failure is not caused by existing rows, or when they cannot be read
 */
export async function violationsOf(
  session: Session,
  cause: unknown,
  failed: Failed,
): Promise<Violation[]> {
  const { data: error } = blamed.safeParse(cause);
  if (!error) return [];
  const limits = { deadline: performance.now() + patience.total, lock: patience.lock };
  try {
    const { own, further } = await demandsIn(failed, error);
    const first = await ownViolation(session, error, own, limits);
    if (!first) return [];
    return [first, ...(await alsoForbidden(session, [...own, ...further], first, limits))];
  } catch {
    return [];
  }
}

/**
 * Counts the existing rows that violate what a statement demands, before it runs. Reads only.
 *
 * @param limits the end of the counting, and how long a lock is waited for, in milliseconds
 */
export async function violationsOfStatement(
  session: Session,
  sql: string,
  limits: Limits,
): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const demand of await newConstraintsOf(sql)) {
    const violation = await count(session, demand, limits).catch(() => undefined);
    if (violation?.found.rows && !isGuess(violation)) found.push(violation);
  }
  return found;
}

/** Returns the constraints that the failing statement adds, and those of the rest of the file. */
async function demandsIn(
  { sql, completed, offset }: Failed,
  error: Blamed,
): Promise<{ own: NewConstraint[]; further: NewConstraint[] }> {
  const statements = sql === undefined ? [] : await splitStatements(sql);
  const begun = statements.findIndex((statement) => statement.offset === offset);
  const at = begun < 0 ? completed : begun;
  const failing = statements[at];
  if (!failing) return { own: ofServer(error), further: [] };
  const own = await newConstraintsOf(failing.sql);
  return {
    own: own.some((demand) => isBlamed(demand, error)) ? own : [...own, ...ofServer(error)],
    further: await demandsAfter(statements, at),
  };
}

/** ALTER TABLE found a NULL while it scanned the table; this is known also for SQL of a module. */
function ofServer({ code, routine, schema, table, column }: Blamed): NewConstraint[] {
  const isAlterTable = code === sqlstate.notNullViolation && routine === 'ATRewriteTable';
  return isAlterTable && column
    ? [{ kind: 'not-null', table: { schema, name: table }, column }]
    : [];
}

/** Stops at the first statement that can change rows or the meaning of names. */
async function demandsAfter(
  statements: readonly Statement[],
  at: number,
): Promise<NewConstraint[]> {
  const demands: NewConstraint[] = [];
  const isPlain = !statements.some(({ setsSession }) => setsSession);
  for (const { sql } of statements.slice(at + 1)) {
    if (await changesRows(sql)) break;
    const all = await newConstraintsOf(sql);
    demands.push(...all.filter(({ table }) => isPlain || table.schema !== undefined));
  }
  return demands;
}

function isBlamed(demand: NewConstraint, { code, column, constraint, table }: Blamed): boolean {
  if (demand.table.name !== table) return false;
  if (demand.kind === 'validate') return demand.name === constraint;
  if (demand.kind !== kinds[code]) return false;
  if (demand.kind === 'not-null') return demand.column === column;
  return demand.name === undefined || demand.name === constraint;
}

/**
 * The server generates the name of an unnamed constraint: of several, it is one that rows violate.
 */
async function ownViolation(
  session: Session,
  error: Blamed,
  own: readonly NewConstraint[],
  limits: Limits,
): Promise<Violation | undefined> {
  const table = { schema: error.schema, name: error.table };
  const blamedOnes = own.filter((demand) => isBlamed(demand, error));
  const named = blamedOnes.filter(({ name }) => name !== undefined && name === error.constraint);
  for (const demand of named.length > 0 ? named : blamedOnes) {
    const violation = await count(session, { ...demand, table }, limits);
    if (violation && violation.found.rows !== 0) return violation;
  }
  return undefined;
}

async function alsoForbidden(
  session: Session,
  demands: readonly NewConstraint[],
  { demand: first }: Violation,
  limits: Limits,
): Promise<Violation[]> {
  const seen = new Set([keyOf(first)]);
  const found: Violation[] = [];
  for (const demand of demands) {
    const violation = await count(session, demand, limits).catch(() => undefined);
    if (!violation?.found.rows || isGuess(violation) || seen.has(keyOf(violation.demand))) continue;
    seen.add(keyOf(violation.demand));
    found.push(violation);
  }
  return found;
}

/** The values of a column that the file itself adds are unknown. */
function isGuess({ demand, found }: Violation): boolean {
  return found.isWholeTable && !(demand.kind === 'not-null' && demand.type !== undefined);
}

/**
 * A constraint can be written twice: with and without a schema, or with an old and a new column
 * name.
 */
function keyOf(demand: Located): string {
  const { schema, name } = demand.table;
  const what = demand.kind === 'not-null' ? demand.column : JSON.stringify(demand);
  return JSON.stringify([demand.kind, schema, name, what]);
}

async function count(
  session: Session,
  demand: NewConstraint,
  limits: Limits,
): Promise<Violation | undefined> {
  const known = await findTable(session, demand.table, limits);
  if (!known) return undefined;
  const located = await locate(session, { ...demand, table: known.table }, limits);
  return (
    located && { demand: located, found: await violatingRows(session, located, known, limits) }
  );
}

async function locate(
  session: Session,
  demand: NewConstraint & Pick<Located, 'table'>,
  limits: Limits,
): Promise<Located | undefined> {
  if (demand.kind === 'validate')
    return demandOfConstraint(session, demand.table, demand.name, limits);
  if (demand.kind !== 'foreign-key' || demand.targetColumns.length > 0) return demand;
  const target = await findTable(session, demand.target, limits);
  return target && { ...demand, target: target.table, targetColumns: target.key };
}
