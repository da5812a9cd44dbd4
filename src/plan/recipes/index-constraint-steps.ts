import type { Node } from 'libpg-query';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../../db/quote.ts';
import type { TableConstraint } from '../../sql/alter-table.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import {
  constraintName,
  generatedConstraintName,
  includedColumns,
  parsedConstraint,
  type AddedConstraint,
} from './added-constraint.ts';
import { alone, together, type RecipeFacts, type RecipeStep } from './recipe.ts';

/**
 * Returns the steps of ADD UNIQUE, and of ADD PRIMARY KEY on columns that are NOT NULL; undefined for a
 * constraint that an index cannot become.
 */
export async function indexConstraintSteps(
  added: AddedConstraint,
  facts: RecipeFacts,
): Promise<RecipeStep[] | undefined> {
  const name = await constraintName(added, facts);
  const definition = await indexDefinition(added.constraint);
  if (!definition) return undefined;
  if (added.known.isPartitioned) return onPartitions(added, { name, definition }, facts);
  const { create, add } = indexAndConstraint(added, { name, definition });
  return [alone(create), together(add)];
}

/** What a unique index has after the name of its table, and the attributes that only the constraint has. */
interface IndexDefinition {
  kind: 'UNIQUE' | 'PRIMARY KEY';
  rest: string;
  attributes: string;
}

async function indexDefinition({
  kind,
  sql,
  columns,
}: TableConstraint): Promise<IndexDefinition | undefined> {
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
  return { kind: kind === 'primary' ? 'PRIMARY KEY' : 'UNIQUE', rest, attributes };
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

/** Returns the statement that builds the index, and the one that adds the constraint from it. */
function indexAndConstraint(
  { table }: { table: ObjectName },
  { name, definition: { kind, rest, attributes } }: { name: string; definition: IndexDefinition },
): { create: string; add: string } {
  return {
    create: createUniqueIndex(table, name, rest),
    add: `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${q(name)} ${kind} USING INDEX ${q(name)}${attributes}`,
  };
}

function createUniqueIndex(table: ObjectName, name: string, rest: string): string {
  return `CREATE UNIQUE INDEX CONCURRENTLY ${q(name)} ON ${quoteName(table)} ${rest}`;
}

/**
 * Returns the statement that builds an index for a unique constraint or a primary key under another name, and
 * the attributes that only the constraint has; undefined for a constraint that an index cannot become.
 */
export async function indexOfConstraint(
  { table, constraint }: Pick<AddedConstraint, 'table' | 'constraint'>,
  index: string,
): Promise<{ create: string; attributes: string } | undefined> {
  const definition = await indexDefinition(constraint);
  if (!definition) return undefined;
  const { rest, attributes } = definition;
  return { create: createUniqueIndex(table, index, rest), attributes };
}

/**
 * USING INDEX is for plain tables. Each partition gets its constraint first; the one of the parent, which
 * ONLY adds without an index of the partitions, becomes valid when the last of them is attached.
 */
async function onPartitions(
  { table, known, constraint }: AddedConstraint,
  { name, definition }: { name: string; definition: IndexDefinition },
  facts: RecipeFacts,
): Promise<RecipeStep[]> {
  const names = new Map([[quoteName(known), name]]);
  for (const each of known.partitions)
    names.set(quoteName(each), await generatedConstraintName({ known: each, constraint }, facts));
  const nameOn = (of: { schema: string; name: string }) => names.get(quoteName(of)) ?? '';
  const [leaves, parents] = [true, false].map((isLeaf) =>
    known.partitions.filter((each) => each.isLeaf === isLeaf),
  );
  const built = (leaves ?? []).map((each) =>
    indexAndConstraint({ table: each }, { name: nameOn(each), definition }),
  );
  const addOnly = (to: ObjectName, as: string) =>
    `ALTER TABLE ONLY ${quoteName(to)} ADD CONSTRAINT ${q(as)} ${constraint.sql}`;
  return [
    alone(...built.map(({ create }) => create), ...built.map(({ add }) => add)),
    together(addOnly(table, name), ...(parents ?? []).map((each) => addOnly(each, nameOn(each)))),
    together(
      ...known.partitions.toReversed().map(({ parent, schema, ...each }) => {
        const [to, index] = [nameOn(parent), nameOn({ schema, ...each })];
        return `ALTER INDEX ${quoteName({ schema: parent.schema, name: to })} ATTACH PARTITION ${quoteName({ schema, name: index })}`;
      }),
    ),
  ];
}
