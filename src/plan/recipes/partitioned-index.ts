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
    if (!piece || !known?.isPartitioned) return undefined;
    const index = await readPartitionedIndex(piece.sql);
    if (!index?.columns) return undefined;
    const { columns } = index;
    const nameFor = (of: { schema: string; name: string }) =>
      generatedName(catalog, { schema: of.schema, table: of.name, columns, label: 'idx' });
    const name = index.name ?? (await nameFor(known));
    const names = new Map([[quoteName(known), name]]);
    for (const each of known.partitions) names.set(quoteName(each), await nameFor(each));
    const nameOn = (of: { schema: string; name: string }) => names.get(quoteName(of)) ?? '';
    const create = (on: (typeof known.partitions)[number]) =>
      createIndex(index, {
        name: nameOn(on),
        on,
        ...(on.isLeaf ? { words: 'CONCURRENTLY ' } : { only: true }),
      });
    return stepsOf(
      together(
        createIndex(index, { name, on: piece.table, only: true }),
        ...known.partitions.filter(({ isLeaf }) => !isLeaf).map(create),
      ),
      alone(...known.partitions.filter(({ isLeaf }) => isLeaf).map(create)),
      together(
        // The index of a parent becomes valid with the last of its partitions.
        ...known.partitions.toReversed().map((each) => attach(each, nameOn)),
      ),
    );
  },
};

type Named = { schema: string; name: string };

function attach(each: Named & { parent: Named }, nameOn: (of: Named) => string): string {
  const { schema, parent } = each;
  return `ALTER INDEX ${quoteName({ schema: parent.schema, name: nameOn(parent) })} ATTACH PARTITION ${quoteName({ schema, name: nameOn(each) })}`;
}
