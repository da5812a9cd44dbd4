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

/** Of the SQL that failed. */
interface Failed {
  /** The file; absent where a module made the SQL. */
  sql?: string | undefined;
  /** Statements of the file that completed before the failing one. */
  completed: number;
  /** The offset of the failing statement, if known more precisely. */
  offset?: number | undefined;
}

const patience: { total: number; lock: number } = { total: 5_000, lock: 500 };

/** What the server reports about the table of the rows (libpq: PG_DIAG_TABLE_NAME and its neighbours). */
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
 * Counts the rows that made a statement fail, after its rollback: those of the failing demand
 * first, then those that the rest of the file would fail on, so that one look at the
 * data is enough. Reads only, waits at most half a second for a lock, and at most five in total.
 *
 * @returns nothing when existing rows did not cause the failure, or cannot be read;
 *   never throws: the failure that is being explained must not be hidden by another
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

/** What the failing statement demands of rows, and what the file does after it. */
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

/** ALTER TABLE found a null on its pass over the table: known even of SQL that a module made. */
function ofServer({ code, routine, schema, table, column }: Blamed): NewConstraint[] {
  const isAlterTable = code === sqlstate.notNullViolation && routine === 'ATRewriteTable';
  return isAlterTable && column
    ? [{ kind: 'not-null', table: { schema, name: table }, column }]
    : [];
}

/** Up to the first statement after which rows may be others, or names mean others. */
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

/** The server chose the name of a nameless constraint: of several, it is one that rows violate. */
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

/** The values of a column that the file creates are unknown. */
function isGuess({ demand, found }: Violation): boolean {
  return found.isWholeTable && !(demand.kind === 'not-null' && demand.type !== undefined);
}

/** The same demand may be written twice, with a schema and without, or of a column new and old. */
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
