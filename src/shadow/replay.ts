import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteIdentifier } from '../db/quote.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError } from '../errors.ts';
import type { Format, LoadedModule, Prelude } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import type { Direction, Directives, Migration } from '../migration.ts';
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
import { splitStatements } from '../sql/statements.ts';
import { doesNotPrepare, doesNotReplay, LostInReplay, preludeFails } from './replay-error.ts';
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
 * Creates the roles, schemas and extensions that the folder's platform provides, runs the prelude of
 * the configuration, and creates the schemas that the connection's `search_path` finds without a migration.
 */
export async function prepare(session: Session, format: Format): Promise<void> {
  const { platform, prelude, connection } = format;
  const schemas = (connection?.schemas ?? []).map(
    (each) => `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(each)}`,
  );
  if (!platform && !prelude && schemas.length === 0) return;
  try {
    await session.script(['RESET ALL', platform?.prelude ?? ''].join(';\n'));
    if (prelude) await runPrelude(session, prelude);
    await session.script(schemas.join(';\n'));
  } catch (error) {
    throw isConnectionLoss(error) || error instanceof DbopsError ? error : doesNotPrepare(error);
  }
}

async function runPrelude(session: Session, { file, sql }: Prelude): Promise<void> {
  try {
    for (const statement of await splitStatements(sql))
      await session.script(statement.sql).catch((error: unknown) => {
        if (!(error instanceof ScriptError) || isConnectionLoss(error)) throw error;
        const { cause } = error;
        // Roles belong to the server, where an earlier shadow may have created them.
        const isRole = /^\s*create\s+(?:role|user|group)\b/i.test(statement.sql);
        if (isRole && codeOf(cause) === sqlstate.duplicateObject) return;
        throw preludeFails(file, sql, { cause, offset: statement.offset });
      });
  } catch (error) {
    if (error instanceof DbopsError || isConnectionLoss(error)) throw error;
    throw preludeFails(file, sql, { cause: error });
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
  const asked = { migration, format, direction, settings: settingsOf(format) };
  await sendInShadow(session, asked, {
    module: (module, noTransaction) => replayModule(session, module, noTransaction),
    file: (execution) => replayFile(session, execution, format),
  });
}

/** How the statements of a migration are sent to a shadow. */
export interface ShadowSenders {
  module(module: LoadedModule, noTransaction: boolean): Promise<void>;
  file(execution: ExecutionPlan): Promise<void>;
}

interface SentMigration {
  migration: Migration;
  format: Format;
  direction: Direction;
  /** SQL that is run before. */
  settings: string;
}

/** Does what `replayOne` does, and sends the statements with `senders`. @returns the directives of the migration */
export async function sendInShadow(
  session: Session,
  { migration, format, direction, settings }: SentMigration,
  senders: ShadowSenders,
): Promise<Directives> {
  const { name } = migration;
  const script = migration[direction];
  if (!script) throw new Error(`${name} has no ${direction}`);
  const source = sourceOf(script);
  try {
    const directives = readDirectives(source, name);
    await session.script(settings);
    if (script.kind === 'module') {
      const module = await loadModule(format, script, direction);
      await senders.module(module, directives.noTransaction);
    } else {
      await senders.file(await executionOf({ name, script, directives }, format, session.client));
    }
    return directives;
  } catch (error) {
    // A file may raise the SQLSTATE of a lost connection; only the connection itself shows whether it is.
    const isGone = await session.script('ROLLBACK').then(() => false, isConnectionLoss);
    if (isGone) throw new LostInReplay(name, error);
    if (error instanceof DbopsError) throw error;
    throw await doesNotReplay({ migration, script, source, direction }, error, session.server.kind);
  }
}

/**
 * Returns SQL that sets what the tool, the connection and the prelude of the folder set: the search_path
 * and other settings.
 */
export function settingsOf({ platform, searchPath, connection, prelude }: Format): string {
  const path = platform?.searchPath ?? (searchPath && quoteIdentifier(searchPath));
  const values = { ...(path !== undefined && { search_path: path }), ...connection?.values };
  const settings = Object.entries(values).map(([name, value]) => `SET ${name} TO ${value}`);
  return ['RESET ALL', ...settings, ...(prelude?.settings ?? [])].join('; ');
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
