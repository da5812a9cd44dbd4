import type { Constraint, Node } from 'libpg-query';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { TableConstraint } from './alter-table.ts';
import type { ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

/**
 * Returns the statement that builds the index of a unique constraint or a primary key, and the attributes
 * that only the constraint has; undefined for a constraint that an index cannot become.
 */
export async function indexOfConstraint(
  {
    table,
    constraint,
  }: { table: ObjectName; constraint: Pick<TableConstraint, 'sql' | 'columns'> },
  index: string,
): Promise<{ create: string; attributes: string } | undefined> {
  const part = await parsedConstraint(constraint.sql);
  if (!part || part.without_overlaps) return undefined;
  const list = (nodes: readonly Node[] = []) =>
    nodes.flatMap((node) => ('String' in node ? q(node.String.sval ?? '') : [])).join(', ');
  const create = [
    `CREATE UNIQUE INDEX CONCURRENTLY ${q(index)} ON ${quoteName(table)} (${constraint.columns.map(q).join(', ')})`,
    ...(part.including ? [`INCLUDE (${list(part.including)})`] : []),
    ...(part.nulls_not_distinct ? ['NULLS NOT DISTINCT'] : []),
    ...(part.options ? [`WITH (${part.options.map(optionOf).join(', ')})`] : []),
    ...(part.indexspace ? [`TABLESPACE ${q(part.indexspace)}`] : []),
  ].join(' ');
  const deferred = part.initdeferred ? ' INITIALLY DEFERRED' : '';
  return { create, attributes: part.deferrable ? ` DEFERRABLE${deferred}` : '' };
}

async function parsedConstraint(sql: string): Promise<Constraint | undefined> {
  const [{ stmt } = {}] = await parse(`ALTER TABLE t ADD ${sql}`);
  const [cmd] = stmt && 'AlterTableStmt' in stmt ? (stmt.AlterTableStmt.cmds ?? []) : [];
  const def = cmd && 'AlterTableCmd' in cmd ? cmd.AlterTableCmd.def : undefined;
  return def && 'Constraint' in def ? def.Constraint : undefined;
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
