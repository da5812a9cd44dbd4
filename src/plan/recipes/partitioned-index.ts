import { quoteName } from '../../db/quote.ts';
import { onlyPiece } from './altered-table.ts';
import { createIndex, readPartitionedIndex } from './index-text.ts';
import { alone, stepsOf, together, type Recipe } from './recipe.ts';
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
    if (!piece || !known?.isPartitioned || known.isNested) return undefined;
    const index = await readPartitionedIndex(piece.sql);
    if (!index?.columns) return undefined;
    const { columns } = index;
    const nameFor = (of: { schema: string; name: string }) =>
      generatedName(catalog, { schema: of.schema, table: of.name, columns, label: 'idx' });
    const name = index.name ?? (await nameFor(known));
    const parent = quoteName({ schema: known.schema, name });
    const children: { name: string; on: { schema: string; name: string } }[] = [];
    for (const on of known.leaves) children.push({ name: await nameFor(on), on });
    return stepsOf(
      together(createIndex(index, { name, on: piece.table, only: true })),
      alone(...children.map((each) => createIndex(index, { ...each, words: 'CONCURRENTLY ' }))),
      together(
        ...children.map(
          ({ name: child, on: { schema } }) =>
            `ALTER INDEX ${parent} ATTACH PARTITION ${quoteName({ schema, name: child })}`,
        ),
      ),
    );
  },
};
