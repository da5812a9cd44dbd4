import { relative } from 'node:path';
import type { Session } from '../db/session.ts';
import { describeTarget } from '../db/target.ts';
import { usageError, type DbopsError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { trackingColumns } from '../formats/index.ts';
import { formatCount } from '../output/number.ts';
import { underLocks, type Guarded } from './run.ts';

/**
 * Asks whether to apply a folder to a database that has tables but no tracking table: the database may
 * be another one than intended, or the tables may have been created by these migrations.
 *
 * @throws usage error without a terminal, or when the answer is no
 */
export async function agreeToExistingTables(request: Guarded): Promise<void> {
  const { context, session, folder } = request;
  if ((await existingTables(request)).length === 0) return;
  // Another run may have created them: it records its first migration before it ends.
  const tables = await underLocks(request, async () =>
    (await hasCheckpoints(session, folder)) ? [] : existingTables(request),
  );
  if (tables.length === 0) return;
  const question = `${holding(session, tables)}. Apply all migrations beside them?`;
  const isAgreed = await context.choose(question, [
    { name: 'No, change nothing', value: false },
    { name: 'Yes, apply them', value: true },
  ]);
  if (!isAgreed) throw refusal(session, tables, folder);
}

/** Returns the tables of applications, as `schema.table`; none where the tracking table exists. */
async function existingTables({ context, session, folder }: Guarded): Promise<string[]> {
  const { tracking, format } = folder;
  const tables = await session.query<{ schema: string; name: string; isOfTool: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS name,
         format('%s.%s', n.nspname, c.relname) = ANY ($1) AS "isOfTool"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND NOT c.relispartition
        AND (n.nspname !~ '^(pg_|dbops$|dbops_|information_schema$)'
             OR format('%s.%s', n.nspname, c.relname) = ANY ($1))
        AND NOT EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        AND (format('%s.%s', n.nspname, c.relname) = ANY ($1) OR coalesce((
          SELECT string_agg(attname::text, ' ' ORDER BY attname::text COLLATE "C") FROM pg_attribute
           WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '') <> ALL ($2))
      ORDER BY 1, 2`,
    [tracking.tables, [...trackingColumns]],
  );
  if (tables.length === 0 || tables.some(({ isOfTool }) => isOfTool)) return [];
  // Loaded here because most databases have no tables then.
  const [{ platformSchemas }, { isIgnored }] = await Promise.all([
    import('../shadow/surroundings.ts'),
    import('../catalog/ignored.ts'),
  ]);
  const platform = await platformSchemas(session, format);
  return tables
    .filter(({ schema }) => !platform.includes(schema))
    .filter((table) => !isIgnored({ kind: 'table', parent: '', ...table }, context.settings.scope))
    .map(({ schema, name }) => `${schema}.${name}`);
}

/** An interrupted first run outside a transaction has committed tables, and recorded its progress. */
async function hasCheckpoints(session: Session, { tracking }: Folder): Promise<boolean> {
  const [table] = await session.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'dbops' AND c.relname = 'checkpoints'`,
  );
  if (!table) return false;
  const sql = 'SELECT FROM dbops.checkpoints WHERE tracking = $1 LIMIT 1';
  return (await session.query(sql, [tracking.table])).length > 0;
}

function holding(session: Session, tables: readonly string[]): string {
  const count = tables.length === 1 ? 'a table' : `${formatCount(tables.length)} tables`;
  return `${describeTarget(session.target)} has ${count} and no record of migrations`;
}

const listed = 5;

function refusal(
  session: Session,
  tables: readonly string[],
  { directory }: Pick<Folder, 'directory'>,
): DbopsError {
  const shown = relative(process.cwd(), directory) || directory;
  const more = tables.length - listed;
  return usageError(
    'DATABASE.NOT_EMPTY',
    `${holding(session, tables)}; nothing was applied.`,
    `If these migrations created the tables: dbops migrate baseline. If this is the wrong database, pass another --database-url; if ${shown} is the wrong folder, name yours: --migrations DIR. To apply all migrations beside the tables: dbops migrate up --into-existing`,
    [...tables.slice(0, listed), ...(more > 0 ? [`and ${formatCount(more)} more`] : [])],
  );
}
