import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { commandsOf, nameOf } from '../../sql/non-transactional.ts';
import { alone, stepsOf, together, type Recipe } from './recipe.ts';
import { generatedName } from './server-names.ts';

/**
 * DETACH takes ACCESS EXCLUSIVE on the parent. CONCURRENTLY is refused where a default partition exists,
 * and leaves a CHECK with the bound of the partition.
 */
export const detachConcurrently: Recipe = {
  name: 'detach-concurrently',
  summary: 'Detach the partition CONCURRENTLY, and drop the CHECK that this leaves on it.',
  async rewrite({ node }, { catalog }) {
    const [command, another] = commandsOf(node);
    if (!('AlterTableStmt' in node) || another || !command) return undefined;
    const { subtype, def } = command;
    if (subtype !== 'AT_DetachPartition' || !def || !('PartitionCmd' in def)) return undefined;
    if (def.PartitionCmd.concurrent) return undefined;
    const [parentName, childName] = [
      nameOf(node.AlterTableStmt.relation),
      nameOf(def.PartitionCmd.name),
    ];
    const [parent, child] = [await catalog.table(parentName), await catalog.table(childName)];
    if (!parent || !child || parent.defaultPartition || parent.partitionStrategy === 'hash')
      return undefined;
    if (parent.partitionKey.length === 0) return undefined;
    const [column, further] = parent.partitionKey;
    const columns = column !== undefined && further === undefined ? [column] : [];
    const { schema, name: table } = child;
    const left = await generatedName(catalog, { schema, table, columns, label: 'check' });
    return stepsOf(
      alone(
        `ALTER TABLE ${quoteName(parentName)} DETACH PARTITION ${quoteName(childName)} CONCURRENTLY`,
      ),
      together(`ALTER TABLE ${quoteName(childName)} DROP CONSTRAINT IF EXISTS ${q(left)}`),
    );
  },
};
