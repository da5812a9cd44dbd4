import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import * as z from 'zod';
import { sqlstate } from '../db/sqlstate.ts';
import { messageOf, usageError } from '../errors.ts';
import { chosenId, hasChosenId, Identities } from './identities.ts';
import { planTable, type Match, type TablePlan } from './plan.ts';
import type { SeedRow, SeedTable } from './definition.ts';
import { findRows } from './sql.ts';

/** The plan of each table, and the ids of all fixture rows. */
export interface SeedPlan {
  tables: TablePlan[];
  identities: Identities;
}

/**
 * Plans each table, parents before children: the children of a reused row are found by its id.
 *
 * @throws usage error when a table or column is missing
 */
export async function readPlan(
  session: Session,
  fixtures: readonly SeedTable[],
  { reset }: { reset: boolean },
): Promise<SeedPlan> {
  const identities = new Identities();
  const tables: TablePlan[] = [];
  for (const fixture of fixtures) {
    const found = await findFixture(session, fixture, identities);
    tables.push(planTable(fixture, fixture.createdByTrigger ? [] : found, reset));
  }
  return { tables, identities };
}

/** Finds the rows of a fixture in the database and records their ids. */
export async function findFixture(
  session: Session,
  fixture: SeedTable,
  identities: Identities,
): Promise<[SeedRow, Match | undefined][]> {
  const rows = fixture.rows.filter(
    (row) => !fixture.skipForReusedRows || identities.refersToSeededRows(row),
  );
  const records = rows.map((row) => identities.record(fixture, row));
  const columns = Object.keys(rows[0]?.values ?? {}).filter((column) => column !== 'id');
  const foundRows = await query(session, fixture, findRows(fixture, columns), records);
  const byRow = new Map(foundRows.map(({ n, ...found }) => [n - 1, found]));
  return rows.map((row, index) => {
    const found = byRow.get(index);
    const match = found && { ...found, isSeeded: isSeeded(fixture, row, found.id, identities) };
    const id = match?.id ?? chosenId(fixture, row);
    identities.set(fixture.table, row.name, {
      id,
      isSeeded: match?.isSeeded ?? !fixture.createdByTrigger,
    });
    return [row, match];
  });
}

function isSeeded(fixture: SeedTable, row: SeedRow, id: string | null, identities: Identities) {
  if (hasChosenId(fixture)) return id === chosenId(fixture, row);
  // Otherwise the key contains the seed's mark, or the row belongs to seeded rows.
  return fixture.identity === 'generated' || identities.refersToSeededRows(row);
}

/** The result of `findRows`. */
const foundRowsSchema = z.array(
  z.object({ n: z.number(), id: z.string().nullable(), differing: z.array(z.string()) }),
);

const undefinedObject = new Set<string>([
  sqlstate.undefinedTable,
  sqlstate.undefinedColumn,
  sqlstate.undefinedObject,
]);

async function query(
  session: Session,
  { table }: SeedTable,
  sql: string,
  records: object[],
): Promise<z.infer<typeof foundRowsSchema>> {
  try {
    return foundRowsSchema.parse(await session.query(sql, [JSON.stringify(records)]));
  } catch (error) {
    if (!undefinedObject.has(codeOf(error))) throw error;
    throw usageError(
      'SEED.NOT_MIGRATED',
      `Table ${table} does not match the seed's schema; nothing was changed.`,
      'Apply the migrations: dbops migrate up',
      [messageOf(error)],
    );
  }
}
