import { columnsAhead, readFeeds, readPlaces, refedColumns, type Feed } from '../ddl/sequences.ts';
import { differencesOf, type Difference } from '../catalog/differences.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { fullSnapshot, objectName, fixedSettings } from '../catalog/snapshot.ts';
import { readAllRows } from '../db/row-security.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { RowGuard } from '../runner/step.ts';
import type { Rollback } from './rollback.ts';

/**
 * Verifies a proven rollback inside its own transaction in the live database: the changes there must
 * equal those in the shadow, because the live schema may have drifted from the folder's.
 *
 * @param inner the guard around the script itself
 */
export function verifying(rollback: Rollback, inner: RowGuard | undefined): RowGuard {
  return {
    async around(session, script, toPath) {
      const before = await look(session);
      const columns = { feeds: await readFeeds(session), places: await readPlaces(session) };
      if (inner) await inner.around(session, script, toPath);
      else await script();
      const strangers = strangersOf(rollback, await changesOf(before, await look(session)));
      if (strangers.length > 0) throw isDifferent(rollback, strangers);
      await refuseStaleSequences(session, rollback, columns);
    },
    before: async (session, toPath) => (await inner?.before(session, toPath)) ?? false,
    after: async (session) => inner?.after(session),
  };
}

/** A recreated sequence that restarts below numbers of its column: the next INSERT would fail. */
async function refuseStaleSequences(
  session: Session,
  { name, source }: Rollback,
  before: { feeds: readonly Feed[]; places: ReadonlySet<string> },
): Promise<void> {
  const refed = refedColumns(before, await readFeeds(session));
  await session.script(`SAVEPOINT dbops_ahead; ${readAllRows}`);
  const ahead = await columnsAhead(
    session,
    refed.map(({ feed }) => feed),
  );
  await session.script('ROLLBACK TO SAVEPOINT dbops_ahead; RELEASE SAVEPOINT dbops_ahead');
  if (ahead.length === 0) return;
  throw new DbopsError({
    code: 'ROLLBACK.SEQUENCE',
    exitCode: exitCodes.failed,
    message: `The rollback of ${name} creates sequences that start below values in their columns; it was rolled back, and the database is unchanged.`,
    reason: ahead.map((column) => `${column} holds values that its sequence has yet to return`),
    hint:
      source === 'file'
        ? "Add to the down migration: SELECT setval('SEQUENCE', (SELECT max(COLUMN) FROM TABLE))"
        : 'Write a down migration that sets the sequences: dbops migrate down --write',
  });
}

/** Reads the catalog inside the caller's transaction without changing its settings. */
async function look(session: Session): Promise<SchemaObject[]> {
  await session.script(`SAVEPOINT dbops_look; ${fixedSettings}`);
  const objects = await fullSnapshot(session);
  await session.script('ROLLBACK TO SAVEPOINT dbops_look; RELEASE SAVEPOINT dbops_look');
  return objects;
}

/** Ignores definitions: PostgreSQL prints an expression differently after a change of type. */
function changesOf(before: SchemaObject[], after: SchemaObject[]): Promise<Difference[]> {
  const areSame = async (doubts: readonly unknown[]) => doubts.map(() => true);
  return differencesOf(after, before, areSame, { all: true });
}

/** Returns the changes that happened in only one of the two databases. */
function strangersOf({ changes }: Rollback, here: readonly Difference[]): string[] {
  const expected = new Set(changes.map(keyOf));
  const found = new Set(here.map(keyOf));
  const certain = changes.filter(({ change }) => change !== 'different');
  return [
    ...here
      .filter((one) => !expected.has(keyOf(one)))
      .map((one) => `only in this database: ${wordsOf(one)}`),
    ...certain
      .filter((one) => !found.has(keyOf(one)))
      .map((one) => `only in the shadow database: ${wordsOf(one)}`),
  ];
}

function keyOf({ change, object }: Difference): string {
  return `${change} ${object.kind} ${objectName(object)}`;
}

const words = { extra: 'dropped', missing: 'created', different: 'altered' };

function wordsOf({ change, object }: Difference): string {
  return `${object.kind} ${objectName(object)} ${words[change]}`;
}

function isDifferent({ name }: Rollback, strangers: string[]): DbopsError {
  return new DbopsError({
    code: 'ROLLBACK.DIFFERENT',
    exitCode: exitCodes.failed,
    message: `The rollback of ${name} changed the database differently from the shadow database. It was rolled back; the database is unchanged.`,
    reason: strangers,
    hint: 'The schema has drifted from the migrations. To see how: dbops verify schema',
  });
}
