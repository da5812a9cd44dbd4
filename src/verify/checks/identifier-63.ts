import { objectName, type ObjectIdentity } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/**
 * The server truncates a name in a statement at 63 bytes. A name that ends with the suffix of its kind was shortened
 * before, by the server or by a tool, which keep the suffix.
 */
const isCut = (name: string) => `octet_length(${name}::text) = 63
  AND ${name} !~ '_(pkey|key|fkey|idx|check|excl|seq|not_null|fk|pk|uk|unique|uniq|index|ix)[0-9]*$'`;

const ofTables = `JOIN pg_class c ON c.oid = o.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT c.relispartition AND c.relpersistence <> 't' AND ${isOfTeam('n', 'pg_class', 'c.oid')} AND ${isCut('o.name')}`;

/** What belongs to a table; an index of a constraint has its name. */
const parts = [
  `SELECT 'column' AS kind, attname AS name, attrelid AS relation FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped`,
  `SELECT 'constraint', conname, conrelid FROM pg_constraint WHERE conrelid <> 0 AND contype <> 'n'`,
  `SELECT 'trigger', tgname, tgrelid FROM pg_trigger WHERE NOT tgisinternal`,
  `SELECT 'policy', polname, polrelid FROM pg_policy`,
  `SELECT 'index', i.relname, x.indrelid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conname = i.relname)`,
];

const sql = `SELECT o.kind, n.nspname AS schema, c.relname AS parent, o.name
    FROM (${parts.join(' UNION ALL ')}) o ${ofTables} AND c.relkind IN ('r', 'p', 'm', 'f')
  UNION ALL SELECT CASE WHEN c.relkind = 'S' THEN 'sequence' WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
      n.nspname, '', o.name
    FROM (SELECT relname AS name, oid AS relation FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')) o ${ofTables}
  UNION ALL SELECT 'function', n.nspname, '', p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${isOfTeam('n', 'pg_proc', 'p.oid')} AND ${isCut('p.proname')}
  UNION ALL SELECT 'type', n.nspname, '', t.typname
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('e', 'd', 'r') AND ${isOfTeam('n', 'pg_type', 't.oid')} AND ${isCut('t.typname')}`;

const ordered = `SELECT * FROM (${sql}) o ${byName('schema', 'parent', 'name', 'kind')}`;

export const identifier63: Check = {
  name: 'identifier-63',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'No name was truncated by the server, which keeps 63 bytes.',
  harm: 'Two long names with the same beginning become one and collide, and a tool that compares names finds a difference each time.',
  cure: 'Choose a shorter name and rename the object: ALTER … RENAME TO.',
  example: `CREATE TABLE members (id bigint);
CREATE INDEX members_of_organizations_that_were_invited_by_an_administrator_by_id ON members (id);`,
  limits:
    'Every name of exactly 63 bytes is reported, also one that was written so, but for names that end with a usual suffix such as _fkey or _idx. A name that was truncated before a character of several bytes is shorter and is not found.',
  async find({ session }) {
    const objects = await session.query<ObjectIdentity & Record<string, unknown>>(ordered);
    return objects.map(({ kind, schema, parent, name }) => {
      const object = { kind, schema, parent, name };
      return {
        object,
        part: kind,
        message: `The name of the ${kind} ${objectName(object)} has 63 bytes, at which the server truncates names.`,
        help: 'Rename it to a shorter name, in the migration that creates it or by ALTER … RENAME TO.',
      };
    });
  },
};
