import { relative } from 'node:path';
import * as z from 'zod';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { executionOf, splitParts } from '../sql/execution.ts';
import { readDirectives } from '../sql/directives.ts';
import { serverSays } from '../sql/error-position.ts';
import { lineOf } from '../sql/statements.ts';
import { replayOne, settingsOf } from './replay.ts';

/** Statements of a folder that do not run on an empty database and were skipped. */
export const skippedShape = z.object({
  /** Of the migration. */
  name: z.string(),
  /** `migrations/0003_prices.up.sql:4`; without the line where all of the file is left out. */
  place: z.string(),
  /** Why: the server's words, a line each. */
  reason: z.array(z.string()),
});
export type Skipped = z.infer<typeof skippedShape>;

/**
 * Replays a migration as far as it goes: a statement that fails is left out, and those after it
 * are run. Many folders hold a statement that only worked by hand, on a database with rows.
 */
export async function replayTolerantly(
  session: Session,
  migration: Migration,
  format: Format,
): Promise<Skipped[]> {
  const { name, up } = migration;
  const whole = (error: unknown): Skipped[] => {
    if (!(error instanceof DbopsError)) throw error;
    return [{ name, place: relative(process.cwd(), up.file), reason: [...error.reason] }];
  };
  const isStepwise = await stepwise(migration, format, session).catch(() => false);
  if (up.kind === 'module' || !isStepwise) {
    const failed = await replayOne(session, migration, format).then(() => undefined, whole);
    if (!failed) return [];
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
): Promise<Skipped[]> {
  if (up.kind === 'module') return [];
  await session.script(settingsOf(format));
  const skipped: Skipped[] = [];
  for (const { sql, offset } of await splitParts(up.sql)) {
    const error = await session.script(sql).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined) continue;
    await session.script('ROLLBACK');
    skipped.push({
      name,
      place: `${relative(process.cwd(), up.file)}:${lineOf(up.sql, offset)}`,
      reason: serverSays(error instanceof ScriptError ? error.cause : error),
    });
  }
  return skipped;
}
