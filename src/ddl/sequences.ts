import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';

/** A sequence that numbers a column of integers, as its identity or by its default. */
export interface Feed {
  /** `table OID.column number`: no rename changes it. */
  place: string;
  /** OID of the sequence. */
  sequence: number;
  schema: string;
  name: string;
  table: { schema: string; name: string };
  column: string;
}

/** Reads the feeds of all columns outside the system's schemas. */
export function readFeeds(session: Session): Promise<Feed[]> {
  return session.query<Feed & Record<string, unknown>>(
    `SELECT DISTINCT a.attrelid || '.' || a.attnum AS place, s.oid::int8::float8 AS sequence,
        m.nspname AS schema, s.relname AS name, a.attname AS column,
        jsonb_build_object('schema', n.nspname, 'name', c.relname) AS "table"
      FROM (SELECT d.refobjid AS relation, d.refobjsubid AS number, d.objid AS sequence FROM pg_depend d
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
               AND d.refobjsubid > 0 AND d.deptype = 'i'
            UNION ALL
            SELECT f.adrelid, f.adnum, d.refobjid FROM pg_attrdef f
              JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
               AND d.refclassid = 'pg_class'::regclass) used
        JOIN pg_class s ON s.oid = used.sequence AND s.relkind = 'S'
        JOIN pg_namespace m ON m.oid = s.relnamespace
        JOIN pg_attribute a ON a.attrelid = used.relation AND a.attnum = used.number
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
       AND n.nspname !~ '^(pg_|information_schema$|dbops$|dbops_)'
     ORDER BY place`,
  );
}

/** A column that keeps existing, and gets another sequence. */
export interface Refed {
  feed: Feed;
  /** The setting of the transaction that holds the position of the sequence which it had. */
  setting: string;
}

/** @param before columns that exist before a script, as `Feed.place`, and the sequences then */
export function refedColumns(
  before: { places: ReadonlySet<string>; feeds: readonly Feed[] },
  after: readonly Feed[],
): Refed[] {
  const known = new Set(before.feeds.map(({ sequence }) => sequence));
  return after
    .filter(({ sequence, place }) => !known.has(sequence) && before.places.has(place))
    .map((feed) => ({ feed, setting: settingOf(feed.place) }));
}

/** The columns of integers of all tables, as `Feed.place`. */
export async function readPlaces(session: Session): Promise<ReadonlySet<string>> {
  const rows = await session.query<{ place: string }>(
    `SELECT attrelid || '.' || attnum AS place FROM pg_attribute
      WHERE attnum > 0 AND NOT attisdropped
        AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)`,
  );
  return new Set(rows.map(({ place }) => place));
}

const settingOf = (place: string) => `dbops.position_${place.replace('.', '_')}`;

/** SQL that remembers, until the transaction ends, which number a sequence gave out last. */
export function rememberPosition({ place, schema, name }: Feed): string {
  return `SELECT set_config(${quoteLiteral(settingOf(place))}, (SELECT CASE WHEN is_called THEN last_value::text ELSE '' END FROM ${quoteName({ schema, name })}), true)`;
}

/**
 * SQL that sets a new sequence behind every number that its column holds and that the sequence
 * before it gave out; never back.
 */
export function setPosition({ feed, setting }: Refed): string {
  const sequence = quoteName({ schema: feed.schema, name: feed.name });
  const top = (aggregate: string, extreme: string) =>
    `${extreme}((SELECT ${aggregate}(${q(feed.column)}) FROM ${quoteName(feed.table)})::bigint, nullif(current_setting(${quoteLiteral(setting)}, true), '')::bigint)`;
  return `SELECT setval(q.seqrelid::regclass, p.top) FROM pg_sequence q, ${sequence} s,
  LATERAL (SELECT CASE WHEN q.seqincrement > 0 THEN ${top('max', 'greatest')} ELSE ${top('min', 'least')} END AS top) p
 WHERE q.seqrelid = ${quoteLiteral(sequence)}::regclass AND p.top BETWEEN q.seqmin AND q.seqmax
   AND sign(q.seqincrement) * (p.top::numeric - s.last_value) >= 0`;
}

/**
 * Returns columns, as `table.column`, that hold numbers which their sequence will still generate.
 */
export async function columnsAhead(session: Session, feeds: readonly Feed[]): Promise<string[]> {
  const ahead: string[] = [];
  for (const { schema, name, table, column } of feeds) {
    const sequence = quoteName({ schema, name });
    const [row] = await session.query(
      `SELECT FROM pg_sequence q, ${sequence} s
        WHERE q.seqrelid = ${quoteLiteral(sequence)}::regclass AND NOT q.seqcycle
          AND CASE WHEN q.seqincrement > 0
            THEN (SELECT max(${q(column)}) FROM ${quoteName(table)}) >= s.last_value + CASE WHEN s.is_called THEN 1 ELSE 0 END
            ELSE (SELECT min(${q(column)}) FROM ${quoteName(table)}) <= s.last_value - CASE WHEN s.is_called THEN 1 ELSE 0 END END`,
    );
    if (row) ahead.push(`${table.schema}.${table.name}.${column}`);
  }
  return ahead;
}
