import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Identities } from './identities.ts';
import type { Change, TablePlan } from './plan.ts';
import { findFixture, type SeedPlan } from './read.ts';
import type { SeedTable } from './definition.ts';
import { insertRows, updateRows } from './sql.ts';

/**
 * Carries out a plan, with a few statements a table, inside the caller's transaction.
 *
 * @param pause called before every table; throws to stop
 * @throws DbopsError that names the table which failed
 */
export async function applyPlan(
  session: Session,
  { tables, identities }: SeedPlan,
  pause: () => void,
): Promise<void> {
  for (const plan of tables) {
    pause();
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
  if (fixture.lookup) return lookUp(session, fixture, identities);
  if (insert.length > 0) {
    const records = insert.map((row) => identities.record(fixture, row));
    const columns = Object.keys(records[0] ?? {});
    await session.query(insertRows(fixture, columns), [JSON.stringify(records)]);
  }
  const bySet = Map.groupBy(update, ({ columns }) => columns.join());
  for (const changes of bySet.values()) await applyChanges(session, fixture, changes, identities);
}

async function applyChanges(
  session: Session,
  fixture: SeedTable,
  changes: readonly Change[],
  identities: Identities,
): Promise<void> {
  const records = changes.map(({ row, id }) => ({ ...identities.record(fixture, row), id }));
  const sql = updateRows(fixture, changes[0]?.columns ?? []);
  await session.query(sql, [JSON.stringify(records)]);
}

/** A trigger may have made these rows just now, when their parents were inserted. */
async function lookUp(session: Session, fixture: SeedTable, identities: Identities): Promise<void> {
  const found = await findFixture(session, fixture, identities);
  const missing = found.filter(([, match]) => !match).map(([row]) => row.name);
  if (missing.length === 0) return;
  throw new DbopsError({
    code: 'SEED.NO_PARENT',
    exitCode: exitCodes.failed,
    message: `Seeding failed, and nothing was changed: ${fixture.table} lacks rows that sign-up makes.`,
    reason: missing.map((name) => `${name} has none`),
    hint: 'Look for what is wrong with: dbops verify',
  });
}

const insufficientPrivilege = '42501';

function failed(table: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof DbopsError || !code || code === insufficientPrivilege) return error;
  return new DbopsError({
    code: 'SEED.FAILED',
    exitCode: exitCodes.failed,
    message: `Seeding ${table} failed; the transaction was rolled back and nothing was changed.`,
    reason: [`${error instanceof Error ? error.message : String(error)} (SQLSTATE ${code})`],
    hint: 'Correct what it names, then run dbops seed again.',
    cause: error,
  });
}
