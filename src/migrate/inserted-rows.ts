import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import { schemaOf } from '../db/search-path.ts';
import { readOnly, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { formatCountOf } from '../output/number.ts';
import type { Rollback } from '../rollback/rollback.ts';
import { readCheckpoints } from '../runner/checkpoint.ts';
import { rowChangesOf, type Insert } from '../sql/inserts.ts';

/*
 * Rows that a migration inserts are no part of the schema, so that a rollback leaves them in tables
 * that it does not drop, and the migration fails on their keys when it is applied again.
 */

/** Rows that one INSERT of a migration writes into a table that exists. */
export interface InsertedRows {
  migration: string;
  schema: string;
  table: string;
  /** Absent: a query decides. */
  rows?: number;
  /** The keys whose values are in the text: the columns, and the values of each row. */
  keys: { columns: InsertKeyColumn[]; values: string[][] }[];
  isRepeatable: boolean;
}

interface InsertKeyColumn {
  name: string;
  /** SQL. */
  type: string;
  isBuiltIn: boolean;
}

/** Rows of one INSERT that are looked up. */
const mostRows = 1_000;

/** Returns what the text of a migration inserts into tables that exist, up to what the text hides. */
async function insertedRows(
  session: Session,
  { name: migration, up }: Migration,
  { isApplied, changed }: { isApplied: boolean; changed: Set<string> },
): Promise<{ inserted: InsertedRows[]; isWhole: boolean }> {
  const inserted: InsertedRows[] = [];
  if (up.kind !== 'sql') return { inserted, isWhole: false };
  for (const change of await rowChangesOf(up.sql)) {
    const named = change.kind === 'insert' ? change.insert.table : change.table;
    if (!named) return { inserted, isWhole: false };
    const schema = named.schema ?? (await schemaOf(session, named.name));
    if (schema === undefined) continue;
    const place = { schema, table: named.name };
    const key = quoteName({ schema, name: named.name });
    if (change.kind === 'other') changed.add(key);
    // It fails on that first, which is explained otherwise: the migration may be applied already.
    else if (change.kind === 'create') {
      if (!isApplied && (await exists(session, place, change.column)))
        return { inserted: [], isWhole: false };
    } else if (!changed.has(key)) {
      const found = await locate(session, place, change.insert);
      if (found) inserted.push({ migration, ...found });
    }
  }
  return { inserted, isWhole: true };
}

async function exists(
  session: Session,
  { schema, table }: { schema: string; table: string },
  column?: string,
): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_class c WHERE c.oid = to_regclass($1) AND ($2::text IS NULL OR EXISTS (
       SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped))`,
    [quoteName({ schema, name: table }), column ?? null],
  );
  return rows.length > 0;
}

async function locate(
  session: Session,
  place: { schema: string; table: string },
  { columns, rows, isRepeatable }: Insert,
): Promise<Omit<InsertedRows, 'migration'> | undefined> {
  const known = await readTable(session, quoteName({ schema: place.schema, name: place.table }));
  if (!known) return undefined;
  const names = columns ?? known.columns;
  const keys = known.keys.flatMap((key) => {
    const at = key.map(({ name }) => names.indexOf(name));
    const values = (rows ?? []).slice(0, mostRows).flatMap((row) => {
      const own = at.flatMap((index) => row[index] ?? []);
      return own.length === key.length ? [own] : [];
    });
    return values.length > 0 ? [{ columns: key, values }] : [];
  });
  return { ...place, ...(rows && { rows: rows.length }), keys, isRepeatable };
}

/** A table and its unique keys, the primary key first; nothing where a trigger or rule may change rows. */
async function readTable(session: Session, table: string) {
  const [row] = await session.query<{ columns: string[]; keys: InsertKeyColumn[][] }>(
    `SELECT ARRAY(SELECT attname::text FROM pg_attribute
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
        (SELECT coalesce(jsonb_agg((SELECT jsonb_agg(jsonb_build_object('name', a.attname,
              'type', format_type(a.atttypid, a.atttypmod),
              'isBuiltIn', t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b') ORDER BY k.at)
            FROM unnest((x.indkey::int2[])[0:x.indnkeyatts - 1]) WITH ORDINALITY k (number, at)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
            JOIN pg_type t ON t.oid = a.atttypid) ORDER BY x.indisprimary DESC, x.indexrelid), '[]')
           FROM pg_index x WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid
            AND x.indpred IS NULL AND x.indexprs IS NULL) AS keys
      FROM pg_class c
     WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgtype & 7 = 7 AND tgenabled <> 'D')
       AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid AND ev_type = '3')`,
    [table],
  );
  return row;
}

/** A unique key that exists, in the words of the server. */
interface TakenKey {
  inserted: InsertedRows;
  detail: string;
  /** SQL that deletes the row. */
  remedy: string;
}

const mostTaken = 20;

async function takenKeys(session: Session, inserted: readonly InsertedRows[]): Promise<TakenKey[]> {
  const taken: TakenKey[] = [];
  for (const one of inserted.filter(({ isRepeatable }) => !isRepeatable))
    for (const key of one.keys) {
      const rows = await readOnly(session, () =>
        session.query<{ key: string[] }>(lookup(one, key)),
      ).catch(
        () => [], // what cannot be looked up is left to the run
      );
      taken.push(...rows.map((row) => describeTaken(one, key.columns, row.key)));
    }
  return taken;
}

function lookup(
  { schema, table }: InsertedRows,
  { columns, values }: InsertedRows['keys'][number],
) {
  const equals = ({ name, type, isBuiltIn }: InsertKeyColumn, value: string) => {
    const given = `${quoteLiteral(value)}::${type}`;
    return isBuiltIn ? `${q(name)} = ${given}` : `${q(name)}::text = ${given}::text`;
  };
  const conditions = values.map((row) =>
    columns.map((column, at) => equals(column, row[at] ?? '')).join(' AND '),
  );
  const key = columns.map(({ name }) => `${q(name)}::text`).join(', ');
  return `SELECT DISTINCT ARRAY[${key}] AS key FROM ${quoteName({ schema, name: table })}
    WHERE ${conditions.map((each) => `(${each})`).join(' OR ')} ORDER BY 1 LIMIT ${mostTaken}`;
}

function describeTaken(
  inserted: InsertedRows,
  columns: readonly InsertKeyColumn[],
  key: string[],
): TakenKey {
  const table = quoteName({ schema: inserted.schema, name: inserted.table });
  const names = columns.map(({ name }) => name).join(', ');
  const condition = columns.map(({ name }, at) => `${q(name)} = ${quoteLiteral(key[at] ?? '')}`);
  return {
    inserted,
    detail: `Detail: Key (${names})=(${key.join(', ')}) already exists.`,
    remedy: `DELETE FROM ${table} WHERE ${condition.join(' AND ')};`,
  };
}

/**
 * Looks for rows whose keys migrations insert again, before the first of them runs.
 *
 * @param migrations in the order in which they will run
 * @throws code 1 that names the rows
 */
export async function assertKeysAreFree(
  session: Session,
  folder: Folder,
  migrations: readonly Migration[],
): Promise<void> {
  const inserts = ({ up }: Migration) => up.kind === 'sql' && /\binsert\b/i.test(up.sql);
  if (!migrations.some(inserts) || (await isEmpty(session, folder))) return;
  const begun = new Set((await readCheckpoints(session, folder)).map(({ migration }) => migration));
  const inserted: InsertedRows[] = [];
  const changed = new Set<string>();
  for (const migration of migrations) {
    if (begun.has(migration.name)) break; // what of it has run does not run again
    const found = await insertedRows(session, migration, { isApplied: false, changed });
    inserted.push(...found.inserted);
    if (!found.isWhole) break;
  }
  refuse(await takenKeys(session, inserted), 'nothing was applied');
}

/** Returns whether the database has no table but those of the tool itself. */
async function isEmpty(session: Session, { tracking }: Folder): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$|dbops$|dbops_)'
        AND concat(n.nspname, '.', c.relname) <> ALL ($1) LIMIT 1`,
    [tracking.tables],
  );
  return rows.length === 0;
}

/** The same for rows that a rollback leaves, before it runs. */
export async function assertNoKeyStays(
  session: Session,
  staying: readonly InsertedRows[],
): Promise<void> {
  refuse(await takenKeys(session, staying), 'nothing was rolled back');
}

function refuse([first, ...further]: readonly TakenKey[], outcome: string): void {
  if (!first) return;
  const { migration } = first.inserted;
  const all = [first, ...further];
  const tables = [...new Set(all.map(({ inserted: { schema, table } }) => `${schema}.${table}`))];
  throw new DbopsError({
    code: 'MIGRATION.ROWS_EXIST',
    exitCode: exitCodes.failed,
    message: `${migration} inserts keys that ${tables.join(' and ')} already ${tables.length === 1 ? 'has' : 'have'}; ${outcome}.`,
    reason: all.map(({ detail }) => detail),
    hint: `If an earlier run of ${migration} wrote these rows, which a rollback leaves, delete them: ${all.map(({ remedy }) => remedy).join(' ')} Otherwise add ON CONFLICT DO NOTHING to the INSERT.`,
  });
}

/** Returns the rows that a migration has inserted and its rollback leaves, as far as the texts say. */
export async function rowsThatStay(
  session: Session,
  migration: Migration,
  rollback: Rollback | undefined,
): Promise<InsertedRows[]> {
  const { inserted } = await insertedRows(session, migration, {
    isApplied: true,
    changed: new Set(),
  });
  if (inserted.length === 0) return [];
  const dropped = new Set(
    (rollback?.changes ?? []).flatMap(({ change, object: { kind, schema, name } }) =>
      change === 'extra' && kind === 'table' ? [quoteName({ schema, name })] : [],
    ),
  );
  const down = migration.down;
  const undone = down?.kind === 'sql' ? await rowChangesOf(down.sql) : [];
  const isUndone = (one: InsertedRows) =>
    down?.kind === 'module' ||
    undone.some(
      (change) =>
        change.kind === 'other' &&
        (!change.table ||
          (change.table.name === one.table &&
            (change.table.schema === undefined || change.table.schema === one.schema))),
    );
  return inserted.filter(
    (one) => !dropped.has(quoteName({ schema: one.schema, name: one.table })) && !isUndone(one),
  );
}

/** `1 row that 0002_b inserts stays in public.job (id 7); applying 0002_b again may fail`. */
export function describeStaying({
  migration,
  schema,
  table,
  rows,
  keys,
  isRepeatable,
}: InsertedRows) {
  const count = rows === undefined ? 'rows' : formatCountOf(rows, 'row');
  const [key] = keys;
  const values = key?.values.slice(0, 3).map((row) => row.join(', ')) ?? [];
  const more = (key?.values.length ?? 0) > values.length ? '; …' : '';
  const which = key
    ? ` (${key.columns.map(({ name }) => name).join(', ')} ${values.join('; ')}${more})`
    : '';
  const verb = rows === 1 ? 'stays' : 'stay';
  const risk = isRepeatable
    ? ''
    : `; applying ${migration} again may fail on ${rows === 1 ? 'it' : 'them'}`;
  return `${count} that ${migration} inserted ${verb} in ${schema}.${table}${which}${risk}`;
}
