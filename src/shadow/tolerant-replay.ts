import { relative } from 'node:path';
import type { DatabaseError } from 'pg';
import * as z from 'zod';
import { ScriptError, type Session } from '../db/session.ts';
import { isSqlState } from '../db/sqlstate.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { executionOf, splitParts } from '../sql/execution.ts';
import { readDirectives } from '../sql/directives.ts';
import { serverSays } from '../sql/error-position.ts';
import { lineOf } from '../sql/statements.ts';
import { isFaultOfFolder } from './replay-error.ts';
import { replayOne, settingsOf } from './replay.ts';

/** A statement of a folder that fails on an empty database, and was skipped. */
export const skippedShape = z.object({
  /** The name of the migration. */
  name: z.string(),
  /** `migrations/0003_prices.up.sql:4`; without the line where the whole file is skipped. */
  place: z.string(),
  /** The server's message, one entry a line. */
  reason: z.array(z.string()),
});
export type Skipped = z.infer<typeof skippedShape>;

/** How far a migration went. */
export interface TolerantReplay {
  skipped: Skipped[];
  /** Whether the same files fail in the same way on the same engine, whatever else is installed. */
  isRepeatable: boolean;
}

/**
 * Replays a migration as far as possible: a statement that fails is skipped, and later ones run.
 * Many folders contain a statement that only worked on a database with rows.
 */
export async function replayTolerantly(
  session: Session,
  migration: Migration,
  format: Format,
): Promise<TolerantReplay> {
  const { name, up } = migration;
  const whole = (error: unknown): TolerantReplay => {
    if (!isFaultOfFolder(error)) throw error;
    const reason = error.reason.length > 0 ? [...error.reason] : [error.message];
    const skipped = [{ name, place: relative(process.cwd(), up.file), reason }];
    return { skipped, isRepeatable: followsFromFiles(error) };
  };
  const isStepwise = await stepwise(migration, format, session).catch(() => false);
  if (up.kind === 'module' || !isStepwise) {
    const failed = await replayOne(session, migration, format).then(() => undefined, whole);
    if (!failed) return { skipped: [], isRepeatable: true };
    await session.script('ROLLBACK');
    if (up.kind === 'module') return failed;
  }
  return replayParts(session, migration, format).catch(whole);
}

async function stepwise({ name, up }: Migration, format: Format, { client }: Session) {
  if (up.kind === 'module') return false;
  const file = { name, script: up, directives: readDirectives(up.sql, name) };
  return (await executionOf(file, format, client)).isStepwise;
}

async function replayParts(
  session: Session,
  { name, up }: Migration,
  format: Format,
): Promise<TolerantReplay> {
  const skipped: Skipped[] = [];
  let isRepeatable = true;
  if (up.kind === 'module') return { skipped, isRepeatable };
  await session.script(settingsOf(format));
  for (const { sql, offset } of await splitParts(up.sql)) {
    const error = await session.script(sql).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined) continue;
    await session.script('ROLLBACK');
    isRepeatable &&= followsFromFiles(error);
    skipped.push({
      name,
      place: `${relative(process.cwd(), up.file)}:${lineOf(up.sql, offset)}`,
      reason: serverSays(error instanceof ScriptError ? error.cause : error),
    });
  }
  return { skipped, isRepeatable };
}

/** Functions of the server that report what is not installed, by their name in its sources. */
const lookups = new Set([
  'parse_extension_control_file',
  'get_role_oid',
  'get_rolespec_oid',
  'get_rolespec_tuple',
  'get_tablespace_oid',
]);

/** Classes of errors that come from the server's state: resources, operators, system, configuration. */
const ofServer = /^(?:08|42501|53|55|57|58|F0|XX)/;

/**
 * Whether an error follows from the files. That a module cannot be loaded depends on the packages
 * that are installed, and some of the server's errors on extensions and roles.
 */
function followsFromFiles(error: unknown): boolean {
  const { code, routine = '' } = serverErrorOf(error) ?? {};
  return code !== undefined && !ofServer.test(code) && !lookups.has(routine);
}

/** The error of the server that is the error or its cause, in however many steps. */
function serverErrorOf(error: unknown): Partial<DatabaseError> | undefined {
  const { code, cause } = (error ?? {}) as Partial<DatabaseError>;
  if (isSqlState(code)) return error as Partial<DatabaseError>;
  return cause === undefined ? undefined : serverErrorOf(cause);
}
