import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { chooses, chosenId, Identities } from './identities.ts';
import { planTable, type Match, type TablePlan } from './plan.ts';
import type { SeedRow, SeedTable } from './definition.ts';
import { findRows } from './sql.ts';

/** What a seed would do, and the ids that its rows have or get. */
export interface SeedPlan {
  tables: TablePlan[];
  identities: Identities;
}

/**
 * Reads the rows that the fixtures speak of and plans each table, parents before children: the
 * children of an adopted row are looked for under its id.
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
    tables.push(planTable(fixture, fixture.lookup ? [] : found, reset));
  }
  return { tables, identities };
}

/** Pairs the rows of a fixture with those of the database and remembers whose ids are whose. */
export async function findFixture(
  session: Session,
  fixture: SeedTable,
  identities: Identities,
): Promise<[SeedRow, Match | undefined][]> {
  const rows = fixture.rows.filter((row) => !fixture.onlyOurs || identities.refersToOurs(row));
  const records = rows.map((row) => identities.record(fixture, row));
  const columns = Object.keys(rows[0]?.values ?? {}).filter((column) => column !== 'id');
  const answers = await query(session, fixture, findRows(fixture, columns), records);
  const byRow = new Map(answers.map(({ n, ...answer }) => [n - 1, answer]));
  return rows.map((row, index) => {
    const answer = byRow.get(index);
    const match = answer && { ...answer, ours: isOurs(fixture, row, answer.id, identities) };
    const id = match?.id ?? chosenId(fixture, row);
    identities.set(fixture.table, row.name, { id, ours: match?.ours ?? !fixture.lookup });
    return [row, match];
  });
}

function isOurs(fixture: SeedTable, row: SeedRow, id: string | null, identities: Identities) {
  if (chooses(fixture)) return id === chosenId(fixture, row);
  // Without an id of ours: the key holds our mark, or the row belongs to rows that are ours.
  return fixture.identity === 'generated' || identities.refersToOurs(row);
}

interface Answer extends Record<string, unknown> {
  n: number;
  id: string | null;
  differing: string[];
}

async function query(
  session: Session,
  { table }: SeedTable,
  sql: string,
  records: object[],
): Promise<Answer[]> {
  try {
    return await session.query<Answer>(sql, [JSON.stringify(records)]);
  } catch (error) {
    const notThere = ['42P01', '42703', '42704']; // undefined table, column, type
    if (!notThere.includes(codeOf(error))) throw error;
    throw usageError(
      'SEED.NOT_MIGRATED',
      `${table} is not what the seed expects; nothing was changed.`,
      'Apply the migrations first: dbops migrate up',
      [error instanceof Error ? error.message : String(error)],
    );
  }
}
