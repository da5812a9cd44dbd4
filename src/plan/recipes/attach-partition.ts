import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { commandsOf, nameOf } from '../../sql/non-transactional.ts';
import { readBound } from './partition-bound.ts';
import { stepsOf, together, type KnownTable, type Recipe, type RecipeStep } from './recipe.ts';
import { generatedName } from './server-names.ts';

/**
 * ATTACH scans the default partition under ACCESS EXCLUSIVE unless a valid CHECK proves that it has no row
 * of the new one; the new partition likewise.
 */
export const attachPartition: Recipe = {
  name: 'attach-partition',
  summary:
    'Validate a CHECK on the new partition and one on the default partition first, so that ATTACH scans neither; then drop both.',
  async rewrite({ node, sql }, { catalog }) {
    const [command, another] = commandsOf(node);
    if (!('AlterTableStmt' in node) || another || !command) return undefined;
    const { subtype, def } = command;
    if (subtype !== 'AT_AttachPartition' || !def || !('PartitionCmd' in def)) return undefined;
    const parent = await catalog.table(nameOf(node.AlterTableStmt.relation));
    const child = await catalog.table(nameOf(def.PartitionCmd.name));
    const bound = parent && readBound(sql, def.PartitionCmd.bound, parent);
    if (!parent || !child || child.isPartitioned || bound === undefined) return undefined;
    const proofs = [await proofOn(child, bound, catalog)];
    const other = parent.defaultPartition && (await catalog.table(parent.defaultPartition));
    if (parent.defaultPartition && (!other || other.isPartitioned)) return undefined;
    if (other) proofs.push(await proofOn(other, `NOT (${bound})`, catalog));
    return stepsOf(
      ...proofs.flatMap(({ before }) => before),
      together(sql),
      ...proofs.map(({ after }) => after),
    );
  },
};

/** Returns the steps that prove a condition of every row before a partition is attached, and the one that cleans up. */
export async function proofOn(
  table: KnownTable,
  condition: string,
  catalog: Parameters<typeof generatedName>[0],
): Promise<{ before: RecipeStep[]; after: RecipeStep }> {
  const { schema, name } = table;
  const columns = ['partition_bound'];
  const constraint = await generatedName(catalog, { schema, table: name, columns, label: 'check' });
  const alter = `ALTER TABLE ${quoteName(table)}`;
  return {
    before: [
      together(`${alter} ADD CONSTRAINT ${q(constraint)} CHECK (${condition}) NOT VALID`),
      together(`${alter} VALIDATE CONSTRAINT ${q(constraint)}`),
    ],
    after: together(`${alter} DROP CONSTRAINT ${q(constraint)}`),
  };
}
