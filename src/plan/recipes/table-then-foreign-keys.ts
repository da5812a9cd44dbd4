import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { TableConstraint } from '../../sql/alter-table.ts';
import { nameOf, type ObjectName } from '../../sql/non-transactional.ts';
import { constraintName } from './added-constraint.ts';
import { withoutForeignKeys } from './create-table-text.ts';
import {
  stepsOf,
  together,
  type KnownTable,
  type Recipe,
  type RecipeCatalog,
  type RecipeFacts,
  type RecipeStep,
} from './recipe.ts';

/** A foreign key takes SHARE ROW EXCLUSIVE on the referenced table until its transaction ends. */
export const tableThenForeignKeys: Recipe = {
  name: 'table-then-foreign-keys',
  summary:
    'Create the table without its foreign keys, and add each in a short transaction of its own, so that writes to a referenced table wait only for that.',
  async rewrite({ node, sql }, facts) {
    if (!('CreateStmt' in node) || node.CreateStmt.partbound || node.CreateStmt.if_not_exists)
      return undefined;
    const table = nameOf(node.CreateStmt.relation);
    const isPartitioned = node.CreateStmt.partspec !== undefined;
    if (node.CreateStmt.relation?.relpersistence !== 'p') return undefined;
    const schema = table.schema ?? (await facts.catalog.creationSchema());
    const isOther = (name?: string, of?: string) =>
      name !== table.name || (of ?? schema) !== schema;
    const keys: TableConstraint[] = [];
    const found = await withoutForeignKeys(sql, (key) => {
      if (key.kind !== 'foreign-key') return false;
      keys.push(key);
      return isOther(key.references?.name, key.references?.schema);
    });
    if (!found || found.keys.length === 0) return undefined;
    const known: KnownTable = { ...emptyTable, schema, name: table.name, isPartitioned };
    const steps: RecipeStep[] = [together(found.sql)];
    const alter = `ALTER TABLE ${quoteName(table)}`;
    const names = await namesOf(keys, { table, known }, facts);
    for (const constraint of found.keys) {
      const name = names.get(constraint) ?? '';
      const add = `${alter} ADD CONSTRAINT ${q(name)} ${constraint.sql}`;
      // The table is empty; PostgreSQL 18 accepts NOT VALID on a partitioned table, but it has no partitions.
      if (isPartitioned) steps.push(together(add));
      else
        steps.push(
          together(`${add} NOT VALID`),
          together(`${alter} VALIDATE CONSTRAINT ${q(name)}`),
        );
    }
    return stepsOf(...steps);
  },
};

/** Returns the names that the server gives the keys in their order, those that remain in CREATE TABLE too. */
async function namesOf(
  keys: readonly TableConstraint[],
  of: { table: ObjectName; known: KnownTable },
  { catalog }: RecipeFacts,
): Promise<Map<TableConstraint, string>> {
  const names = new Map<TableConstraint, string>();
  const takenNames: RecipeCatalog['takenNames'] = async (...request) =>
    new Set([...(await catalog.takenNames(...request)), ...names.values()]);
  for (const constraint of keys)
    names.set(
      constraint,
      await constraintName({ ...of, constraint }, { catalog: { ...catalog, takenNames } }),
    );
  return names;
}

const emptyTable = {
  partitions: [],
  hasHeirs: false,
  notNull: new Set<string>(),
  columns: new Set<string>(),
  indexes: [],
  partitionKey: [],
};
