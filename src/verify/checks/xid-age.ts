import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { formatCount } from '../../output/number.ts';
import type { Check, CheckInput, Problem } from '../definition.ts';

/**
 * Tables with their TOAST tables, of the whole database: system catalogs and temporary tables of other
 * sessions count, too. Autovacuum begins to freeze a table at the age of its setting.
 */
const sql = `WITH limits AS (SELECT greatest($1::float8, current_setting('autovacuum_freeze_max_age')::float8) AS xid,
      greatest($1::float8, current_setting('autovacuum_multixact_freeze_max_age')::float8) AS multixact),
    tables AS (SELECT n.nspname AS schema, c.relname AS name, c.relpersistence = 't' AS "isTemporary",
      greatest(age(c.relfrozenxid), age(t.relfrozenxid))::float8 AS age,
      greatest(mxid_age(c.relminmxid), mxid_age(nullif(t.relminmxid, '0')))::float8 AS "multixactAge"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    WHERE c.relkind IN ('r', 'm') AND c.relfrozenxid <> '0'::xid),
    databases AS (SELECT '' AS schema, datname AS name, false, age(datfrozenxid)::float8, mxid_age(datminmxid)::float8
    FROM pg_database WHERE datname <> current_database())
  SELECT found.*, schema = '' AS "isDatabase", age >= xid AS "isXid"
  FROM (TABLE tables UNION ALL TABLE databases) found, limits
  WHERE age >= xid OR "multixactAge" >= multixact
  ORDER BY greatest(age, "multixactAge") DESC, schema COLLATE "C", name COLLATE "C" LIMIT 100`;

interface OldTable {
  schema: string;
  name: string;
  isTemporary: boolean;
  isDatabase: boolean;
  /** Transactions since its oldest row that is not frozen, and multixacts. */
  age: number;
  multixactAge: number;
  isXid: boolean;
}

/** The server stops accepting writes at 2^31, less a reserve. */
const wraparound = 2 ** 31;

function problemOf(old: OldTable, { thresholds }: CheckInput): Problem {
  const { schema, name, isXid, isDatabase } = old;
  const age = isXid ? old.age : old.multixactAge;
  const object = { kind: isDatabase ? 'database' : 'table', schema, parent: '', name };
  const used = Math.floor((age / wraparound) * 100);
  const what = isXid ? 'transactions' : 'multixacts';
  return {
    object,
    ...(age >= thresholds.ageError && { severity: 'error' }),
    message: `${isDatabase ? 'The database ' : ''}${objectName(object)} has rows that were not frozen for ${formatCount(age)} ${what}: ${used} % of those after which the server accepts no more writes.`,
    ...cureOf(old),
  };
}

function cureOf({
  schema,
  name,
  isDatabase,
  isTemporary,
}: OldTable): Pick<Problem, 'help' | 'fix'> {
  if (isDatabase) return { help: 'Connect to it and run: VACUUM (FREEZE);' };
  if (isTemporary)
    return {
      help: 'It is a temporary table, which only its own session can vacuum: end that session (pg_stat_activity).',
    };
  return {
    help: 'End what holds VACUUM back (old transactions, prepared transactions, replication slots), then freeze it',
    fix: `VACUUM (FREEZE) ${quoteName({ schema, name })};`,
  };
}

export const xidAge: Check = {
  name: 'xid-age',
  group: 'integrity',
  severity: 'warning',
  isStatic: false,
  summary: 'VACUUM freezes the rows of every table long before transaction numbers run out.',
  harm: 'When the oldest row that is not frozen is 2 billion transactions old, the server accepts no more writes in any database until it is vacuumed, which can take days.',
  cure: 'Find what holds VACUUM back: long transactions, forgotten prepared transactions, replication slots, autovacuum_enabled = off. Then VACUUM (FREEZE) the oldest tables.',
  limits:
    'The limits are thresholds.ageWarning and ageError, or autovacuum_freeze_max_age where it is higher, because autovacuum does nothing before. A table is reported with its TOAST table. At most 100 are listed, the oldest first.',
  async find(input) {
    const { session, thresholds } = input;
    const rows = await session.query<OldTable & Record<string, unknown>>(sql, [
      thresholds.ageWarning,
    ]);
    return rows.map((row) => problemOf(row, input));
  },
};
