import { codeOf, isConnectionLoss } from '../db/connection-error.ts';
import { quoteLiteral } from '../db/quote.ts';
import { readOnce, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import type { SchemaPiece } from '../ddl/writer/piece.ts';
import { statementsOfPieces } from '../ddl/writer/write.ts';
import { readLive, type DumpContext } from './sources.ts';
import { digest } from '../shadow/cache.ts';
import { offlineRequest } from '../shadow/offline-request.ts';
import { prefixKeys, withReplayer } from '../shadow/replay-cache-key.ts';
import { replaySourceOf } from '../shadow/replay-request.ts';
import { prepare, replay } from '../shadow/replay.ts';
import { withShadow } from '../shadow/shadow.ts';
import { upSourceOf } from '../text-file.ts';

export interface ObservationRequest {
  context: DumpContext;
  folder: Folder;
  /** In the order in which they were run. */
  applied: readonly Migration[];
  /** In the order in which they will run. */
  pending: readonly Migration[];
  /** Returns the objects that statements can affect; absent: all are copied. */
  concernedObjects?: (
    pieces: readonly SchemaPiece[],
    sql: string,
  ) => Promise<SchemaPiece[] | undefined>;
}

/** The content of a shadow before the pending migrations. */
export interface ShadowContent {
  /** A hash of all that the shadow and the pending migrations consist of. */
  key: string;
  /** Runs `work` in a new shadow. */
  inShadow<T>(work: (shadow: Session) => Promise<T>): Promise<T>;
}

/** What the pending migrations are observed on. */
export interface Basis extends ShadowContent {
  kind: 'schema of the database' | 'replay of the migrations';
  /** As the migrations are run. */
  format: Format;
  /** SQL of settings that the role has on the target database; may be empty. */
  settings: string;
  /** Of a large schema, the objects that the pending migrations can affect. */
  concerned?: ShadowContent;
}

/** Statements of a schema above which only the concerned objects are copied: the embedded engine runs about 1,000 a second. */
const largeSchema = 1_000;

/** Returns the basis that is a copy of the schema of a database, without its rows. */
export async function copyOf(
  { context, folder, pending, concernedObjects }: ObservationRequest,
  session: Session,
): Promise<Basis> {
  const wanted = await replaySourceOf(context, session, folder);
  const settings = await readSettings(session);
  const { statements, pieces, shadow, format } = await readLive(context, session, folder);
  const content = prefixKeys({ ...wanted, migrations: pending }).at(-1);
  const copy = (schema: readonly string[]): ShadowContent => ({
    key: digest([schema, content, settings]),
    inShadow: (work) =>
      withShadow(shadow, async (empty) => {
        context.progress.update('copying the schema into a shadow database');
        await prepare(empty, format);
        await restore(empty, schema);
        return work(empty);
      }),
  });
  const isLarge = statements.length > largeSchema && pending.every(({ up }) => up.kind === 'sql');
  const text = pending.map(upSourceOf).join(';\n');
  const concerned = isLarge ? await concernedObjects?.(pieces, text) : undefined;
  return {
    ...copy(statements),
    kind: 'schema of the database',
    format: wanted.format,
    settings,
    ...(concerned && { concerned: copy(statementsOfPieces(concerned)) }),
  };
}

/** Returns the basis that is a replay of the applied migrations. @param session of the database, if there is one */
export async function replayOf(
  { context, folder, applied, pending }: ObservationRequest,
  session?: Session,
): Promise<Basis> {
  const migrations = [...applied, ...pending];
  const source = session
    ? { ...(await replaySourceOf(context, session, folder)), migrations }
    : { ...(await offlineRequest(context, folder)), migrations };
  const settings = session ? await readSettings(session) : '';
  return {
    kind: 'replay of the migrations',
    format: source.format,
    settings,
    key: digest([prefixKeys(source).at(-1), applied.length, settings]),
    inShadow: (work) =>
      withReplayer(source, async (shadow) => {
        await replay(shadow, applied, source.format);
        return work(shadow);
      }),
  };
}

/** Returns settings of the role on which statements depend: a change of type to timestamptz rewrites unless it is UTC. */
async function readSettings(session: Session): Promise<string> {
  const [row] = await readOnce<{ zone: string }>(
    session,
    "SELECT pg_catalog.current_setting('TimeZone') AS zone",
  );
  return row ? `SET TimeZone TO ${quoteLiteral(row.zone)}` : '';
}

/** @throws DbopsError when an object cannot be created in the shadow */
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
    exitCode: exitCodes.failed,
    message: 'The schema of the database cannot be copied into a shadow database.',
    reason: [cause instanceof Error ? cause.message : String(cause), codeOf(cause)].filter(Boolean),
    hint: 'Pass a server that has the same extensions: --shadow-url postgres://…',
    cause,
  });
}
