import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';

/**
 * The server folds names without quotes to lower case. `R` and `T` are the keywords that cannot be the name
 * of a column or a table (server manual, "SQL Key Words").
 */
const needsQuotes = (name: string) =>
  `(${name} !~ '^[a-z_\\u0080-\\uffff][a-z0-9_$\\u0080-\\uffff]*$' OR ${name}::text IN (SELECT word FROM keywords))`;

const sql = `WITH keywords AS MATERIALIZED (SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T'))
  SELECT n.nspname AS schema, c.relname AS name, c.relkind IN ('v', 'm') AS "isView",
    ${needsQuotes('c.relname')} AS "isTable",
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND ${needsQuotes('a.attname')} ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname')}`;

interface QuotedNames extends Record<string, unknown> {
  schema: string;
  name: string;
  isView: boolean;
  /** Whether the name of the table or view itself needs quotes. */
  isTable: boolean;
  columns: string[];
}

const mostNamed = 5;

function problemOf({ schema, name, isView, isTable, columns }: QuotedNames): Problem {
  const object = { kind: isView ? 'view' : 'table', schema, parent: '', name };
  const named = columns.slice(0, mostNamed).join(', ');
  const list =
    columns.length > mostNamed ? `${named} and ${columns.length - mostNamed} more` : named;
  const which = [
    ...(isTable ? ['its name'] : []),
    ...(columns.length > 0 ? [`columns ${list}`] : []),
  ];
  return {
    object,
    message: `${objectName(object)} must be quoted in SQL: ${which.join('; ')}.`,
    help: 'Use lower-case names that are not reserved words for new tables and columns.',
  };
}

export const quotedName: Check = {
  name: 'quoted-name',
  group: 'tables',
  severity: 'info',
  isStatic: true,
  summary: 'Tables, views and columns have names that need no double quotes.',
  harm: 'Without quotes, the server reads another name or reports a syntax error, which every query by hand, report and tool has to avoid.',
  cure: 'Use lower-case names with underscores for new objects. Renaming existing ones breaks every query that uses them.',
  example: `CREATE TABLE "User" ("createdAt" timestamptz);`,
  limits:
    'One finding names all columns of a table. Tools such as Prisma create quoted names by convention: leave the check out there. Names of functions, types and constraints are not checked.',
  async find({ session }) {
    const rows = await session.query<QuotedNames>(sql);
    return rows.filter(({ isTable, columns }) => isTable || columns.length > 0).map(problemOf);
  },
};
