import { readFileSync } from 'node:fs';
import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { transaction, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format, LoadedModule } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import type { Direction, Migration } from '../migration.ts';
import { readDirectives } from '../sql/directives.ts';
import { executionOf, needsCommits, splitParts, type Execution } from '../sql/execution.ts';
import { doesNotPrepare, doesNotReplay } from './replay-error.ts';
import { LostInReplay, PlacedError, placeInFile, placeInStatement } from './replay-failure.ts';

/**
 * Runs migrations on an empty database, where there is nobody to be kind to: no locks, no
 * tracking rows, no checkpoints.
 *
 * @param visit called after so many of them; with 0 for what the platform has from the start
 * @throws DbopsError naming the migration that does not replay
 */
export async function replay(
  session: Session,
  migrations: readonly Migration[],
  format: Format,
  visit: (length: number) => Promise<void> = async () => {},
): Promise<void> {
  await prepare(session, format);
  await visit(0);
  for (const [at, migration] of migrations.entries()) {
    await replayOne(session, migration, format);
    await visit(at + 1);
  }
}

/** Makes an empty database what a new one of the folder's platform is. */
export async function prepare(session: Session, { platform }: Format): Promise<void> {
  if (!platform) return;
  try {
    await session.script(platform.prelude);
  } catch (error) {
    throw isConnectionLoss(error) ? error : doesNotPrepare(error);
  }
}

/**
 * Runs one migration, where those before it have been run. A failed one leaves no transaction open.
 *
 * @throws DbopsError naming the file that does not run; LostInReplay when the database went away
 */
export async function replayOne(
  session: Session,
  migration: Migration,
  format: Format,
  direction: Direction = 'up',
): Promise<void> {
  const script = migration[direction];
  if (!script) throw new Error(`${migration.name} has no ${direction}`);
  const source = script.kind === 'sql' ? script.sql : readFileSync(script.file, 'utf8');
  try {
    const directives = readDirectives(source, migration.name);
    await session.script(`RESET ALL; ${settingsOf(format)}`);
    if (script.kind === 'module')
      await runModule(
        session,
        await loadModule(format, script, direction),
        directives.noTransaction,
      );
    else {
      const file = { name: migration.name, script, directives };
      await runSql(session, await executionOf(file, format, session.client), format);
    }
  } catch (error) {
    // A file may raise the SQLSTATE of a lost connection; only the connection itself shows whether it is.
    const isGone = await session.script('ROLLBACK').then(() => false, isConnectionLoss);
    if (isGone) throw new LostInReplay(migration.name, error);
    throw error instanceof DbopsError
      ? error
      : doesNotReplay({ migration, script, source, direction }, error, session.server.kind);
  }
}

function settingsOf({ platform, searchPath }: Format): string {
  const path =
    searchPath === undefined ? '' : `SET search_path TO ${quoteIdentifier(searchPath)}; `;
  return `${path}${platform?.settings ?? ''}`;
}

async function runModule(session: Session, module: LoadedModule, asked: boolean): Promise<void> {
  if (asked || module.noTransaction) await module.run(session, false);
  else await transaction(session, () => module.run(session, true));
}

/** As the runner of the live database does (`migrate/file.ts`). */
async function runSql(
  session: Session,
  { sql, source, isStepwise }: Execution,
  { needsDirective }: Format,
): Promise<void> {
  if (isStepwise) return runParts(session, source);
  try {
    await runFile(session, sql);
  } catch (error) {
    const reason = error instanceof PlacedError ? codeOf(error.cause) : '';
    if (needsDirective || !needsCommits.has(reason)) throw error;
    await session.script('ROLLBACK');
    await runParts(session, source);
  }
}

async function runFile(session: Session, source: string): Promise<void> {
  const prefix = { text: 'BEGIN; ', statements: 1 };
  try {
    await session.script(`${prefix.text}${source}\n; COMMIT`);
  } catch (error) {
    throw await placeInFile(error, source, prefix);
  }
}

async function runParts(session: Session, source: string): Promise<void> {
  for (const part of await splitParts(source))
    await session.script(part.sql).catch((error: unknown) => {
      throw placeInStatement(error, part);
    });
}
