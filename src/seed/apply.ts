import { codeOf } from '../db/connection-error.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Identities } from './identities.ts';
import type { RowUpdate, TablePlan } from './plan.ts';
import { findFixture, type SeedPlan } from './read.ts';
import type { SeedTable } from './definition.ts';
import { insertRows, updateRows } from './sql.ts';

/**
 * Applies a plan in the caller's transaction, with a few statements per table.
 *
 * @param onTable called before each table; throws to stop
 * @throws DbopsError naming the table that failed
 */
export async function applyPlan(
  session: Session,
  { tables, identities }: SeedPlan,
  onTable: () => void,
): Promise<void> {
  for (const plan of tables) {
    onTable();
    try {
      await applyTable(session, plan, identities);
    } catch (error) {
      throw failed(plan.fixture.table, error);
    }
  }
}

async function applyTable(
  session: Session,
  plan: TablePlan,
  identities: Identities,
): Promise<void> {
  const { fixture, insert, update } = plan;
  if (fixture.createdByTrigger) return findTriggerRows(session, fixture, identities);
  if (insert.length > 0) {
    const records = insert.map((row) => identities.record(fixture, row));
    const columns = Object.keys(records[0] ?? {});
    await write(session, insertRows(fixture, columns), records);
  }
  const bySet = Map.groupBy(update, ({ columns }) => columns.join());
  for (const changes of bySet.values()) await applyChanges(session, fixture, changes, identities);
}

async function applyChanges(
  session: Session,
  fixture: SeedTable,
  changes: readonly RowUpdate[],
  identities: Identities,
): Promise<void> {
  const records = changes.map(({ row, id }) => ({ ...identities.record(fixture, row), id }));
  const sql = updateRows(fixture, changes[0]?.columns ?? []);
  await write(session, sql, records);
}

/** Triggers of the application may rely on the path of the role. */
async function write(session: Session, sql: string, records: readonly object[]): Promise<void> {
  await session.script(toUserPath);
  await session.query(sql, [JSON.stringify(records)]);
  await session.script(toOwnPath(session));
}

/** Records the ids of rows that a trigger created when their parents were inserted. */
async function findTriggerRows(
  session: Session,
  fixture: SeedTable,
  identities: Identities,
): Promise<void> {
  const found = await findFixture(session, fixture, identities);
  const missing = found.filter(([, match]) => !match).map(([row]) => row.name);
  if (missing.length === 0) return;
  throw new DbopsError({
    code: 'SEED.NO_PARENT',
    exitCode: exitCodes.failed,
    message: `Seeding failed: a trigger did not create the expected rows in ${fixture.table}. Nothing was changed.`,
    reason: missing.map((name) => `missing: ${name}`),
    hint: 'Check the triggers of the schema: dbops verify',
  });
}

function failed(table: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof DbopsError || !code || code === sqlstate.insufficientPrivilege) return error;
  return new DbopsError({
    code: 'SEED.FAILED',
    exitCode: exitCodes.failed,
    message: `Seeding ${table} failed; the transaction was rolled back.`,
    reason: [`${messageOf(error)} (SQLSTATE ${code})`],
    hint: 'Fix the cause, then run: dbops seed',
    cause: error,
  });
}
