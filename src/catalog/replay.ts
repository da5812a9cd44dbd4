import { readFileSync } from 'node:fs';
import { kyselyOf } from '../db/kysely.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { loadMigrate } from '../formats/kysely-module.ts';
import type { Migration, Script } from '../migration.ts';
import { readDirectives } from '../sql/directives.ts';
import { splitStatements } from '../sql/statements.ts';

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
): Promise<Replayed[]> {
  const replayed: Replayed[] = [];
  for (const { name, up } of migrations) {
    try {
      await runScript(session, up, name);
    } catch (cause) {
      throw doesNotReplay(name, up, cause);
    }
    const [row] = await session.query<{ xid: bigint }>(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xid',
    );
    replayed.push({ name, endXid: row?.xid ?? 0n });
  }
  return replayed;
}

async function runScript(session: Session, script: Script, name: string): Promise<void> {
  const source =
    script.kind === 'sql' ? script.sql.replace(/^\uFEFF/, '') : readFileSync(script.file, 'utf8');
  const { noTransaction } = readDirectives(source, name);
  await session.script('RESET ALL');
  if (script.kind === 'module') {
    const up = await loadMigrate(script.file, 'up');
    const db = kyselyOf<unknown>(session);
    await (noTransaction ? up(db) : db.transaction().execute(up));
  } else if (noTransaction)
    for (const { sql } of await splitStatements(source)) await session.script(sql);
  else await session.script(`BEGIN; ${source}\n; COMMIT`);
}

function doesNotReplay(name: string, { file }: Script, cause: unknown): DbopsError {
  if (cause instanceof DbopsError) return cause;
  return new DbopsError({
    code: 'SHADOW.REPLAY',
    exitCode: exitCodes.failed,
    message: `${name} does not run on an empty database, so the expected schema is not known.`,
    reason: [file, cause instanceof Error ? cause.message : String(cause)],
    hint: 'Correct the migration, or replay on a real server (extensions, versions) with --shadow-url postgres://…',
    cause,
  });
}
