import { isConnectionLoss } from '../db/connection-error.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format, LoadedModule } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import type { Direction, Migration } from '../migration.ts';
import {
  MigrationError,
  sendFile,
  sendModule,
  sendWhole,
  type Frame,
} from '../runner/send-migration.ts';
import { readDirectives } from '../sql/directives.ts';
import { offsetOfError } from '../sql/error-position.ts';
import { executionOf, splitParts, type ExecutionPlan } from '../sql/execution.ts';
import { doesNotPrepare, doesNotReplay, LostInReplay } from './replay-error.ts';
import { sourceOf } from '../text-file.ts';

/**
 * Runs migrations on an empty database, without locks, tracking rows and checkpoints.
 *
 * @param visit called with the number of migrations run so far, first with 0
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

/**
 * Creates the roles, schemas and extensions that the folder's platform provides, and the schemas
 * that the connection's `search_path` finds without a migration.
 */
export async function prepare(session: Session, { platform, connection }: Format): Promise<void> {
  const schemas = (connection?.schemas ?? []).map(
    (each) => `CREATE SCHEMA ${quoteIdentifier(each)}`,
  );
  if (!platform && schemas.length === 0) return;
  try {
    await session.script(['RESET ALL', platform?.prelude ?? '', ...schemas].join(';\n'));
  } catch (error) {
    throw isConnectionLoss(error) ? error : doesNotPrepare(error);
  }
}

/**
 * Runs one migration on a shadow in which those before it have been run. Leaves no transaction open
 * when it fails.
 *
 * @throws DbopsError naming the file that fails; LostInReplay when the connection was lost
 */
export async function replayOne(
  session: Session,
  migration: Migration,
  format: Format,
  direction: Direction = 'up',
): Promise<void> {
  const script = migration[direction];
  if (!script) throw new Error(`${migration.name} has no ${direction}`);
  const source = sourceOf(script);
  try {
    const directives = readDirectives(source, migration.name);
    await session.script(settingsOf(format));
    if (script.kind === 'module') {
      const module = await loadModule(format, script, direction);
      await replayModule(session, module, directives.noTransaction);
    } else {
      const file = { name: migration.name, script, directives };
      await replayFile(session, await executionOf(file, format, session.client), format);
    }
  } catch (error) {
    // A file may raise the SQLSTATE of a lost connection; only the connection itself shows whether it is.
    const isGone = await session.script('ROLLBACK').then(() => false, isConnectionLoss);
    if (isGone) throw new LostInReplay(migration.name, error);
    if (error instanceof DbopsError) throw error;
    throw await doesNotReplay({ migration, script, source, direction }, error, session.server.kind);
  }
}

/** Returns SQL that sets what the tool and the connection of the folder set: the search_path and other settings. */
export function settingsOf({ platform, searchPath, connection }: Format): string {
  const path = platform?.searchPath ?? (searchPath && quoteIdentifier(searchPath));
  const values = { ...(path !== undefined && { search_path: path }), ...connection?.values };
  const settings = Object.entries(values).map(([name, value]) => `SET ${name} TO ${value}`);
  return ['RESET ALL', ...settings].join('; ');
}

async function replayModule(
  session: Session,
  module: LoadedModule,
  noTransaction: boolean,
): Promise<void> {
  if (noTransaction || module.noTransaction) {
    await module.run(session, false);
    return;
  }
  // BEGIN is sent separately, because the statements of a module are recorded and repaired.
  await session.script('BEGIN');
  await sendModule(session, module, { begin: [], end: 'COMMIT' });
}

async function replayFile(
  session: Session,
  execution: ExecutionPlan,
  format: Format,
): Promise<void> {
  await sendFile(execution, format, {
    whole: (sql) =>
      sendWhole(session, sql, plainTransaction).catch(async (error: unknown) => {
        await session.script('ROLLBACK').catch(() => {}); // a lost session does not answer
        throw error;
      }),
    byStatement: (source) => replayStatements(session, source),
  });
}

const plainTransaction: Frame = { begin: ['BEGIN'], end: 'COMMIT' };

async function replayStatements(session: Session, source: string): Promise<void> {
  for (const { sql, offset } of await splitParts(source))
    await session.script(sql).catch((error: unknown) => {
      const cause = error instanceof ScriptError ? error.cause : error;
      const place = offset + (offsetOfError(cause, sql, 0) ?? 0);
      throw new MigrationError(cause, { sql: source, completed: 0, offset: place });
    });
}
