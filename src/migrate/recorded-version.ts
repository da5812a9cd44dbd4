import { readLabel } from '../db/meta.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { Context } from '../context.ts';
import { changedMigration, type Migration } from '../migration.ts';
import { readRows } from '../repair/read.ts';
import { matchRows } from '../repair/rows.ts';
import { effectInCatalog, type LiveTable } from '../rollback/recorded-effect.ts';
import type { MigrationStatus } from '../runner/tracking-state.ts';
import { editOf } from '../sql/edit-diff.ts';
import { readInAnyEncoding, sourceOf } from '../text-file.ts';
import { rollbackSource } from './find-down.ts';
import type { RecordedVersion } from './plan.ts';

export interface RecordedRequest {
  context: Context;
  session: Session;
  folder: Folder;
  statuses: readonly MigrationStatus[];
}

/**
 * Returns the version of an edited migration that was applied, from git or else from the schema of the
 * database; undefined on a protected database.
 *
 * @param edited the newest applied migration; no older one was edited
 */
export async function recordedVersionOf(
  asked: RecordedRequest,
  { migration: current, recordedHash }: MigrationStatus,
): Promise<RecordedVersion | undefined> {
  const { context, session } = asked;
  if (!current || recordedHash === null) return undefined;
  const { name, isProtected } = await readLabel(session);
  if (isProtected || name === 'production') return undefined;
  const found = await fromGit(asked, current, recordedHash);
  const sql = found?.text ?? (await fromCatalog(asked, current));
  context.note(
    `${current.name} was edited after it was applied; the version to roll back comes from ${found ? `git (${found.from})` : 'the schema of the database'}`,
  );
  const up = { kind: 'sql' as const, file: current.up.file, sql };
  const own = { up, hash: recordedHash, down: undefined, otherHashes: undefined };
  return { current, former: changedMigration(current, own) };
}

/** A file with several sections is not the text of one migration. */
async function fromGit(
  { folder }: RecordedRequest,
  current: Migration,
  recordedHash: string,
): Promise<{ text: string; from: string } | undefined> {
  const { hashOf } = folder.format;
  if (!hashOf || current.up.kind !== 'sql') return undefined;
  const whole = readInAnyEncoding(current.up.file);
  if (whole.replace(/^\uFEFF/, '') !== sourceOf(current.up)) return undefined;
  const edit = await editOf(current, recordedHash, hashOf);
  if (edit.kind === 'white-space') return { text: whole, from: 'the file' };
  const from = edit.commit?.slice(0, 12);
  return edit.text !== undefined && from ? { text: edit.text, from } : undefined;
}

async function fromCatalog(
  { context, session, folder, statuses }: RecordedRequest,
  current: Migration,
): Promise<string> {
  const before = statuses.flatMap(({ state, migration }) =>
    state === 'applied' && migration ? [migration] : [],
  );
  const { readLive, ...source } = await rollbackSource(context, session, folder);
  return effectInCatalog({
    ...source,
    migrations: [...before, current],
    before,
    live: await readLive(),
    strangers: await strangersTo(session, folder, current),
  });
}

/**
 * Returns the tables that neither the text of a migration names nor its transaction created: a
 * migration that runs in one transaction writes its tables and its tracking row under one `xmin`.
 */
async function strangersTo(
  session: Session,
  folder: Folder,
  migration: Migration,
): Promise<LiveTable[]> {
  const form = folder.tracking.rows;
  const { owners } = matchRows((await readRows(session, form)) ?? [], folder.migrations, form);
  const place = owners.get(migration)?.place ?? '(0,0)';
  const tables = await session.query<LiveTable>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM ${form.table} t
          WHERE t.ctid = ${quoteLiteral(place)}::tid AND t.xmin::text = c.xmin::text)`,
  );
  const text = sourceOf(migration.up).toLowerCase();
  return tables.filter(({ name }) => !text.includes(name.toLowerCase()));
}
