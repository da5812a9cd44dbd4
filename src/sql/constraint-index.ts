import type { Constraint, Node } from 'libpg-query';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { TableConstraint } from './alter-table.ts';
import { commandsOf, type ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

type ConstraintText = Pick<TableConstraint, 'sql' | 'columns'>;

/** A unique constraint or a primary key, as an index and what is added to the index. */
export interface IndexDefinition {
  kind: 'UNIQUE' | 'PRIMARY KEY';
  /** What CREATE UNIQUE INDEX has after the name of the table. */
  rest: string;
  /** What only the constraint has, with a space before it; may be empty. */
  attributes: string;
}

/** Returns the definition of the index of a constraint; undefined for one that an index cannot become. */
export async function indexDefinition({
  sql,
  columns,
}: ConstraintText): Promise<IndexDefinition | undefined> {
  const part = await parsedConstraint(sql);
  if (!part || part.without_overlaps) return undefined;
  const list = (names: readonly string[]) => `(${names.map(q).join(', ')})`;
  const rest = [
    list(columns),
    ...(part.including ? [`INCLUDE ${list(includedColumns(part))}`] : []),
    ...(part.nulls_not_distinct ? ['NULLS NOT DISTINCT'] : []),
    ...(part.options ? [`WITH (${part.options.map(optionOf).join(', ')})`] : []),
    ...(part.indexspace ? [`TABLESPACE ${q(part.indexspace)}`] : []),
  ].join(' ');
  const deferred = part.initdeferred ? ' INITIALLY DEFERRED' : '';
  const attributes = part.deferrable ? ` DEFERRABLE${deferred}` : '';
  return { kind: part.contype === 'CONSTR_PRIMARY' ? 'PRIMARY KEY' : 'UNIQUE', rest, attributes };
}

/** Returns the statement that builds the index, and the one that adds the constraint from it. */
export function indexAndConstraint(
  table: ObjectName,
  name: string,
  { kind, rest, attributes }: IndexDefinition,
): { create: string; add: string } {
  return {
    create: createUniqueIndex(table, name, rest),
    add: `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${q(name)} ${kind} USING INDEX ${q(name)}${attributes}`,
  };
}

/**
 * Returns the statement that builds an index for a unique constraint or a primary key under another name, and
 * the attributes that only the constraint has; undefined for a constraint that an index cannot become.
 */
export async function indexOfConstraint(
  { table, constraint }: { table: ObjectName; constraint: ConstraintText },
  index: string,
): Promise<{ create: string; attributes: string } | undefined> {
  const definition = await indexDefinition(constraint);
  if (!definition) return undefined;
  const { rest, attributes } = definition;
  return { create: createUniqueIndex(table, index, rest), attributes };
}

function createUniqueIndex(table: ObjectName, name: string, rest: string): string {
  return `CREATE UNIQUE INDEX CONCURRENTLY ${q(name)} ON ${quoteName(table)} ${rest}`;
}

/** Returns the parse tree of a table constraint. */
export async function parsedConstraint(sql: string): Promise<Constraint | undefined> {
  const [{ stmt } = {}] = await parse(`ALTER TABLE t ADD ${sql}`);
  const [{ def } = {}] = commandsOf(stmt);
  return def && 'Constraint' in def ? def.Constraint : undefined;
}

/** Returns the columns of INCLUDE. */
export function includedColumns(constraint: Constraint | undefined): string[] {
  return (constraint?.including ?? []).flatMap((node: Node) =>
    'String' in node ? (node.String.sval ?? '') : [],
  );
}

/** Returns a storage parameter of an index, such as `fillfactor = '70'`. */
function optionOf(node: Node): string {
  if (!('DefElem' in node)) return '';
  const { defname = '', arg } = node.DefElem;
  if (!arg) return q(defname);
  const value = JSON.stringify(arg);
  const [, text = ''] = /"(?:ival|fval|sval)":"?([^"}]*)/.exec(value) ?? [];
  return `${q(defname)} = ${quoteLiteral(text)}`;
}
