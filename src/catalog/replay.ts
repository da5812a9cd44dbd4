import { readFileSync } from 'node:fs';
import { transaction, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Format, LoadedModule } from '../formats/format.ts';
import { loadModule } from '../formats/load-module.ts';
import type { Migration } from '../migration.ts';
import { readDirectives } from '../sql/directives.ts';
import { splitStatements } from '../sql/statements.ts';
import { doesNotReplay, placeInFile, placeInStatement } from './replay-failure.ts';

/** A replayed migration, and the first transaction id that is no longer its own. */
export interface Replayed {
  name: string;
  endXid: bigint;
}

/**
 * Runs migrations on an empty database, where there is nobody to be kind to: no locks, no
 * tracking rows, no checkpoints.
 *
 * @throws DbopsError naming the migration that does not replay
 */
export async function replay(
  session: Session,
  migrations: readonly Migration[],
  format: Format,
): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  for (const migration of migrations) {
    await runMigration(session, migration, format);
    const [row] = await session.query<{ xid: bigint }>(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid',
    );
    replayed.push({ name: migration.name, endXid: row?.xid ?? 0n });
  }
  return replayed;
}

async function runMigration(session: Session, migration: Migration, format: Format): Promise<void> {
  const { name, up } = migration;
  const source = up.kind === 'sql' ? up.sql : readFileSync(up.file, 'utf8');
  try {
    const { noTransaction } = readDirectives(source, name);
    await session.script('RESET ALL');
    if (up.kind === 'module')
      await runModule(session, await loadModule(format, up, 'up'), noTransaction);
    else if (noTransaction) await runStatements(session, source);
    else await runFile(session, source);
  } catch (error) {
    throw error instanceof DbopsError ? error : doesNotReplay(migration, source, error);
  }
}

async function runModule(session: Session, module: LoadedModule, asked: boolean): Promise<void> {
  if (asked || module.noTransaction) await module.run(session, false);
  else await transaction(session, () => module.run(session, true));
}

async function runFile(session: Session, source: string): Promise<void> {
  const prefix = { text: 'BEGIN; ', statements: 1 };
  try {
    await session.script(`${prefix.text}${source}\n; COMMIT`);
  } catch (error) {
    throw await placeInFile(error, source, prefix);
  }
}

async function runStatements(session: Session, source: string): Promise<void> {
  for (const statement of await splitStatements(source))
    await session.script(statement.sql).catch((error: unknown) => {
      throw placeInStatement(error, statement);
    });
}
