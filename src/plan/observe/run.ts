import * as z from 'zod';
import { isConnectionLoss, codeOf } from '../../db/connection-error.ts';
import { quoteLiteral } from '../../db/quote.ts';
import { readOnce, type Session } from '../../db/session.ts';
import { DbopsError } from '../../errors.ts';
import type { Folder, Format } from '../../formats/format.ts';
import type { Migration } from '../../migration.ts';
import { readLive, type DumpContext } from '../../schema-dump/sources.ts';
import { openCache, digest } from '../../shadow/cache.ts';
import { offlineRequest } from '../../shadow/offline-request.ts';
import { prefixKeys, withReplayer, type Wanted } from '../../shadow/replay-cache-key.ts';
import { isFaultOfFolder } from '../../shadow/replay-error.ts';
import { replaySourceOf } from '../../shadow/replay-request.ts';
import { prepare, replay } from '../../shadow/replay.ts';
import { withShadow } from '../../shadow/shadow.ts';
import type { MigrationObservation } from '../observation.ts';
import { observeMigration } from './observe-migration.ts';
import { observerOf } from './observer.ts';

export interface ObservationRequest {
  context: DumpContext;
  folder: Folder;
  /** In the order in which they were run. */
  applied: readonly Migration[];
  /** In the order in which they will run. */
  pending: readonly Migration[];
}

/** What pending migrations did in a shadow. */
export interface Observations {
  migrations: MigrationObservation[];
  /** What the shadow was before them: the schema of the database, or a replay of the applied migrations. */
  basis: 'schema of the database' | 'replay of the migrations';
  /** Why it was not the schema of the database. */
  reason?: string;
}

/** Version of the cached values; incremented when their shape or meaning changes. */
const generation = 1;

/** The cache holds what this version of dbops wrote: its shape is in the key. */
const cachedShape = z.array(z.custom<MigrationObservation>((value) => typeof value === 'object'));

/**
 * Runs pending migrations on a copy of the schema of the database, and returns what their statements did.
 * A schema that cannot be copied is replaced by a replay of the applied migrations.
 *
 * @throws DbopsError naming the migration that fails on both
 */
export async function observePending(
  request: ObservationRequest,
  session: Session,
): Promise<Observations> {
  const { context, folder, pending } = request;
  const source = await replaySourceOf(context, session, folder);
  const settings = await readSettings(session);
  try {
    const migrations = await observeOnCopy(request, session, source, settings);
    return { migrations, basis: 'schema of the database' };
  } catch (error) {
    if (!(error instanceof DbopsError) || context.signal.aborted) throw error;
    const own = () => observeOnReplay({ ...source, migrations: pending }, request, settings);
    const migrations = await own().catch((second: unknown) => {
      throw second instanceof DbopsError && isFaultOfFolder(second) ? error : second;
    });
    return { migrations, basis: 'replay of the migrations', reason: error.message };
  }
}

/** As `observePending`, without a database: the applied migrations are replayed. */
export async function observeOffline(request: ObservationRequest): Promise<Observations> {
  const wanted = await offlineRequest(request.context, request.folder);
  const migrations = await observeOnReplay(wanted, request, '');
  return { migrations, basis: 'replay of the migrations' };
}

/** Returns settings of the role on which statements depend: a change of type to timestamptz rewrites unless it is UTC. */
async function readSettings(session: Session): Promise<string> {
  const [row] = await readOnce<{ zone: string }>(
    session,
    "SELECT pg_catalog.current_setting('TimeZone') AS zone",
  );
  return row ? `SET TimeZone TO ${quoteLiteral(row.zone)}` : '';
}

async function observeOnCopy(
  { context, folder, pending }: ObservationRequest,
  session: Session,
  wanted: Omit<Wanted, 'migrations'>,
  settings: string,
): Promise<MigrationObservation[]> {
  const { statements, shadow, format } = await readLive(context, session, folder);
  const content = prefixKeys({ ...wanted, migrations: pending }).at(-1);
  const key = digest(['observed', generation, statements, content, settings]);
  return cached(context, key, () =>
    withShadow(shadow, async (copy) => {
      context.progress.update('copying the schema into a shadow database');
      await prepare(copy, format);
      await restore(copy, statements);
      return observeAll(copy, { context, pending, format, settings });
    }),
  );
}

/** @throws ScriptError-based DbopsError when an object cannot be created in the shadow */
async function restore(copy: Session, all: readonly string[]): Promise<void> {
  const isRefresh = (sql: string) => sql.startsWith('REFRESH ');
  const statements = all.filter((sql) => !isRefresh(sql));
  const text = ['BEGIN', 'RESET ALL', 'SET LOCAL check_function_bodies = off', ...statements];
  try {
    await copy.script(`${text.join(';\n')};\nCOMMIT`);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    throw cannotCopy(error);
  }
  for (const sql of all.filter(isRefresh)) await copy.script(sql).catch(() => {});
}

function cannotCopy(cause: unknown): DbopsError {
  return new DbopsError({
    code: 'SHADOW.LIVE_COPY',
    exitCode: 1,
    message: 'The schema of the database cannot be copied into a shadow database.',
    reason: [cause instanceof Error ? cause.message : String(cause), codeOf(cause)].filter(Boolean),
    hint: 'Pass a server that has the same extensions: --shadow-url postgres://…',
    cause,
  });
}

async function observeOnReplay(
  wanted: Wanted,
  { context, applied, pending, folder }: ObservationRequest,
  settings: string,
): Promise<MigrationObservation[]> {
  const all = { ...wanted, migrations: [...applied, ...pending] };
  const key = digest(['observed', generation, prefixKeys(all).at(-1), applied.length, settings]);
  return cached(context, key, () =>
    withReplayer(all, async (shadow) => {
      await replay(shadow, applied, folder.format);
      return observeAll(shadow, { context, pending, format: wanted.format, settings });
    }),
  );
}

interface Running {
  context: Pick<DumpContext, 'progress'>;
  pending: readonly Migration[];
  format: Format;
  settings: string;
}

async function observeAll(
  shadow: Session,
  { context, pending, format, settings }: Running,
): Promise<MigrationObservation[]> {
  const observer = await observerOf(shadow);
  const found: MigrationObservation[] = [];
  for (const [at, migration] of pending.entries()) {
    context.progress.update(`observing ${migration.name} (${at + 1} of ${pending.length})`);
    found.push(await observeMigration({ shadow, observer, settings }, migration, format));
  }
  return found;
}

async function cached(
  { settings }: DumpContext,
  key: string,
  observe: () => Promise<MigrationObservation[]>,
): Promise<MigrationObservation[]> {
  const cache = openCache(settings.environment);
  const known = cache.read(key, cachedShape);
  if (known) return known;
  const found = await observe();
  cache.write(key, found);
  return found;
}
