import { schemaOf } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { Destruction } from '../sql/destructions.ts';
import { distinct, type Destroyed } from './record.ts';
import type { TableName } from './table-shape.ts';

/**
 * Returns the losses that the text of a script names and that the database contains, including
 * objects that were created by hand, which no shadow has.
 *
 * @param toPath SQL that gives names the meaning that they have in the script; absent: for the role
 * @param isAlone nothing else is known of the script: every change of a type is taken for a loss
 */
export async function statedLosses(
  session: Session,
  destructions: readonly Destruction[],
  isAlone = false,
  toPath?: string,
): Promise<Destroyed[]> {
  const losses: Destroyed[] = [];
  for (const destruction of destructions)
    losses.push(...(await lossesOf(session, destruction, isAlone, toPath)));
  return distinct(losses);
}

async function lossesOf(
  session: Session,
  destruction: Destruction,
  isAlone: boolean,
  toPath?: string,
): Promise<Destroyed[]> {
  switch (destruction.kind) {
    case 'hidden':
    case 'some-rows':
      return [];
    case 'schema':
      return (
        await tablesWhere(session, 'n.nspname = $1 AND NOT c.relispartition', destruction.schema)
      ).map((table) => ({ kind: 'table', ...table }));
    case 'table':
      return (await resolve(session, destruction.table, toPath)).map((table) => ({
        kind: 'table',
        ...table,
      }));
    case 'rows': {
      const tables = await resolve(session, destruction.table, toPath);
      const all = destruction.cascades ? await withReferring(session, tables) : tables;
      return all.map((table) => ({ kind: 'rows', ...table }));
    }
    case 'column':
    case 'type': {
      const isDrop = destruction.kind === 'column';
      if (!isDrop && !destruction.isRewritten && !isAlone) return [];
      const [table] = await resolve(session, destruction.table, toPath);
      const from = table && (await typeOf(session, table, destruction.column));
      if (!table || from === undefined) return [];
      const { column } = destruction;
      return isDrop
        ? [{ kind: 'column', ...table, column, change: 'dropped', from }]
        : [
            {
              kind: 'column',
              ...table,
              column,
              change: 'narrowed',
              from,
              ...(destruction.isRewritten && { to: from }),
            },
          ];
    }
  }
}

function tablesWhere(
  session: Session,
  condition: string,
  ...values: unknown[]
): Promise<TableName[]> {
  return session.query<TableName & Record<string, unknown>>(
    `SELECT n.nspname AS schema, c.relname AS "table" FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND n.nspname !~ '^(pg_|dbops$|dbops_|information_schema$)' AND ${condition}
      ORDER BY 1, 2`,
    values,
  );
}

async function resolve(
  session: Session,
  { schema, name }: ObjectName,
  toPath?: string,
): Promise<TableName[]> {
  const place = schema ?? (await schemaOf(session, name, toPath));
  if (place === undefined) return [];
  return tablesWhere(session, 'n.nspname = $2 AND c.relname = $1', name, place);
}

/** TRUNCATE … CASCADE empties what refers to the table, and what refers to that. */
function withReferring(session: Session, tables: readonly TableName[]): Promise<TableName[]> {
  return tablesWhere(
    session,
    `c.oid IN (WITH RECURSIVE emptied (id) AS (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        UNION SELECT f.conrelid FROM pg_constraint f JOIN emptied e ON f.confrelid = e.id)
      SELECT id FROM emptied)`,
    tables.map(({ schema }) => schema),
    tables.map(({ table }) => table),
  );
}

async function typeOf(
  session: Session,
  { schema, table }: TableName,
  column: string,
): Promise<string | undefined> {
  const [row] = await session.query<{ type: string }>(
    `SELECT format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
       JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped
        AND a.attgenerated = ''`,
    [schema, table, column],
  );
  return row?.type;
}
