import { onlyPiece } from './altered-table.ts';
import { createIndex, readPartitionedIndex } from './index-text.ts';
import { indexTree } from './index-tree.ts';
import { alone, stepsOf, together, type KnownPartition, type Recipe } from './recipe.ts';
import { generatedName } from './server-names.ts';

/** CREATE INDEX on a partitioned table takes SHARE on every partition, and cannot be CONCURRENTLY. */
export const partitionedIndex: Recipe = {
  name: 'partitioned-index',
  summary:
    'Create the index on the parent alone, build those of the partitions CONCURRENTLY, and attach them.',
  async rewrite(statement, { catalog }) {
    const piece = onlyPiece(statement, 'create-index');
    const isOnly = 'IndexStmt' in statement.node && statement.node.IndexStmt.relation?.inh !== true;
    const known = piece && !isOnly ? await catalog.table(piece.table) : undefined;
    if (!piece || !known?.isPartitioned) return undefined;
    const index = await readPartitionedIndex(piece.sql);
    if (!index?.columns) return undefined;
    const { columns } = index;
    const nameFor = (of: { schema: string; name: string }) =>
      generatedName(catalog, { schema: of.schema, table: of.name, columns, label: 'idx' });
    const name = index.name ?? (await nameFor(known));
    const { nameOn, leaves, parents, attach } = await indexTree(known, name, nameFor);
    const create = (on: KnownPartition) =>
      createIndex(index, {
        name: nameOn(on),
        on,
        ...(on.isLeaf ? { words: 'CONCURRENTLY ' } : { only: true }),
      });
    return stepsOf(
      together(createIndex(index, { name, on: piece.table, only: true }), ...parents.map(create)),
      alone(...leaves.map(create)),
      attach,
    );
  },
};
