import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { KeyChange } from './column-changes.ts';
import type { RowCheck } from './contract-statements.ts';
import { temporaryName } from './sync-trigger.ts';

/** The primary key of a table. */
export interface KnownKey {
  /** Absent: the table has none. */
  name: string | null;
  /** As in ALTER TABLE … ADD CONSTRAINT. */
  definition: string | null;
  /** Of its index: from USING on. */
  index: string | null;
  /** `DEFERRABLE INITIALLY DEFERRED` or less. */
  attributes: string;
  columns: string[];
  /** All columns of the table that are NOT NULL. */
  required: string[];
  /** Names of relations of the schema. */
  taken: string[];
  isPublished: boolean;
}

/** A primary key that is added to a table, or replaces another one. */
export interface NewKey {
  change: KeyChange;
  former: KnownKey;
  next: KnownKey;
}

/** Reads the primary key of a table. @param oid as text */
export async function readKey(session: Session, oid: string): Promise<KnownKey | undefined> {
  const [row] = await session.query<KnownKey & Record<string, unknown>>(keySql, [oid]);
  return row;
}

const keySql = `SELECT o.conname AS name, pg_get_constraintdef(o.oid) AS definition,
       (SELECT substr(pg_get_indexdef(x.oid), length(format('CREATE UNIQUE INDEX %I ON %I.%I ', x.relname, n.nspname, c.relname)) + 1)
          FROM pg_class x WHERE x.oid = o.conindid) AS index,
       CASE WHEN o.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN o.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS attributes,
       ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k (attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY place) AS columns,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND attnotnull) AS required,
       ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = c.relnamespace) AS taken,
       EXISTS (SELECT FROM pg_publication_tables t WHERE (t.schemaname, t.tablename) = (n.nspname, c.relname)) AS "isPublished"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint o ON o.conrelid = c.oid AND o.contype = 'p'
 WHERE c.oid = $1::oid`;

/** The statements of a new primary key; each runs alone, after its columns are NOT NULL. */
export interface KeySteps {
  statements: string[];
  undo: string[];
  check: RowCheck;
  notes: string[];
}

/**
 * Returns the statements that add a primary key without a long lock. One ALTER TABLE replaces the old key, so
 * that the table always has one.
 */
export function keySteps({ change, former, next }: NewKey): KeySteps {
  const { table, dropped } = change;
  const quoted = quoteName(table);
  const name = next.name ?? '';
  const index = temporaryName(name, new Set([...former.taken, ...next.taken]));
  const columns = next.columns.map(q).join(', ');
  const commands = [
    ...(dropped === undefined ? [] : [`DROP CONSTRAINT ${q(dropped)}`]),
    `ADD CONSTRAINT ${q(name)} PRIMARY KEY USING INDEX ${q(index)}${next.attributes}`,
  ];
  const back = [
    `DROP CONSTRAINT ${q(name)}`,
    ...(dropped === undefined ? [] : [`ADD CONSTRAINT ${q(dropped)} ${former.definition}`]),
  ];
  return {
    statements: [
      `CREATE UNIQUE INDEX CONCURRENTLY ${q(index)} ON ${quoted} ${next.index}`,
      `ALTER TABLE ${quoted} ${commands.join(', ')}`,
    ],
    undo: [`ALTER TABLE ${quoted} ${back.join(', ')}`],
    check: {
      sql: `SELECT FROM ${quoted} GROUP BY ${columns} HAVING count(*) > 1`,
      message: `${table.name} has rows with the same ${next.columns.join(', ')}`,
    },
    notes:
      next.isPublished && dropped !== undefined
        ? [
            `${table.name} is published: subscribers find rows by the new key as soon as it replaces the old one. Create the key there first.`,
          ]
        : [],
  };
}
